//! The tutor's options.

use kairos_protocol::api::account::TokenGrant;
use kairos_protocol::api::tutor::TutorAnswer;
use kairos_tests::http;
use kairos_tests::model::{Script, ScriptedModel};
use serde_json::json;

use crate::{Shell, text, write};

#[tokio::test]
async fn the_tutor_asks_the_model_that_the_options_name() {
    let Some(shell) = Shell::new() else { return };
    let model = ScriptedModel::start(Script::says("So it is.")).await;
    write(shell.folder.path(), "book/one.md", "# One\n\nThe first chapter.\n");
    write(shell.folder.path(), "key", "from a file\n");
    assert!(shell.run(&["import", "--markdown", "book"]).await.status.success());
    let url = model.config().url;
    let (server, _) =
        shell.serve(&["--tutor-url", url.as_str(), "--tutor-model", "m", "--tutor-api-key-file", "key"]).await;
    let body = json!({ "email": "a@example.org", "display_name": "A", "password": "a password" });
    let registered = http::client().post(format!("{}/v1/auth/register", server.url)).json(&body).send().await.unwrap();
    let token = registered.json::<TokenGrant>().await.unwrap().access_token;
    let asking = http::client().post(format!("{}/v1/tutor/answers", server.url)).bearer_auth(token);
    let answer: TutorAnswer =
        asking.json(&json!({ "question": "chapter?" })).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer.answer, "So it is.");
    let asked = &model.asked()[0];
    assert_eq!(asked.headers["authorization"], "Bearer from a file");
    assert_eq!(asked.body["model"], "m");
    server.stop("-TERM").await;
}

#[tokio::test]
async fn what_is_wrong_with_them_is_said_in_one_line() {
    let Some(shell) = Shell::new() else { return };
    write(shell.folder.path(), "key", "a\nb");
    let model = ["--tutor-url", "http://127.0.0.1", "--tutor-model", "m"];
    for (options, said) in [
        (vec!["--tutor-url", "nonsense", "--tutor-model", "m"], "--tutor-url"),
        (vec!["--tutor-url", "ftp://127.0.0.1", "--tutor-model", "m"], "--tutor-url"),
        (vec!["--tutor-url", "http://127.0.0.1"], "--tutor-model"),
        (vec!["--tutor-fallback-url", "http://127.0.0.1", "--tutor-fallback-model", "m"], "--tutor-fallback-url"),
        ([&model[..], &["--tutor-api-key-file", "missing"]].concat(), "missing"),
        ([&model[..], &["--tutor-api-key-file", "key"]].concat(), "--tutor-api-key"),
    ] {
        let output = shell.run(&[&["serve", "--listen", "127.0.0.1:0"], &options[..]].concat()).await;
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{options:?}: {errors}");
        assert!(errors.contains(said) && errors.lines().count() == 1, "{options:?}: {errors}");
    }
}
