//! Managed servers as they come (row C4): TLS with an authority of their own, `mongodb+srv`, credentials from a file; and that no
//! credential is ever printed. Not what the servers do.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::process::Stdio;

use kairos_origin::cache::redis::{Redis, RedisConfig};
use kairos_origin::environment::Environment;
use kairos_origin::store::HealthStore;
use kairos_origin::store::mongo::MongoStore;
use kairos_tests::dns::NameServer;
use kairos_tests::mongod::Mongod;
use kairos_tests::program::{PATIENCE, program, run};
use kairos_tests::redis::RedisServer;
use kairos_tests::tls::{self, TlsProxy};
use kairos_tests::world::{StoreKind, World};
use mongodb::bson::doc;
use mongodb::options::ClientOptions;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

const SECRET: &str = "S3cr3t%2Fpass";
/// The same without the percent sign's code.
const SECRET_AS_IT_IS: &str = "S3cr3t/pass";

/// A proxy before the world's MongoDB, and the URL that leads there without saying whom to trust.
async fn mongo_with_tls(world: &World) -> (TlsProxy, String) {
    let plain = ClientOptions::parse(world.mongodb_url().unwrap()).await.unwrap();
    let proxy = TlsProxy::start(plain.hosts.first().unwrap().to_string()).await;
    // Direct: the set would name its members, and their ports speak no TLS.
    let url = format!("mongodb://{}/{}?directConnection=true&tls=true", proxy.address(), world.name);
    (proxy, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn mongodb_is_reached_over_tls() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let (proxy, url) = mongo_with_tls(&world).await;
    let trusting = format!("{url}&tlsCAFile={}", proxy.ca_file().display());
    let store = MongoStore::open(&trusting).await.unwrap();
    store.create_indexes().await.unwrap();
    store.ping().await.unwrap();
    assert!(proxy.handshakes() > 0);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, format!("{trusting}\n")).unwrap();
    let file = file.display().to_string();
    let Some(said) = run(&["indexes"], &[("KAIROS_MONGODB_URL_FILE", &file)]).await else { return };
    assert_eq!(said.code, Some(0), "{said:?}");

    let said = run(&["indexes", "--mongodb-url", &url], &[]).await.unwrap();
    assert_eq!((said.code, said.errors.lines().count()), (Some(1), 1), "whom nobody trusts: {said:?}");
    assert!(said.errors.contains("certificate"), "{said:?}");
    let said = run(&["indexes", "--mongodb-url", &url, "--mongodb-url-file", &file], &[]).await.unwrap();
    assert!(said.code == Some(1) && said.errors.contains("leave one out"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_reached_over_tls() {
    let Some(redis) = RedisServer::start().await else { return };
    let proxy = TlsProxy::start(format!("127.0.0.1:{}", redis.port())).await;
    let url = format!("rediss://{}", proxy.address());
    let ca_pem = Some(std::fs::read(proxy.ca_file()).unwrap());
    for (ca_pem, is_reached) in [(ca_pem, true), (None, false)] {
        let config = RedisConfig { ca_pem, ..RedisConfig::new(&url) };
        let redis = Redis::connect(config, Environment::system()).await.unwrap();
        assert_eq!(redis.is_reached(), is_reached, "with the authority: {is_reached}");
    }
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, &url).unwrap();
    let before = proxy.handshakes();
    let mut server = Command::new(program)
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env_clear()
        .env("KAIROS_REDIS_URL_FILE", &file)
        .env("KAIROS_REDIS_CA_FILE", proxy.ca_file())
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(line.contains("in process and Redis"), "{line}");
    assert!(proxy.handshakes() > before);
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_one_line() {
    let url = "mongodb+srv://ada:S3cr3t@nowhere.invalid/kairos";
    let Some(said) = run(&["indexes", "--mongodb-url", url], &[]).await else { return };
    assert_eq!((said.code, said.errors.lines().count()), (Some(1), 1), "{said:?}");
    assert!(said.errors.contains("DNS") && said.errors.contains("--mongodb-url"), "{said:?}");
}

/// As Atlas has it: the URL names a service, DNS says where that is, and what is there speaks TLS. Behind it is a router, since the members of a
/// set would name each other by ports that speak none.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_found_by_dns() {
    let (Some(config), Some(shard)) =
        tokio::join!(Mongod::start_member("--configsvr", "config"), Mongod::start_member("--shardsvr", "one"))
    else {
        return;
    };
    let Some(router) = Mongod::start_router(&["--configdb", &format!("config/{}", config.address())]).await else {
        return;
    };
    let admin = router.client().await.database("admin");
    admin.run_command(doc! { "addShard": format!("one/{}", shard.address()) }).await.unwrap();
    let proxy = TlsProxy::start(router.address()).await;
    let Some(dns) = NameServer::start("_mongodb._tcp.cluster.kairos.test", tls::SERVER, proxy.port()).await else {
        return;
    };
    let Some(program) = program() else { return };
    let url = "mongodb+srv://cluster.kairos.test/kairos";
    for (url, said) in [
        (format!("{url}?tlsCAFile={}", proxy.ca_file().display()), None),
        (url.to_owned(), Some("certificate")),
        ("mongodb+srv://other.kairos.test/kairos".to_owned(), Some("DNS")),
    ] {
        let mut command = dns.command(&program);
        command.args(["indexes", "--create", "--mongodb-url", &url]).kill_on_drop(true);
        let output = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), said.is_none(), "{url}: {errors}");
        assert!(said.is_none_or(|said| errors.contains(said)), "{url}: {errors}");
    }
    assert!(proxy.handshakes() > 0);
}

/// Starts a server, waits for its line or its end, and gives all that it printed.
async fn all_that_is_printed(arguments: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program()?);
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "trace"]).args(arguments).env_clear();
    command.current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut server = command.spawn().unwrap();
    let mut printed = BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    timeout(PATIENCE, printed.read_line(&mut line)).await.unwrap().unwrap();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(server.id().unwrap_or(0)).unwrap());
    if !line.is_empty() {
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    }
    let mut errors = String::new();
    timeout(PATIENCE, server.stderr.take().unwrap().read_to_string(&mut errors)).await.unwrap().unwrap();
    Some(line + &errors)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_is_printed() {
    let Some(redis) = RedisServer::start().await else { return };
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let hosts = ClientOptions::parse(world.mongodb_url().unwrap()).await.unwrap().hosts;
    let mongo = hosts.first().unwrap().to_string();
    let redis = format!("127.0.0.1:{}", redis.port());
    for url in [
        // Refused by the server, at a port that nobody listens on, unknown, and not to be read in several ways.
        format!("mongodb://ada:{SECRET}@{mongo}/kairos"),
        format!("mongodb://ada:{SECRET}@127.0.0.1:1/kairos?serverSelectionTimeoutMS=500"),
        format!("mongodb+srv://ada:{SECRET}@nowhere.invalid/kairos"),
        format!("mongodb+srv://ada:{SECRET}@a,b/kairos"),
        format!("mongodb://ada:{SECRET_AS_IT_IS}@{mongo}/kairos"),
        format!("mongodb://ada:{SECRET}@host:port/kairos"),
        format!("mongodb://ada:{SECRET}@{mongo}/kairos?authMechanism={SECRET}"),
        format!("mongo://ada:{SECRET}@{mongo}/kairos"),
        format!("ada:{SECRET}@{mongo}"),
    ] {
        let Some(printed) = all_that_is_printed(&["--mongodb-url", &url]).await else { return };
        println!("{url}: {printed}");
        assert!(!printed.is_empty() && !printed.contains("S3cr3t"), "{url}: {printed}");
    }
    for url in [
        format!("redis://:{SECRET}@{redis}"),
        format!("redis://ada:{SECRET}@127.0.0.1:1"),
        format!("rediss://ada:{SECRET}@{redis}"),
        format!("redis://ada:{SECRET}@host:port"),
        format!("redis://ada:{SECRET_AS_IT_IS}@{redis}"),
        format!("ada:{SECRET}@{redis}"),
    ] {
        let printed = all_that_is_printed(&["--redis-url", &url]).await.unwrap();
        println!("{url}: {printed}");
        assert!(!printed.is_empty() && !printed.contains("S3cr3t"), "{url}: {printed}");
    }
}
