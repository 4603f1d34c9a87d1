//! An origin whose processors have more to do than they can: what is refused, what is served all the same, and that it ends. The origin runs
//! on this test's only thread, which somebody else uses most of the time.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use kairos_protocol::api::headers::KAIROS_DEGRADED;
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_tests::origin::TestOrigin;
use kairos_tests::reply::Reply;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// After so long others may run: the runtime looks for what has arrived after some sixty such turns.
const BUSY: Duration = Duration::from_millis(2);
/// For what takes as long as it takes.
const PATIENT: Duration = Duration::from_secs(120);

/// Takes the thread from everybody, over and over, as thousands of tasks would that are always ready.
fn keep_busy() -> JoinHandle<()> {
    tokio::spawn(async {
        loop {
            std::thread::sleep(BUSY);
            let mut is_next = false;
            let others = poll_fn(|context| {
                context.waker().wake_by_ref();
                if std::mem::replace(&mut is_next, true) { Poll::Ready(()) } else { Poll::Pending }
            });
            others.await;
        }
    })
}

/// Eight readers at once of what nobody has asked for before, by `number`.
async fn read_anew(origin: &TestOrigin, number: &mut u32) -> Vec<Reply> {
    *number += 1;
    let paths: Vec<String> = (0..8).map(|reader| format!("{}?tag=t{number}-{reader}", paths::MODULES)).collect();
    join_all(paths.iter().map(|path| origin.get(path))).await
}

#[tokio::test]
async fn what_would_be_late_is_refused_and_what_is_stored_is_served_until_it_is_over() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let author = origin.author().await;
    origin.publish(&author, &["caching", "vary"]).await;
    let stale = origin.get("/v1/modules/vary").await.expect(200);
    origin.clock.advance_ms(3_600_000);
    let fresh = origin.get("/v1/modules/caching").await.expect(200);

    let (busy, mut number) = (keep_busy(), 0);
    let refused = async {
        loop {
            let replies = read_anew(&origin, &mut number).await;
            if let Some(refused) = replies.into_iter().find(|reply| reply.status != 200) {
                return refused;
            }
        }
    };
    let refused = timeout(PATIENT, refused).await.unwrap();
    let _ = refused.problem(ProblemType::Unavailable);
    assert_eq!(refused.header("retry-after"), Some("2"));
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    assert!(refused.header("x-request-id").is_some());
    let hit = origin.get("/v1/modules/caching").await.expect(200);
    assert_eq!((hit.text(), hit.header(KAIROS_DEGRADED)), (fresh.text(), None));
    let degraded = async {
        loop {
            let (_, reply) = tokio::join!(read_anew(&origin, &mut number), origin.get("/v1/modules/vary"));
            if let Some(mark) = reply.header(KAIROS_DEGRADED) {
                return (reply.status, mark.to_owned(), reply.text());
            }
            if reply.status == 200 {
                // It was loaded before the next lateness was known.
                origin.clock.advance_ms(3_600_000);
            }
        }
    };
    let degraded = timeout(PATIENT, degraded).await.unwrap();
    assert_eq!(degraded, (200.try_into().unwrap(), "stale".to_owned(), stale.text()));
    let _ = origin.get(paths::HEALTH_LIVE).await.expect(200);

    busy.abort();
    let over = async { while read_anew(&origin, &mut number).await.iter().any(|reply| reply.status != 200) {} };
    timeout(PATIENT, over).await.unwrap();
}
