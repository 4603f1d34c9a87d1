//! How long the client waits before it sends again.

use kairos_client_core::{Fetch, HttpResponse, PageEvent};
use kairos_client_simulation::{Scene, refusal};

const OPERATIONS: &str = "/v1/me/operations";

#[test]
fn a_server_that_asks_for_patience_gets_it() {
    fn patience(fetch: &Fetch) -> Option<HttpResponse> {
        let refused = HttpResponse { retry_after: Some("3600".into()), ..refusal(429, "too-many-requests") };
        (&*fetch.path == OPERATIONS).then_some(refused)
    }
    let mut scene = Scene::new(1);
    scene.sign_in(0, 0);
    scene.answer(Some(patience));
    scene.study(0, 0, "m0");
    scene.wait(5_000);
    let attempts = scene.sent(OPERATIONS);
    scene.page(0, PageEvent::Online);
    scene.study(0, 0, "m1");
    scene.wait(600_000);
    assert_eq!((scene.sent(OPERATIONS), scene.status(0).pending.len()), (attempts, 2));
}
