//! **Kaïros is a learning platform that answers fast, stays up when something behind it is down, and works with no network at
//! all.** Three tiers share one contract, and each caches; no caller ever sees a state older than one that they have seen.
//!
//! | crate | what it is | begin with |
//! | --- | --- | --- |
//! | [`kairos_protocol`](../kairos_protocol/index.html) | what the tiers agree on: HTTP caching, the wire types, generations, the cache policies. No I/O, no clock | `policy` |
//! | [`kairos_origin`](../kairos_origin/index.html) | the API over a store and caches | `routes` |
//! | `kairos_edge`, in `edge/` | the worker that answers near its readers | `handler` |
//! | `kairos_client`, in `client-wasm/` | the browser client, an npm package | `kairos-client.d.ts` |
//! | [`kairos_model`](../kairos_model/index.html) | the rules by which caches stay true, walked through state by state | `rules` |
//! | [`kairos_tests`](../kairos_tests/index.html) | end-to-end tests, and `cargo xtask chaos` | `world` |
//! | [`xtask`](../xtask/index.html) | `cargo xtask`: dev, test, build, generate, chaos, ci, tidy | `main` |
//!
//! The two that are built for wasm are documented by `cargo doc --workspace`.
//!
//! A request goes from the browser client to the edge to the origin. Each looks among its stored responses first, and asks the
//! same things of one before it uses it: may this caller have it (the policy), is it fresh (RFC 9111), and was it made from
//! generations at least as high as the caller has seen. `docs/ARCHITECTURE.md` walks through each kind of request, names the
//! invariants and where each is kept, and says where a change belongs; `docs/PROTOCOL.md` has what travels between the tiers;
//! `docs/CONTRIBUTING.md` the commands. Nothing is in this crate but this page.
