//! The edge worker: answers the catalogue near its readers and forwards everything else to the origin. A learner's own data is
//! never looked up or stored here (I-PRIVATE). Not here: the app's files, which the platform serves (`wrangler.toml`), and
//! writes, which are only forwarded.
//!
//! To run it by hand, from the root, as it is shipped:
//!
//! ```sh
//! cargo xtask build
//! node_modules/.bin/wrangler dev --local --ip 127.0.0.1 --var ORIGIN_URL:http://127.0.0.1:8080
//! ```
//!
//! The first writes `edge/build/`, which `wrangler.toml` names: this as wasm, its bindings, and `edge/entry.js`.

mod cache_store;
mod exchange;
mod handler;
pub mod order;
mod platform;
pub mod request;
mod response;
pub mod reuse;
pub mod route;
pub mod storability;
pub mod stored_response;
mod upstream;

use kairos_protocol::UnixMillis;
use kairos_protocol::api::problem::ProblemType;
use web_sys::{Request, Response};
use worker::{Context, Env, console_error, event};

use crate::upstream::Upstream;

/// Runs when an instance starts. A panic ends the instance, and the platform starts another: the log must say why.
#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// Answers one request. What fails here is answered too: nobody gets the runtime's own error page.
#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> worker::Result<Response> {
    let upstream = Upstream::new(&env.var("ORIGIN_URL")?.to_string());
    let outcome = match handler::handle(&request, &upstream, now).await {
        Ok(response) => platform::respond(response),
        Err(error) => Err(error),
    };
    outcome.or_else(|error| {
        console_error!("{} {}: {error:?}", request.method(), request.url());
        let problem = ProblemType::BadGateway.with_detail("The origin's response could not be forwarded.");
        platform::respond(response::problem_response(&problem, None)).map_err(worker::Error::from)
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the edge takes the time; everything else gets it passed in"
)]
fn now() -> UnixMillis {
    UnixMillis::try_from(worker::Date::now().as_millis()).unwrap_or(UnixMillis::MAX)
}
