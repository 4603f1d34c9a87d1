//! Both sides of the boundary are held to the same bytes: `samples/inputs.txt`, as the driver writes them, and `samples/effects.txt`, as
//! it reads them. The other half is `tests/client/boundary.test.mjs`. After a change, `KAIROS_WRITE_SAMPLES=1` writes them anew, each
//! half its own.

use std::rc::Rc;

use kairos_client_core::{
    Action, Code, Effect, Event, Failure, Fetch, Guard, HttpResponse, Input, Key, Lock, Mode, Outcome, PageEvent, Put,
    Range, Refusal, Response, Row, SignedOut, Source, Store, Transaction,
};

use super::{Reader, Writer, read_input, write_effect};

const ENTROPY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255];

fn text(value: &str) -> String {
    value.to_owned()
}

fn key(store: Store, name: &str, number: u64) -> Key {
    Key { store, owner: "u1".into(), name: name.into(), number }
}

fn row(key: Key) -> Row {
    Row { key, stamp: 9_007_199_254_740_991, text: "1\n{\"ü\":\"🦀\"}".into() }
}

fn http_response() -> HttpResponse {
    HttpResponse {
        status: 200,
        body: text("{}"),
        content_type: text("application/json"),
        etag: Some(text("\"x\"")),
        generations: Some(text("catalog=7")),
        retry_after: Some(String::new()),
        ..HttpResponse::default()
    }
}

fn inputs() -> Vec<Input> {
    let path = || text("/v1/modules?q=ü");
    let module = || text("caching");
    vec![
        Input::Get { request: 1, path: path(), mode: Mode::OnlyIfCached },
        Input::Watch { watch: 4_294_967_295, path: path() },
        Input::Unwatch { watch: 2 },
        Input::Mutate { request: 3, module: module(), action: Action::Study { seconds: 30 }, entropy: ENTROPY },
        Input::Mutate { request: 3, module: module(), action: Action::Study { seconds: u32::MAX }, entropy: ENTROPY },
        Input::Mutate { request: 3, module: module(), action: Action::Submit { score: None }, entropy: ENTROPY },
        Input::Mutate { request: 3, module: module(), action: Action::Submit { score: Some(255) }, entropy: ENTROPY },
        Input::Resend { request: 4, number: 1 << 40, module: module(), action: Action::Open {}, entropy: ENTROPY },
        Input::Dismiss { request: 5, numbers: vec![1, 1 << 40] },
        Input::SignIn { request: 6, path: text("/v1/auth/login"), body: text("{}"), drops_others: true },
        Input::SignOut { request: 7, discard: true },
        Input::Request { request: 8, method: text("PUT"), path: path(), body: None },
        Input::Sync { request: 9 },
        Input::Abort { request: 10 },
        Input::Fetched { fetch: 11, response: http_response() },
        Input::FetchFailed { fetch: 12 },
        Input::Rows {
            read: 13,
            rows: vec![row(key(Store::Meta, "session", 0)), row(key(Store::Journal, "", 1 << 40))],
        },
        Input::ReadFailed { read: 14 },
        Input::Committed { write: 15, numbers: vec![] },
        Input::NotCommitted { write: 16, refusal: Refusal::Quota },
        Input::Timer,
        Input::LockGranted { lock: Lock::Leader },
        Input::LockRefused { lock: Lock::Session },
        Input::LockLost { lock: Lock::Leader },
        Input::Message { text: text("outbox") },
        Input::Page(PageEvent::Offline),
        Input::DiskOpened,
        Input::DiskRefused,
        Input::DiskClosed,
    ]
}

fn transaction() -> Transaction {
    let response = || key(Store::Responses, "/v1/me", 0);
    let put = |key, if_newer| Put { row: row(key), if_newer };
    Transaction {
        guards: vec![
            Guard::Stamp(key(Store::Meta, "session", 0), 3),
            Guard::Exists(key(Store::Operations, "", 4)),
            Guard::NoneOf(Store::Rejected, "u1".into()),
        ],
        deletes: vec![Range::One(response()), Range::OwnedBy(Store::Operations, "u1".into())],
        puts: vec![put(response(), true), put(key(Store::Operations, "", 0), false)],
        is_durable: true,
    }
}

fn response() -> Response {
    Response {
        body: "{\"ü\":1}".into(),
        source: Source::Edge,
        is_stale: true,
        is_complete: false,
        age_ms: 1 << 40,
        generation: 7,
        pending: 2,
        degraded: Some("stale".into()),
        policy: "catalog-list",
    }
}

fn effects() -> Vec<Effect> {
    let resolve = |outcome| Effect::Resolve { request: 1, outcome };
    let fail = |code, problem: Option<&str>| resolve(Err(Failure { code, problem: problem.map(Rc::from) }));
    let fetch = Fetch {
        fetch: 1,
        method: "POST".into(),
        path: "/v1/me".into(),
        token: Some("t".into()),
        min_generation: Some("catalog=7".into()),
        timeout_ms: 20_000,
        ..Fetch::default()
    };
    let after = Some(key(Store::Responses, "/v1/me", 0));
    vec![
        Effect::Fetch(fetch),
        Effect::Read {
            read: 2,
            ranges: vec![Range::Index { after: None, limit: 9 }, Range::Index { after, limit: 9 }],
        },
        Effect::Write { write: 3, transaction: transaction() },
        Effect::SetTimer { at_ms: 1 << 40 },
        Effect::RequestLock(Lock::Session),
        Effect::ReleaseLock(Lock::Leader),
        Effect::Tell(text("outbox")),
        resolve(Ok(Outcome::Response(response()))),
        resolve(Ok(Outcome::Recorded { id: "a".into(), is_durable: true })),
        resolve(Ok(Outcome::SignedIn("{}".into()))),
        resolve(Ok(Outcome::Reply { status: 204, body: "".into() })),
        resolve(Ok(Outcome::Done)),
        fail(Code::PendingOperations, None),
        fail(Code::Problem("not-found".into()), Some("{}")),
        Effect::Notify { watch: 5 },
        Effect::Emit(Event::Status),
        Effect::Emit(Event::SignedOut(SignedOut::Replaced)),
    ]
}

fn sample(name: &str) -> String {
    format!("{}/samples/{name}.txt", env!("CARGO_MANIFEST_DIR"))
}

fn bytes(line: &str) -> Vec<u8> {
    let digits: Vec<char> = line.chars().collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hexadecimal"))
        .collect()
}

#[test]
fn what_the_driver_writes_is_read_as_it_was_meant() {
    let samples = std::fs::read_to_string(sample("inputs")).expect("samples of inputs");
    let found: Vec<String> = samples
        .lines()
        .map(|line| {
            let bytes = bytes(line);
            let mut reader = Reader::new(&bytes);
            let input = read_input(&mut reader);
            assert!(reader.is_empty(), "{line}");
            format!("{:?}", input.expect("an input"))
        })
        .collect();
    assert_eq!(found, inputs().iter().map(|input| format!("{input:?}")).collect::<Vec<_>>());
}

#[test]
fn effects_are_written_as_the_driver_expects() {
    let lines = effects().iter().fold(String::new(), |lines, effect| {
        let mut writer = Writer::default();
        write_effect(&mut writer, effect);
        let line: String = writer.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        lines + &line + "\n"
    });
    if std::env::var_os("KAIROS_WRITE_SAMPLES").is_some() {
        std::fs::write(sample("effects"), &lines).expect("a place for samples");
    }
    assert_eq!(lines, std::fs::read_to_string(sample("effects")).expect("samples of effects"));
}

#[test]
fn what_is_cut_short_or_something_else_is_no_input() {
    let samples = std::fs::read_to_string(sample("inputs")).expect("samples of inputs");
    for line in samples.lines() {
        let bytes = bytes(line);
        for length in 0..bytes.len() {
            let cut = bytes.get(..length).unwrap_or_default();
            assert!(read_input(&mut Reader::new(cut)).is_none(), "{length} bytes of {line}");
        }
    }
    assert!(read_input(&mut Reader::new(&[26])).is_none());
}
