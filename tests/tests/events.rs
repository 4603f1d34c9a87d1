//! `GET /v1/events`: what changed is told as it changes, to whom it concerns, from where they had got to.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check fails the test")]

use std::time::{Duration, Instant};

use kairos_origin::events::MOST_OF_A_LEARNER;
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::sync::generation::Generations;
use kairos_tests::in_every_world;
use kairos_tests::origin::{Person, TestOrigin, draft};
use kairos_tests::reply::Reply;
use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

/// Within this, what another instance wrote is told: a second until it is looked up, and what a busy machine takes.
const SOON: Duration = Duration::from_secs(10);

/// What a stream tells.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Numbers(String),
    Nothing,
}

struct Stream {
    response: reqwest::Response,
    read: String,
}

impl Stream {
    async fn open(origin: &TestOrigin, person: Option<&Person>, last_event_id: &str) -> Self {
        let response = request(origin, person, last_event_id).send().await.unwrap();
        assert_eq!(response.status(), 200);
        for (name, value) in
            [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
        {
            assert_eq!(response.headers().get(name).unwrap(), value, "{name}");
        }
        Self { response, read: String::new() }
    }

    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let told = told(event);
                self.read = rest.to_owned();
                return Some(told);
            }
            let bytes = self.response.chunk().await.unwrap()?;
            self.read.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// The numbers of the next event that has some, which comes soon.
    async fn numbers(&mut self) -> String {
        let next = async {
            loop {
                match self.next().await {
                    Some(Told::Numbers(numbers)) => return numbers,
                    Some(Told::Nothing) => {}
                    None => panic!("the stream has ended"),
                }
            }
        };
        timeout(SOON, next).await.unwrap()
    }

    /// Reads on until it tells of at least `numbers`.
    async fn hears_of(&mut self, numbers: &str) -> String {
        loop {
            let told = self.numbers().await;
            if Generations::parse(&told).satisfies(&Generations::parse(numbers)) {
                return told;
            }
        }
    }
}

fn told(event: &str) -> Told {
    if event == ":" {
        return Told::Nothing;
    }
    let lines: Vec<&str> = event.lines().collect();
    let [name, id, data] = lines.try_into().unwrap();
    let (id, data) = (id.strip_prefix("id: ").unwrap(), data.strip_prefix("data: ").unwrap());
    assert_eq!((name, id), ("event: generations", data));
    Told::Numbers(data.to_owned())
}

fn request(origin: &TestOrigin, person: Option<&Person>, last_event_id: &str) -> reqwest::RequestBuilder {
    let mut request = origin.request(Method::GET, paths::EVENTS);
    if let Some(person) = person {
        request = request.bearer_auth(&person.token);
    }
    if last_event_id.is_empty() { request } else { request.header("last-event-id", last_event_id) }
}

async fn study(origin: &TestOrigin, person: &Person, id: &str) -> Reply {
    let action = json!({ "kind": "study", "seconds": 60 });
    let operation = json!({ "id": id, "module": "caching", "at_ms": 5, "action": action });
    origin.send_as(person, Method::POST, paths::OPERATIONS, &json!({ "operations": [operation] })).await.expect(200)
}

async fn publish(origin: &TestOrigin, author: &Person, slug: &str) -> Reply {
    origin.send_as(author, Method::POST, paths::MODULES, &draft(slug)).await.expect(201)
}

in_every_world! { each_hears_what_concerns_them who_comes_back_hears_what_they_missed what_others_write_is_heard_of }

async fn each_hears_what_concerns_them(origin: TestOrigin) {
    let (author, ada, grace) = (origin.author().await, origin.learner("ada").await, origin.learner("grace").await);
    origin.publish(&author, &["caching"]).await;
    let mut nobody = Stream::open(&origin, None, "").await;
    let mut ada_reads = Stream::open(&origin, Some(&ada), "").await;
    // Where each begins.
    assert!(nobody.numbers().await.starts_with("catalog="));
    let first = ada_reads.numbers().await;
    assert!(first.contains(&format!("user.{}=", ada.id.as_str())), "{first}");
    // Of what another learner does nobody hears: the next event is about the next write.
    study(&origin, &grace, "op-1").await;
    let own = study(&origin, &ada, "op-1").await.generations();
    let heard = ada_reads.numbers().await;
    assert!(Generations::parse(&heard).satisfies(&Generations::parse(&own)), "{heard} {own}");
    assert!(!heard.contains(grace.id.as_str()), "{heard}");
    let catalog = publish(&origin, &author, "vary").await.generations();
    assert_eq!(nobody.numbers().await, catalog);
    let both = ada_reads.numbers().await;
    assert!(both.contains(&catalog) && both.contains(&own), "{both}");
}

#[tokio::test]
async fn an_instance_tells_its_own_writes_at_once() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let author = origin.author().await;
    let mut reads = Stream::open(&origin, None, "").await;
    let _ = reads.numbers().await;
    let began = Instant::now();
    for n in 0..20 {
        let written = publish(&origin, &author, &format!("module-{n}")).await.generations();
        assert_eq!(reads.numbers().await, written);
    }
    // Twenty looks at the store take twenty seconds.
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

async fn who_comes_back_hears_what_they_missed(origin: TestOrigin) {
    let author = origin.author().await;
    let before = publish(&origin, &author, "caching").await.generations();
    let after = publish(&origin, &author, "vary").await.generations();
    assert_eq!(Stream::open(&origin, None, &before).await.numbers().await, after);
    // Who has missed nothing is told that the stream is there, and then the next change.
    let mut current = Stream::open(&origin, None, &after).await;
    assert_eq!(current.next().await, Some(Told::Nothing));
    let next = publish(&origin, &author, "freshness").await.generations();
    assert_eq!(current.numbers().await, next);
    // Nobody can have seen that: it counts as none. Nor is nonsense an error.
    for nonsense in ["catalog=999999999999999", "catalog=-1", "?", "user.somebody=5"] {
        assert_eq!(Stream::open(&origin, None, nonsense).await.numbers().await, next, "{nonsense}");
    }
}

async fn what_others_write_is_heard_of(origin: TestOrigin) {
    let other = origin.sibling().await;
    let (author, ada) = (other.author().await, other.learner("ada").await);
    let mut reads = Stream::open(&origin, Some(&ada), "").await;
    let _ = reads.numbers().await;
    let catalog = publish(&other, &author, "caching").await.generations();
    reads.hears_of(&catalog).await;
    let own = study(&other, &ada, "op-1").await.generations();
    reads.hears_of(&own).await;
}

#[tokio::test]
async fn a_stream_ends_with_its_token_and_not_before() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let ada = origin.learner("ada").await;
    // Some two seconds before the token is over.
    origin.clock.advance_ms(15 * 60 * 1_000 - 2_000);
    let began = Instant::now();
    let mut reads = Stream::open(&origin, Some(&ada), "").await;
    while timeout(SOON, reads.next()).await.unwrap().is_some() {}
    assert!(began.elapsed() > Duration::from_millis(500), "{:?}", began.elapsed());
    origin.clock.advance_ms(10_000);
    let expired = origin.send(request(&origin, Some(&ada), "")).await;
    let _ = expired.problem(ProblemType::TokenExpired);
    let forged = Person { token: "nonsense".to_owned(), ..ada };
    let _ = origin.send(request(&origin, Some(&forged), "")).await.problem(ProblemType::TokenInvalid);
    let _ = origin.get("/v1/events?since=1").await.problem(ProblemType::InvalidQuery);
}

#[tokio::test]
async fn a_learner_has_so_many_streams_and_who_hangs_up_gives_the_place_back() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let (ada, grace) = (origin.learner("ada").await, origin.learner("grace").await);
    let mut streams = Vec::new();
    for _ in 0..MOST_OF_A_LEARNER {
        streams.push(Stream::open(&origin, Some(&ada), "").await);
    }
    let refused = request(&origin, Some(&ada), "").send().await.unwrap();
    // Before it is read: a stream has no end.
    assert_eq!(refused.status(), 429);
    let refused = Reply::read(refused).await;
    let _ = refused.problem(ProblemType::TooManyRequests);
    assert!(refused.header("retry-after").is_some());
    let _others = (Stream::open(&origin, Some(&grace), "").await, Stream::open(&origin, None, "").await);
    streams.pop();
    // The connection's end is seen as soon as the origin gets to it.
    let again = async {
        while request(&origin, Some(&ada), "").send().await.unwrap().status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, again).await.unwrap();
}

#[tokio::test]
async fn with_the_store_down_streams_go_on_and_none_begins() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let other = origin.sibling().await;
    let author = origin.author().await;
    let mut reads = Stream::open(&origin, None, "").await;
    let _ = reads.numbers().await;
    origin.store.break_down();
    let ada = origin.tokens.sign(&author.id, &[]).unwrap();
    let stranger = Person { token: ada, ..author.clone() };
    let refused = origin.send(request(&origin, Some(&stranger), "")).await;
    let _ = refused.problem(ProblemType::Unavailable);
    assert!(refused.header("retry-after").is_some());
    let missed = publish(&other, &author, "caching").await.generations();
    origin.store.repair();
    reads.hears_of(&missed).await;
}

#[tokio::test]
async fn a_stream_outlives_the_longest_request_and_beats() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let author = origin.author().await;
    let mut reads = Stream::open(&origin, None, "").await;
    let _ = reads.numbers().await;
    let began = Instant::now();
    assert_eq!(timeout(Duration::from_secs(60), reads.next()).await.unwrap(), Some(Told::Nothing));
    assert!(began.elapsed() >= Duration::from_secs(20), "{:?}", began.elapsed());
    let written = publish(&origin, &author, "caching").await.generations();
    assert_eq!(reads.numbers().await, written);
}
