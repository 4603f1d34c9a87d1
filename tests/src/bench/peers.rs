//! What stands beside the origin: the same web framework giving constant bytes, and two proxies that everybody knows, each giving what
//! it has stored of the origin's own response.

use std::path::Path;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::process::{Server, find, free_port};

/// The word that this program is started with when it is to be the constant peer.
pub const CONSTANT: &str = "constant-peer";

/// axum with one route that gives, each time, what `url` gave for `fields` when it was started.
pub(super) async fn constant(url: &str, coding: &str, folder: &Path) -> Result<Server> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args([CONSTANT, &port.to_string(), url, coding]);
    Server::start(command, port, &folder.join("constant.log")).await
}

/// Serves as [`constant`] says, until it is killed.
///
/// # Errors
/// The port is taken, or there is no response to give.
pub async fn serve_constant(port: u16, url: &str, coding: &str) -> Result<()> {
    let client = crate::http::client_builder().build()?;
    let path = reqwest::Url::parse(url)?.path().to_owned();
    let mut response = client.get(url).header("accept-encoding", coding).send().await?;
    let mut headers = std::mem::take(response.headers_mut());
    // These the server writes itself.
    headers.remove("date");
    headers.remove("content-length");
    let body = response.bytes().await?;
    let give = |State((headers, body)): State<(HeaderMap, bytes::Bytes)>| async move {
        (StatusCode::OK, headers, body).into_response()
    };
    let router = Router::new().route(&path, get(give)).with_state((headers, body));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, router).await?)
}

/// nginx before the origin at `port`, with its own cache; `None` where there is no nginx.
pub(super) async fn nginx(origin: u16, folder: &Path) -> Result<Option<Server>> {
    let Some(program) = find("nginx") else { return Ok(None) };
    let (port, folder) = (free_port()?, folder.join(format!("nginx-{origin}")));
    std::fs::create_dir_all(&folder)?;
    let shown = folder.display();
    let config = format!(
        "worker_processes 2; daemon off; pid {shown}/pid; error_log {shown}/error.log;
events {{ worker_connections 12000; }}
http {{
  access_log off; client_body_temp_path {shown}/body; proxy_temp_path {shown}/proxy; fastcgi_temp_path {shown}/f;
  uwsgi_temp_path {shown}/u; scgi_temp_path {shown}/s; keepalive_requests 100000000;
  proxy_cache_path {shown}/cache keys_zone=k:10m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{origin}; proxy_cache k; proxy_cache_valid 200 10m;
      proxy_cache_key $uri$http_accept_encoding; proxy_ignore_headers Cache-Control Vary Expires;
    }}
  }}
}}"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config)?;
    let mut command = Command::new(program);
    command.arg("-c").arg(&file).arg("-p").arg(&folder);
    Ok(Some(Server::start(command, port, &folder.join("log")).await?))
}

/// Varnish before the origin at `port`; `None` where there is no Varnish.
pub(super) async fn varnish(origin: u16, folder: &Path) -> Result<Option<Server>> {
    let Some(program) = find("varnishd") else { return Ok(None) };
    let (port, folder) = (free_port()?, folder.join(format!("varnish-{origin}")));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("bench.vcl");
    let config = format!(
        "vcl 4.1;
backend origin {{ .host = \"127.0.0.1\"; .port = \"{origin}\"; }}
sub vcl_recv {{ set req.http.X-Coding = req.http.Accept-Encoding; return (hash); }}
sub vcl_backend_fetch {{ set bereq.http.Accept-Encoding = bereq.http.X-Coding; }}
sub vcl_backend_response {{ set beresp.ttl = 10m; unset beresp.http.Vary; return (deliver); }}"
    );
    std::fs::write(&file, config)?;
    let mut command = Command::new(program);
    command.args(["-F", "-a", &format!("127.0.0.1:{port}"), "-p", "http_gzip_support=off"]).arg("-f").arg(&file);
    command.arg("-n").arg(&folder).args(["-s", "malloc,64m", "-T", "none"]);
    Server::start(command, port, &folder.join("log")).await.context("Varnish").map(Some)
}
