//! A cached response to anybody: ours, beside the bare framework and two caching proxies that give the same bytes.

use anyhow::Result;

use crate::bench::data::MODULE;
use crate::bench::peers;
use crate::bench::report::Goal;
use crate::bench::rounds::{Bench, CONNECTIONS};
use crate::bench::world::StoreKind;
use crate::bench::wrk::Load;

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<()> {
    let folder = bench.world.folder.path();
    let origin = bench.world.origin(StoreKind::Sqlite, false).await?;
    let url = origin.url(MODULE);
    let fields = [("Accept-Encoding", "br")];
    let tag = crate::http::client_builder().build()?.get(&url).header("accept-encoding", "br").send().await?;
    let tag = tag.headers().get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned();
    let constant = peers::constant(&url, "br", folder).await?;
    let nginx = peers::nginx(origin.port, folder).await?;
    let varnish = peers::varnish(origin.port, folder).await?;
    let load = |url: String| Load::get(url, &fields, CONNECTIONS, bench.lasting());
    let mut loads = vec![load(url.clone()), load(constant.url(MODULE))];
    let validating = [("Accept-Encoding", "br"), ("If-None-Match", tag.as_str())];
    loads.push(Load::get(url, &validating, CONNECTIONS, bench.lasting()));
    loads.extend(nginx.iter().chain(&varnish).map(|peer| load(peer.url(MODULE))));
    let outcomes = bench.in_turns(&loads).await?;
    let mut outcomes = outcomes.into_iter();
    let (ours, bare, unchanged) = (next(&mut outcomes), next(&mut outcomes), next(&mut outcomes));
    bench.compare("a module, br, 64 connections", &ours, &bare, "bare axum", Goal::AtLeast(0.85));
    bench.compare("the same, 304", &unchanged, &ours, "200", Goal::None);
    if nginx.is_some() {
        bench.compare("a module, br", &ours, &next(&mut outcomes), "nginx proxy_cache", Goal::AtLeast(1.0));
    } else {
        bench.report.left_out.push("nginx is not installed".to_owned());
    }
    if varnish.is_some() {
        bench.compare("a module, br", &ours, &next(&mut outcomes), "Varnish", Goal::None);
    } else {
        bench.report.left_out.push("Varnish is not installed".to_owned());
    }
    Ok(())
}

fn next<T>(outcomes: &mut impl Iterator<Item = Vec<T>>) -> Vec<T> {
    outcomes.next().unwrap_or_default()
}
