//! Whatever was started ends with us, in each way that we can end.

use super::*;

const SAME_GROUP: &str = "sleep 600 & echo $!; wait";
const OTHER_GROUP: &str = "setsid sleep 600 & echo $!; wait";

/// Starts a program that starts another, and gives the second one's id.
fn start_family(folder: &Path, script: &str) -> (Task, Pid) {
    let log = folder.join("family.log");
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let mut task = Task::start_logged("family", &mut command, &log).expect("sh");
    let read = || fs::read_to_string(&log).unwrap_or_default().trim().parse::<i32>();
    task.wait_ready(GRACE, || read().is_ok()).expect("the id of the grandchild");
    (task, Pid::from_raw(read().expect("an id")))
}

/// Ended; nobody may have collected it yet, which is the system's affair.
fn is_gone(process: Pid) -> bool {
    let state = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    kill(process, None).is_err() || state.contains(") Z ")
}

fn wait_gone(process: Pid) {
    let started = Instant::now();
    while !is_gone(process) {
        assert!(started.elapsed() < 2 * GRACE, "{process} still runs");
        thread::sleep(TICK);
    }
}

#[test]
fn a_dropped_task_takes_its_grandchildren_along() {
    let folder = tempfile::tempdir().expect("a folder");
    for script in [SAME_GROUP, OTHER_GROUP] {
        let (task, grandchild) = start_family(folder.path(), script);
        drop(task);
        wait_gone(grandchild);
    }
}

#[test]
fn the_watchdog_stops_what_a_killed_command_leaves() {
    let folder = tempfile::tempdir().expect("a folder");
    let (task, grandchild) = start_family(folder.path(), SAME_GROUP);
    let mut watchdog = start_watchdog().expect("sh");
    writeln!(watchdog, "add 999999\nadd {}\ndel 999999", task.group).expect("a pipe");
    // The end of its input is what it sees when we are killed.
    drop(watchdog);
    wait_gone(grandchild);
}

#[test]
fn a_task_that_ended_says_its_last_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("sh");
    let mut task = Task::start_logged(
        "short",
        command.args(["-c", "echo first; echo no disk; exit 3"]),
        &folder.path().join("log"),
    )
    .expect("sh");
    let error = task.wait_ready(GRACE, || false).expect_err("it ended").to_string();
    assert!(
        error.starts_with("short ended (exit status: 3)") && error.ends_with("\n    first\n    no disk"),
        "{error}"
    );
}
