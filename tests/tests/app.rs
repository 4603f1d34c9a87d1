//! The learner's app beside the API, by the program (`kairos-origin serve --app`): what its files are served with, and that the API's
//! paths stay the API's. What the app does in a browser is in `tests/browser`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check fails the test")]

use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use kairos_protocol::api::problem::ProblemType;
use kairos_tests::http;
use kairos_tests::program::{PATIENCE, program, run};
use kairos_tests::reply::Reply;
use reqwest::Method;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The app's own file, as it is shipped.
const RULES: &str = include_str!("../../web/public/_headers");
const DOCUMENT: &str = "<!doctype html><title>Kaïros</title>";
const SCRIPT: &str = "/assets/index-abc.js";

/// An app as `cargo xtask build` leaves it, and a secret beside its folder.
fn build(folder: &Path) {
    let write = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write("secret.txt", b"not served");
    write("dist/.hidden", b"not served");
    write("dist/_headers", RULES.as_bytes());
    write("dist/index.html", DOCUMENT.as_bytes());
    write("dist/sw.js", "self.addEventListener('fetch', () => {});\n".repeat(50).as_bytes());
    write("dist/assets/index-abc.js", script().as_bytes());
    write("dist/assets/font.woff2", &[7; 2_000]);
    write("dist/manifest.webmanifest", b"{}");
}

fn script() -> String {
    "export const answer = 42; // the same again and again\n".repeat(100)
}

/// A served app. The process ends with it.
struct Served {
    url: String,
    client: reqwest::Client,
    _child: Child,
    _folder: tempfile::TempDir,
}

impl Served {
    async fn start() -> Option<Self> {
        let (program, folder) = (program()?, tempfile::tempdir().unwrap());
        build(folder.path());
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--app", "dist"]).current_dir(folder.path()).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap_or_default();
        let url =
            line.split_whitespace().find(|word| word.starts_with("http://")).unwrap_or_else(|| panic!("{line:?}"));
        Some(Self { url: url.to_owned(), client: http::client(), _child: child, _folder: folder })
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Reply::read(request.send().await.unwrap()).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path, &[]).await
    }

    /// Status line, headers and body of a request for exactly this target, which no client would leave as it is.
    async fn get_exactly(&self, target: &str) -> String {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut response)).await.unwrap().unwrap();
        response
    }
}

#[tokio::test]
async fn files_have_the_headers_that_the_app_asks_for() {
    let Some(served) = Served::start().await else { return };
    for (path, media_type, cache_control) in [
        ("/", "text/html; charset=utf-8", "public, no-cache"),
        ("/index.html", "text/html; charset=utf-8", "public, no-cache"),
        ("/sw.js", "text/javascript; charset=utf-8", "public, no-cache"),
        ("/manifest.webmanifest", "application/manifest+json", "public, no-cache"),
        (SCRIPT, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/assets/font.woff2", "font/woff2", "public, max-age=31536000, immutable"),
    ] {
        let reply = served.get(path).await.expect(200);
        assert_eq!(reply.header("content-type"), Some(media_type), "{path}");
        assert_eq!(reply.header("cache-control"), Some(cache_control), "{path}");
        // Every header that the file for the edge names, word for word.
        let rules = RULES.lines().skip(1).take_while(|line| !line.is_empty());
        for (name, value) in rules.map(|line| line.trim().split_once(": ").unwrap()) {
            assert_eq!(reply.header(&name.to_lowercase()), Some(value), "{path}: {name}");
        }
        assert!(reply.header("content-security-policy").is_some(), "{path}");
        assert!(reply.header("etag").is_some_and(|tag| tag.starts_with('"')), "{path}");
        let length = reply.body.len().to_string();
        let head = served.ask(Method::HEAD, path, &[]).await.expect(200);
        assert_eq!((head.header("content-length"), head.body.len()), (Some(length.as_str()), 0), "{path}");
        assert_eq!(head.header("etag"), reply.header("etag"), "{path}");
    }
    let metrics = served.get("/metrics").await.expect(200).text();
    assert!(metrics.lines().any(|line| line.contains("route=\"app\"")), "they are counted as the app's");
}

#[tokio::test]
async fn each_coding_holds_the_same_under_its_own_tag() {
    let Some(served) = Served::start().await else { return };
    let mut tags = Vec::new();
    for (accepted, coding) in
        [("gzip, br, zstd", Some("br")), ("gzip", Some("gzip")), ("identity", None), ("br;q=0, gzip;q=0", None)]
    {
        let reply = served.ask(Method::GET, SCRIPT, &[("accept-encoding", accepted)]).await.expect(200);
        assert_eq!(reply.header("content-encoding"), coding, "{accepted}");
        assert_eq!(reply.header("vary"), Some("accept-encoding"), "{accepted}");
        let mut text = String::new();
        match coding {
            Some("br") => {
                let _ = brotli::Decompressor::new(&*reply.body, 4_096).read_to_string(&mut text).unwrap();
            }
            Some(_) => {
                let _ = flate2::read::GzDecoder::new(&*reply.body).read_to_string(&mut text).unwrap();
            }
            None => text = reply.text(),
        }
        assert_eq!(text, script(), "{accepted}");
        assert!(coding.is_none() || reply.body.len() * 10 < text.len(), "{accepted}: {} bytes", reply.body.len());
        tags.push(reply.header("etag").unwrap().to_owned());
    }
    let [brotli, gzip, identity, neither] = tags.as_slice() else { panic!("{tags:?}") };
    assert!(brotli != gzip && gzip != identity && identity == neither, "{tags:?}");

    // What is small, or compressed already, is sent as it is.
    for path in ["/", "/assets/font.woff2"] {
        let reply = served.ask(Method::GET, path, &[("accept-encoding", "br, gzip")]).await.expect(200);
        assert_eq!((reply.header("content-encoding"), reply.header("vary")), (None, None), "{path}");
    }
}

#[tokio::test]
async fn who_has_a_file_is_told_so() {
    let Some(served) = Served::start().await else { return };
    let tag = served.get(SCRIPT).await.expect(200).header("etag").unwrap().to_owned();
    for named in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
        for method in [Method::GET, Method::HEAD] {
            let reply = served.ask(method, SCRIPT, &[("if-none-match", &named)]).await.expect(304);
            assert_eq!((reply.header("etag"), reply.body.len()), (Some(tag.as_str()), 0), "{named}");
            assert!(reply.header("cache-control").is_some_and(|value| value.contains("immutable")), "{named}");
            assert_eq!(reply.header("vary"), Some("accept-encoding"), "{named}");
        }
    }
    let _ = served.ask(Method::GET, SCRIPT, &[("if-none-match", "\"other\"")]).await.expect(200);
}

#[tokio::test]
async fn views_are_the_document_and_what_is_not_there_is_not_found() {
    let Some(served) = Served::start().await else { return };
    for view in ["/", "/modules/caching", "/progress", "/sign-in?next=%2Fhistory", "/v1x", "/_headers"] {
        let reply = served.get(view).await.expect(200);
        assert_eq!(
            (reply.text().as_str(), reply.header("cache-control")),
            (DOCUMENT, Some("public, no-cache")),
            "{view}"
        );
    }
    // An open page of the build before asks for its scripts: a document would be none, and stay in its cache for a year.
    for path in ["/assets/index-old.js", "/missing.png", "/.hidden", "/assets/../index.htm"] {
        let _ = served.get(path).await.problem(ProblemType::NotFound);
    }
    // The API's paths, those too that it does not know.
    for path in ["/v1", "/v1/nothing", "/v1/modules/nothing", "/health/nothing", "/.well-known/nothing", "/metrics/x"] {
        let _ = served.get(path).await.problem(ProblemType::NotFound);
    }
    let _ = served.ask(Method::POST, "/progress", &[]).await.problem(ProblemType::NotFound);
    let _ = served.ask(Method::DELETE, "/v1/modules", &[]).await.problem(ProblemType::MethodNotAllowed);
    let _ = served.get("/v1/modules").await.expect(200);
    let _ = served.get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    let Some(served) = Served::start().await else { return };
    for target in [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/..\\secret.txt",
        "//secret.txt",
        "/./../secret.txt",
        "/assets/%00/../../secret.txt",
    ] {
        let response = served.get_exactly(target).await;
        assert!(!response.contains("not served"), "{target}: {response}");
        let status = response.split_whitespace().nth(1).unwrap_or_default();
        assert!(["400", "404"].contains(&status), "{target}: {response}");
    }
}

#[tokio::test]
async fn what_is_no_app_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("_headers"), "no path\n").unwrap();
    for (name, content, said) in
        [("_headers", "no path\n", "line 1"), ("_headers", "/*\n  X: y\n", "cargo xtask build")]
    {
        std::fs::write(folder.path().join(name), content).unwrap();
        let path = folder.path().to_str().unwrap();
        let data = folder.path().join("kairos.db");
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--app", path, "--data", data.to_str().unwrap()];
        let Some(ended) = run(&arguments, &[]).await else { return };
        assert_eq!((ended.code, ended.errors.lines().count()), (Some(1), 1), "{ended:?}");
        assert!(ended.errors.contains(said) && ended.errors.contains("--app"), "{ended:?}");
    }
}
