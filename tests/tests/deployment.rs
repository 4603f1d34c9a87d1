//! What is in `deploy/` fits together and fits the program: files that are mounted are there, options are known, ports agree, and what is
//! asked of metrics is asked of ones that exist. That containers run is not shown: it takes a Docker, which tests do not have.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check fails the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kairos_origin::telemetry::catalog::METRICS;
use kairos_tests::program::run;
use kairos_tests::skip::skip;
use serde_json::Value;
use tokio::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

/// Metrics of ours that `expression` asks for.
fn check_metrics(what: &str, expression: &str) {
    let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    for word in words.filter(|word| word.starts_with("kairos_")) {
        let is_one = |name: &str| METRICS.iter().any(|metric| metric.name == name);
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
        assert!(is_one(word) || of_histogram.is_some_and(is_one), "{what} asks for {word}, which there is not");
    }
}

#[tokio::test]
async fn compose_names_files_and_services_that_are_there() {
    let compose = yaml("deploy/compose.yaml");
    let services = compose["services"].as_object().unwrap();
    let names: BTreeSet<&str> = keys(&compose["services"]);
    assert_eq!(names, BTreeSet::from(["grafana", "mongo", "origin-1", "origin-2", "prometheus", "proxy", "redis"]));
    let known = [
        "image",
        "build",
        "command",
        "environment",
        "depends_on",
        "restart",
        "read_only",
        "cap_drop",
        "security_opt",
        "ulimits",
        "networks",
        "healthcheck",
        "volumes",
        "ports",
    ];
    for (name, service) in services {
        for key in keys(service) {
            assert!(known.contains(&key) || key == "<<", "{name}: {key}");
        }
        for volume in strings(&service["volumes"]) {
            let source = volume.split(':').next().unwrap();
            let is_there = match source.strip_prefix("./") {
                Some(path) => root().join("deploy").join(path).exists(),
                None => keys(&compose["volumes"]).contains(source),
            };
            assert!(is_there, "{name}: {volume}");
        }
        let needed = &service["depends_on"];
        let needed: BTreeSet<&str> = strings(needed).into_iter().chain(keys(needed)).collect();
        assert!(needed.is_subset(&names), "{name}: {needed:?}");
        assert!(strings(&service["networks"]).iter().all(|network| keys(&compose["networks"]).contains(network)));
    }
}

#[tokio::test]
async fn compose_starts_the_program_with_options_that_it_has() {
    let compose = yaml("deploy/compose.yaml");
    let services = &compose["services"];
    let Some(help) = run(&["serve", "--help"], &[]).await else { return };
    for name in ["origin-1", "origin-2"] {
        let origin = &compose["services"][name];
        let command = strings(&origin["command"]);
        assert_eq!(command[0], "serve");
        for option in command.iter().filter(|word| word.starts_with("--")) {
            assert!(help.output.contains(&format!("{option} <")), "{name}: {option}");
        }
        for variable in keys(&origin["environment"]) {
            assert!(help.output.contains(&format!("[env: {variable}")), "{name}: {variable}");
        }
        // The program takes them all as they are: it gets as far as the store.
        let arguments: Vec<&str> =
            command.iter().map(|word| if *word == "0.0.0.0:8080" { "127.0.0.1:0" } else { word }).collect();
        let said = run(&[&arguments[..], &["--data", "/dev/null/kairos.db"]].concat(), &[]).await.unwrap();
        assert!(said.code == Some(1) && said.errors.contains("/dev/null"), "{said:?}");
        // Who says for whom they ask is in the network of the proxy.
        let subnet = compose["networks"]["kairos"]["ipam"]["config"][0]["subnet"].as_str().unwrap();
        assert!(command.contains(&subnet), "{command:?}");
    }
    let (mongo, url) =
        (strings(&compose["services"]["mongo"]["command"]), &services["origin-1"]["environment"]["MONGODB_URL"]);
    assert!(url.as_str().unwrap().ends_with(&format!("replicaSet={}", mongo[2])), "{url} {mongo:?}");
}

#[tokio::test]
async fn ports_and_paths_agree() {
    let (docker, nginx) = (read("Dockerfile"), read("deploy/nginx.conf"));
    let compose = yaml("deploy/compose.yaml");
    let listens = "0.0.0.0:8080";
    assert!(docker.contains(&format!("KAIROS_LISTEN={listens} ")) && docker.contains("EXPOSE 8080"));
    let prometheus = yaml("deploy/prometheus/prometheus.yml");
    let targets = strings(&prometheus["scrape_configs"][0]["static_configs"][0]["targets"]);
    assert_eq!(targets, ["origin-1:8080", "origin-2:8080"]);
    for target in &targets {
        assert!(nginx.contains(&format!("server {target};")), "{target}");
        let service = &compose["services"][target.split(':').next().unwrap()];
        assert!(strings(&service["command"]).contains(&listens), "{target}");
    }
    for file in strings(&prometheus["rule_files"]) {
        assert!(root().join("deploy/prometheus").join(file).is_file(), "{file}");
    }
    let source = &yaml("deploy/grafana/provisioning/datasources/prometheus.yaml")["datasources"][0];
    assert_eq!(source["url"], "http://prometheus:9090");
    let folder = &yaml("deploy/grafana/provisioning/dashboards/kairos.yaml")["providers"][0]["options"]["path"];
    let mounted = strings(&compose["services"]["grafana"]["volumes"]);
    assert!(mounted.iter().any(|volume| volume.contains(&format!(":{}:", folder.as_str().unwrap()))), "{mounted:?}");
    // No root, no shell, and it asks itself how it is.
    assert!(docker.contains("USER nonroot") && docker.contains(r#"CMD ["/usr/local/bin/kairos-origin", "health"]"#));
    let Some(said) = run(&["health", "--listen", "127.0.0.1:1"], &[]).await else { return };
    assert!(said.code == Some(1) && said.errors.contains("nobody answers"), "{said:?}");
}

#[test]
fn rules_and_dashboard_ask_for_metrics_that_are_recorded_and_each_alert_is_explained() {
    let mut asked = String::new();
    let rules = yaml("deploy/prometheus/alerts.yml");
    let mut alerts = BTreeSet::new();
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        check_metrics(name, rule["expr"].as_str().unwrap());
        alerts.insert(name.to_owned());
    }
    let documented = read("docs/OPERATIONS.md");
    let explained = documented.lines().filter_map(|line| line.strip_prefix("| `Kairos")?.split('`').next());
    assert_eq!(alerts, explained.map(|name| format!("Kairos{name}")).collect());
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/dashboards/kairos.json")).unwrap();
    let source = &yaml("deploy/grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]["uid"];
    for panel in dashboard["panels"].as_array().unwrap() {
        assert_eq!(panel["datasource"]["uid"], *source);
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            check_metrics(panel["title"].as_str().unwrap(), expression);
            asked.push_str(expression);
        }
    }
    for metric in METRICS {
        assert!(asked.contains(metric.name), "the dashboard does not show {}", metric.name);
    }
}

#[tokio::test]
async fn prometheus_reads_its_files() {
    let check = Command::new("promtool")
        .args(["check", "config", "deploy/prometheus/prometheus.yml"])
        .current_dir(root())
        .output();
    let Ok(said) = check.await else { return skip("promtool (of Debian's package prometheus) is not there") };
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}
