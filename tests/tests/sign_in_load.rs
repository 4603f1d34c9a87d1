//! Many who sign in at once: what it costs the process, and that it has an end. A process of its own, as its memory is measured.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use futures_util::FutureExt;
use futures_util::future::join_all;
use kairos_origin::auth::passwords::Passwords;
use kairos_origin::auth::precis::Password;
use kairos_origin::environment::Environment;
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_tests::origin::{PASSWORD, TestOrigin};
use serde_json::json;

/// The most memory that this process has had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_answered_or_sent_away_and_takes_little_memory() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let ada = origin.learner("ada").await;
    let wrong = |n: u32| {
        let email = if n.is_multiple_of(2) { ada.email.clone() } else { format!("nobody{n}@example.org") };
        let origin = &origin;
        async move { origin.post(paths::LOGIN, &json!({ "email": email, "password": "wrong password" })).await }
    };
    let replies = join_all((0..500).map(wrong)).await;
    let (mut answered, mut sent_away) = (0, 0);
    for reply in &replies {
        if reply.status == 401 {
            let _ = reply.problem(ProblemType::WrongCredentials);
            answered += 1;
        } else {
            let _ = reply.problem(ProblemType::Unavailable);
            assert!(reply.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
            sent_away += 1;
        }
    }
    assert!(answered > 0 && sent_away > 0, "{answered} answered, {sent_away} sent away");
    assert!(peak_kib() < 300 * 1024, "{} KiB", peak_kib());
    let login = json!({ "email": ada.email, "password": PASSWORD });
    let _ = origin.post(paths::LOGIN, &login).await.expect(200);
}

/// The niceness of each thread of this process that hashes passwords.
#[cfg(target_os = "linux")]
fn niceness() -> Vec<i32> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    // The name in parentheses is the second field, the niceness the nineteenth.
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.unwrap().path().join("stat")).ok());
    let of_hashing = stats.filter_map(|stat| Some(stat.split_once(" (passwords) ")?.1.to_owned()));
    of_hashing.map(|rest| rest.split_whitespace().nth(16).unwrap().parse().unwrap()).collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_signs_in_stands_behind_who_reads() {
    let passwords = Passwords::new(Environment::system()).unwrap();
    let password = Password::new("wrong password".to_owned());
    assert!(!passwords.line_up().unwrap().verify(password, None).await.unwrap());
    let niceness = niceness();
    // A thread that was started later may not have got to it yet.
    assert!(niceness.iter().any(|nice| *nice > 0), "{niceness:?}");
}

#[tokio::test]
async fn the_line_has_an_end_and_who_hangs_up_leaves_it() {
    let passwords = Passwords::new(Environment::system()).unwrap();
    let line = || std::iter::from_fn(|| passwords.line_up().ok()).take(10_000).collect::<Vec<_>>();
    let full = line().len();
    assert!((4..1_000).contains(&full), "{full}");
    for _ in 0..3 {
        let turns = line();
        assert_eq!(turns.len(), full);
        assert_eq!(passwords.line_up().err().unwrap().problem.uri, ProblemType::Unavailable.uri());
        // All begin, the first ones to hash and the others to wait, and none is waited for to the end.
        for turn in turns {
            let password = Password::new("wrong password".to_owned());
            assert!(turn.verify(password, None).now_or_never().is_none());
        }
    }
    let password = Password::new("wrong password".to_owned());
    assert!(!passwords.line_up().unwrap().verify(password, None).await.unwrap());
}
