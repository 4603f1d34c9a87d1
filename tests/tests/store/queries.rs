//! What MongoDB is sent: one command for each read (rows Q1 and Q4) besides that for its namespace's number, each answered from an
//! index and in its order (row Q3).

use std::sync::{Arc, Mutex};

use kairos_origin::store::catalog::{ModuleFilter, ModulePosition};
use kairos_origin::store::mongo::{MongoStore, configure};
use kairos_origin::store::{AccountStore, CatalogStore, ProgressStore};
use kairos_protocol::api::catalog::Difficulty;
use kairos_protocol::api::operation::Action;
use kairos_tests::world::{StoreKind, World};
use mongodb::bson::{Bson, Document, doc};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use mongodb::options::ClientOptions;

use super::samples::{NOW, module, operation, slug, user};

/// A store that tells every command it sends.
struct Listening {
    store: MongoStore,
    commands: Arc<Mutex<Vec<Document>>>,
}

impl Listening {
    async fn new(world: &World) -> Self {
        let commands = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&commands);
        let mut options = ClientOptions::parse(world.mongodb_url().unwrap()).await.unwrap();
        configure(&mut options);
        options.command_event_handler = Some(EventHandler::callback(move |event| {
            if let CommandEvent::Started(started) = event {
                heard.lock().unwrap().push(started.command);
            }
        }));
        let store = MongoStore::with_options(options, &world.name).unwrap();
        store.module(&slug("none")).await.unwrap();
        Self { store, commands }
    }

    /// The commands sent since this was last asked.
    fn sent(&self) -> Vec<Document> {
        std::mem::take(&mut *self.commands.lock().unwrap())
    }

    /// What the server says of the one command that was sent since, besides the point query for the namespace's number.
    async fn explain_only_command(&self, what: &str) -> Document {
        let mut sent = self.sent();
        sent.retain(|command| command.get_str("find") != Ok("generations"));
        assert_eq!(sent.len(), 1, "{what}: {sent:?}");
        let mut command = sent.remove(0);
        // What belongs to the connection, and explain does not take.
        for field in
            ["lsid", "readConcern", "$db", "$clusterTime", "txnNumber", "$readPreference", "apiVersion", "writeConcern"]
        {
            command.remove(field);
        }
        let explain = doc! { "explain": command, "verbosity": "executionStats" };
        let explained = self.store.database().run_command(explain).await;
        self.sent();
        explained.unwrap_or_else(|error| panic!("{what}: {error}"))
    }
}

/// Every stage in the winning plan.
fn stages(explained: &Document) -> Vec<String> {
    fn walk(value: &Bson, found: &mut Vec<String>) {
        match value {
            Bson::Document(document) => {
                found.extend(document.get_str("stage").ok().map(str::to_owned));
                document.iter().filter(|(key, _)| *key != "rejectedPlans").for_each(|(_, inner)| walk(inner, found));
            }
            Bson::Array(items) => items.iter().for_each(|inner| walk(inner, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&Bson::Document(explained.clone()), &mut found);
    found
}

fn number(document: &Document, key: &str) -> i64 {
    document.get(key).and_then(|v| v.as_i64().or_else(|| v.as_i32().map(i64::from))).unwrap_or(-1)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_is_one_command_on_an_index() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let listening = Listening::new(&world).await;
    let store = &listening.store;
    fill(store).await;
    let ada = user("ada");
    let place = |subject: &str| Some(ModulePosition { subject: subject.to_owned(), position: 100, slug: slug("m100") });
    let filter = |subject: Option<&str>, difficulty, tag: Option<&str>| ModuleFilter {
        subject: subject.map(str::to_owned),
        difficulty,
        tag: tag.map(str::to_owned),
    };
    listening.sent();

    let lists = [
        ("all", filter(None, None, None)),
        ("subject", filter(Some("S1"), None, None)),
        ("difficulty", filter(None, Some(Difficulty::Beginner), None)),
        ("tag", filter(None, None, Some("all"))),
        ("subject and difficulty", filter(Some("S1"), Some(Difficulty::Beginner), None)),
        ("subject and tag", filter(Some("S1"), None, Some("all"))),
    ];
    for (what, filter) in &lists {
        for after in [None, place("S1")] {
            let found = store.list_modules(filter, after.as_ref(), 51).await.unwrap().value;
            assert!(!found.is_empty(), "{what}");
            check_plan(&listening, &format!("modules by {what}, after {after:?}")).await;
        }
    }
    store.list_progress(&ada, None, 51).await.unwrap();
    check_plan(&listening, "progress").await;
    store.list_progress(&ada, Some(&slug("m100")), 51).await.unwrap();
    check_plan(&listening, "progress, next page").await;
    let page = store.list_history(&ada, None, 51).await.unwrap().value;
    check_plan(&listening, "history").await;
    store.list_history(&ada, page.last().map(|e| (e.at_ms, e.id.clone())).as_ref(), 51).await.unwrap();
    check_plan(&listening, "history, next page").await;

    // Statistics read each of the learner's records once, and search sorts by score: those need not be in an index's order.
    assert_eq!(store.statistics(&ada).await.unwrap().value.modules, 120);
    let plan = stages(&listening.explain_only_command("statistics").await);
    assert!(plan.contains(&"IXSCAN".to_owned()) && !plan.contains(&"COLLSCAN".to_owned()), "statistics: {plan:?}");
    store.search_modules("text", 50).await.unwrap();
    let plan = stages(&listening.explain_only_command("search").await);
    assert!(plan.contains(&"IXSCAN".to_owned()) && !plan.contains(&"COLLSCAN".to_owned()), "search: {plan:?}");
    store.account_by_email("ada@example.org").await.unwrap();
    let plan = stages(&listening.explain_only_command("account").await);
    assert!(plan.contains(&"IXSCAN".to_owned()), "account: {plan:?}");
}

/// The one command that was sent reads an index in its order, and hardly more than it returns.
async fn check_plan(listening: &Listening, what: &str) {
    let explained = listening.explain_only_command(what).await;
    let plan = stages(&explained);
    assert!(plan.contains(&"IXSCAN".to_owned()), "{what}: {plan:?}");
    assert!(!plan.iter().any(|stage| stage == "SORT" || stage == "COLLSCAN"), "{what}: {plan:?}");
    let stats = explained.get_document("executionStats").unwrap();
    let (keys, returned) = (number(stats, "totalKeysExamined"), number(stats, "nReturned"));
    // One key more for each range that is sought.
    assert!(keys <= returned + returned / 5 + 3, "{what}: {keys} keys for {returned} documents, {plan:?}");
}

/// 300 modules in two subjects, of which ada has done something in 120.
async fn fill(store: &MongoStore) {
    let one = |n: u32| {
        let mut module = module(&format!("m{n:03}"));
        module.summary.subject = format!("S{}", n / 150 + 1);
        module.summary.position = n;
        module.summary.tags = vec!["all".to_owned()];
        module
    };
    let modules: Vec<_> = (0..300).map(one).collect();
    store.import_modules(&modules, NOW).await.unwrap();
    for name in ["ada", "bob"] {
        let done = (0..120).map(|n| operation(&format!("op{n}"), &format!("m{n:03}"), NOW - n, Action::Open {}));
        let done: Vec<_> = done.map(|o| (user(name), o)).collect();
        store.import_operations(&done, NOW).await.unwrap();
    }
}

/// A read and the number that comes with it are of one moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_and_its_number_are_of_one_snapshot() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let listening = Listening::new(&world).await;
    listening.sent();
    listening.store.module(&slug("m")).await.unwrap();
    let sent = listening.sent();
    let concerns: Vec<_> = sent.iter().map(|command| command.get_document("readConcern").unwrap()).collect();
    let [first, second] = concerns.as_slice() else { panic!("{sent:?}") };
    assert_eq!([first, second].map(|c| c.get_str("level").unwrap()), ["snapshot", "snapshot"], "{sent:?}");
    assert!(second.contains_key("atClusterTime"), "{sent:?}");
}
