//! `kairos-origin cache`.

use std::process::{Output, Stdio};

use kairos_protocol::api::account::TokenGrant;
use kairos_protocol::api::cache::{CacheReport, Purged};
use kairos_tests::http;
use kairos_tests::program::PATIENCE;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::{Server, Shell, login, make_account, text, write};

const PASSWORD: &str = "a long password";

/// A server with a chapter that was read, and an admin whose token is in the file `token`.
async fn scene() -> Option<(Shell, Server)> {
    let shell = Shell::new()?;
    write(shell.folder.path(), "book/one.md", "# One\n\nThe first chapter.\n");
    assert!(shell.run(&["import", "--markdown", "book"]).await.status.success());
    make_account(&shell, "Ada", "admin", PASSWORD).await;
    let (server, _) = shell.serve(&[]).await;
    let grant: TokenGrant = login(&server, PASSWORD).await.json().await.unwrap();
    write(shell.folder.path(), "token", &format!("{}\n", grant.access_token));
    for _ in 0..2 {
        assert!(http::get(format!("{}/v1/modules/one", server.url)).await.unwrap().status().is_success());
    }
    Some((shell, server))
}

async fn cache(shell: &Shell, server: &Server, arguments: &[&str]) -> Output {
    shell.run(&[&["cache", "--url", &server.url, "--token-file", "token"], arguments].concat()).await
}

async fn said(shell: &Shell, server: &Server, arguments: &[&str]) -> String {
    let output = cache(shell, server, arguments).await;
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[tokio::test]
async fn the_cache_is_looked_into_and_purged() {
    let Some((shell, server)) = scene().await else { return };
    let stats = said(&shell, &server, &["stats"]).await;
    assert!(stats.contains("memory: 1 responses") && stats.contains("redis: not used"), "{stats}");
    let module = stats.lines().find(|line| line.starts_with("catalog-module")).unwrap();
    assert_eq!(module.split_whitespace().collect::<Vec<_>>()[1..5], ["1", "0", "1", "0"], "{stats}");
    let inspected = said(&shell, &server, &["inspect", "/v1/modules/one"]).await;
    assert!(inspected.contains("memory") && inspected.contains("catalog="), "{inspected}");
    let nothing = said(&shell, &server, &["inspect", "/v1/modules?limit=3"]).await;
    assert!(nothing.contains("nothing is stored"), "{nothing}");

    for (arguments, purged) in [
        (["purge", "--module", "one"], "catalog"),
        (["purge", "--namespace", "user.nobody"], "user.nobody"),
        (["purge", "--tag", "learner"], "statistics"),
        (["purge", "--path", "/v1/modules*"], "catalog-module"),
    ] {
        let said = said(&shell, &server, &arguments).await;
        assert!(said.contains(purged), "{arguments:?}: {said}");
    }
    let report: CacheReport = serde_json::from_str(&said(&shell, &server, &["stats", "--json"]).await).unwrap();
    assert_eq!(report.memory.entries, 0, "what was purged takes no memory");
    let purged: Purged =
        serde_json::from_str(&said(&shell, &server, &["purge", "--tag", "profile", "--json"]).await).unwrap();
    assert_eq!(purged, Purged { namespaces: vec![], policies: vec!["profile".to_owned()] });
    server.stop("-TERM").await;
}

#[tokio::test]
async fn an_admin_may_sign_in_for_it() {
    let Some((shell, server)) = scene().await else { return };
    let arguments = ["cache", "stats", "--url", &server.url, "--email", "ada@example.org", "--password-stdin"];
    for (password, is_right) in [(PASSWORD, true), ("another password", false)] {
        let mut command = shell.command(&arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).await.unwrap();
        let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        assert_eq!(output.status.success(), is_right, "{}", text(&output.stderr));
        assert!(!text(&output.stderr).contains(password));
    }
    server.stop("-TERM").await;
}

#[tokio::test]
async fn what_is_wrong_with_it_is_said_in_one_line() {
    let Some((shell, server)) = scene().await else { return };
    write(shell.folder.path(), "nobodys", "nonsense");
    let url = server.url.as_str();
    for (arguments, told) in [
        (vec!["stats", "--url", url], "--token-file"),
        (vec!["stats", "--url", url, "--token-file", "missing"], "missing"),
        (vec!["stats", "--url", url, "--token-file", "nobodys"], "token"),
        (vec!["stats", "--url", "http://127.0.0.1:1", "--token-file", "token"], "--url"),
        (vec!["purge", "--tag", "nonsense", "--url", url, "--token-file", "token"], "catalog-list"),
        (vec!["purge", "--module", "No Slug", "--url", url, "--token-file", "token"], "slug"),
        (vec!["inspect", "/v1/me", "--url", url, "--token-file", "token"], "user"),
    ] {
        let output = shell.run(&[&["cache"], &arguments[..]].concat()).await;
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
        assert!(errors.contains(told) && errors.lines().count() == 1, "{arguments:?}: {errors}");
    }
    for arguments in [&["cache", "purge"][..], &["cache", "purge", "--module", "a", "--tag", "b"], &["cache"]] {
        assert_eq!(shell.run(arguments).await.status.code(), Some(2), "{arguments:?}");
    }
    let help = text(&shell.run(&["cache", "--help"]).await.stdout);
    assert!(help.contains("kairos-origin cache purge --module"), "{help}");
    server.stop("-TERM").await;
}
