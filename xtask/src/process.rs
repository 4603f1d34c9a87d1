//! Running other programs so that none outlives us: each is the leader of its own process group, a group is stopped as a whole
//! with those that its programs made (`family`), and a watchdog stops the groups if this process is killed before it can. What
//! the programs are is told elsewhere.

mod family;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::error::Interrupted;

/// How long a group may take to end after SIGTERM before SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// How long a program that was interrupted may take to say what it has to say.
const LONGEST_FAREWELL: Duration = Duration::from_secs(180);
/// How often a wait looks again.
const TICK: Duration = Duration::from_millis(50);

static STOP: AtomicBool = AtomicBool::new(false);
static WATCHDOG: Mutex<Option<ChildStdin>> = Mutex::new(None);

/// Reads `add GROUP` and `del GROUP`; when its input ends without `done`, we were killed: it stops every group that is left.
const WATCHDOG_SCRIPT: &str = r#"
groups=" "
while read -r what group; do
    case $what in
        add) groups="$groups$group " ;;
        del) groups="${groups%% $group *} ${groups#* $group }" ;;
        done) exit 0 ;;
    esac
done
for group in $groups; do kill -TERM "-$group"; done
sleep 3
for group in $groups; do kill -KILL "-$group"; done
"#;

/// From here on Ctrl-C, SIGTERM and SIGHUP make every wait of this module end with [`Interrupted`].
pub(crate) fn listen_for_signals() -> Result<()> {
    ctrlc::set_handler(|| STOP.store(true, Ordering::SeqCst)).context("cannot listen for signals")?;
    *WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner) = Some(start_watchdog()?);
    Ok(())
}

fn start_watchdog() -> Result<ChildStdin> {
    let mut watchdog = Command::new("sh");
    watchdog.args(["-c", WATCHDOG_SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut watchdog = watchdog.process_group(0).spawn().context("cannot start sh")?;
    watchdog.stdin.take().context("no pipe to the watchdog")
}

/// Everything was stopped in good order: the watchdog has nothing to do.
pub(crate) fn dismiss_watchdog() {
    tell_watchdog("done");
}

fn tell_watchdog(line: &str) {
    let mut input = WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(input) = input.as_mut() {
        // Without it only the case of our own SIGKILL is left uncovered.
        let _ = writeln!(input, "{line}");
    }
}

/// Waits for one tick.
///
/// # Errors
/// [`Interrupted`] once a signal came.
pub(crate) fn tick() -> Result<()> {
    if STOP.load(Ordering::SeqCst) {
        bail!(Interrupted);
    }
    thread::sleep(TICK);
    Ok(())
}

/// A running program with all that it started. Dropping it stops the whole group.
pub(crate) struct Task {
    name: String,
    child: Child,
    group: Pid,
    log: Option<PathBuf>,
}

impl Task {
    /// Starts `command` as the leader of a new group, with nothing to read.
    ///
    /// # Errors
    /// The program is not there or cannot be run.
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).process_group(0).spawn();
        let child = child.with_context(|| format!("cannot start {name} ({})", command.get_program().display()))?;
        let group = Pid::from_raw(i32::try_from(child.id())?);
        tell_watchdog(&format!("add {group}"));
        Ok(Self { name: name.to_owned(), child, group, log: None })
    }

    /// The same, with all output in the file `log`, which starts empty.
    ///
    /// # Errors
    /// As for [`Task::start`], and when the file cannot be written.
    pub(crate) fn start_logged(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut task = Self::start(name, command.stdout(file.try_clone()?).stderr(file))?;
        task.log = Some(log.to_path_buf());
        Ok(task)
    }

    /// Still running, else an error that says how it ended, with its last lines.
    ///
    /// # Errors
    /// The program has ended.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended ({status}){}", self.name, self.last_lines()),
        }
    }

    /// Waits until `is_ready` says yes.
    ///
    /// # Errors
    /// The program ended, the deadline passed, or [`Interrupted`].
    pub(crate) fn wait_ready(&mut self, deadline: Duration, mut is_ready: impl FnMut() -> bool) -> Result<()> {
        let started = Instant::now();
        while !is_ready() {
            self.check_alive()?;
            if started.elapsed() > deadline {
                bail!("{} is not ready after {} s{}", self.name, deadline.as_secs(), self.last_lines());
            }
            tick()?;
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tick()?;
        }
    }

    fn wait_after_interruption(&mut self) -> Result<ExitStatus> {
        let told = Instant::now();
        while told.elapsed() < LONGEST_FAREWELL {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(TICK);
        }
        bail!(Interrupted)
    }

    fn last_lines(&self) -> String {
        let Some(log) = &self.log else { return String::new() };
        let text = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines.iter().rev().take(12).rev().map(|line| format!("\n    {line}"));
        format!("; its last lines, of {}:{}", log.display(), last.collect::<String>())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // Before the first of them ends: then nobody can tell whose children the others were.
        let groups = family::groups_below(self.group);
        let signal_all = |signal: Signal| groups.iter().for_each(|group| _ = killpg(*group, signal));
        // A group is gone when no process of it is left, which is when signalling it fails.
        let is_gone = |group: &Pid| killpg(*group, None).is_err();
        let started = Instant::now();
        signal_all(Signal::SIGTERM);
        while started.elapsed() < GRACE {
            let leader_ended = self.child.try_wait().is_ok_and(|status| status.is_some());
            if leader_ended && groups.iter().all(is_gone) {
                break;
            }
            thread::sleep(TICK);
        }
        signal_all(Signal::SIGKILL);
        let _ = self.child.wait();
        tell_watchdog(&format!("del {}", self.group));
    }
}

/// Runs `command` to its end, its output shown.
///
/// # Errors
/// It cannot be started or fails, or [`Interrupted`].
pub(crate) fn run(name: &str, command: &mut Command) -> Result<()> {
    let status = Task::start(name, command)?.wait()?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

/// Runs `command` to its end, its output in the file `log`.
///
/// # Errors
/// It cannot be started or fails, or [`Interrupted`].
pub(crate) fn run_logged(name: &str, command: &mut Command, log: &Path) -> Result<()> {
    let status = Task::start_logged(name, command, log)?.wait()?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

/// Runs `command` to its end, its output shown. An interruption is passed on to it alone, not to what it started: it ends that itself,
/// and tells what it has so far.
///
/// # Errors
/// It cannot be started or fails, or does not end after an interruption.
pub(crate) fn run_to_its_own_end(name: &str, command: &mut Command) -> Result<()> {
    let mut task = Task::start(name, command)?;
    let status = match task.wait() {
        Err(error) if error.is::<Interrupted>() => {
            kill(task.group, Signal::SIGINT)?;
            task.wait_after_interruption()?
        }
        status => status?,
    };
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

/// Runs `command` to its end and gives each line of its output to `on_line` as it comes.
///
/// # Errors
/// It cannot be started, or [`Interrupted`]. A failing program is no error here: the status tells.
pub(crate) fn run_lines(name: &str, command: &mut Command, mut on_line: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut task = Task::start(name, command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (sender, lines) = mpsc::channel();
    forward(task.child.stdout.take().context("no output to read")?, sender.clone());
    forward(task.child.stderr.take().context("no errors to read")?, sender);
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => on_line(&line),
            Err(RecvTimeoutError::Timeout) => tick()?,
            Err(RecvTimeoutError::Disconnected) => return task.wait(),
        }
    }
}

/// Sends each line of `output` until nobody listens any more.
fn forward(output: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
}

/// Runs `command` with `input` on its standard input, silently.
///
/// # Errors
/// It cannot be started, or it fails: then with what it said.
pub(crate) fn run_quietly(name: &str, command: &mut Command, input: &str) -> Result<String> {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading breaks the pipe; its status says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{name} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Where `program` is on the PATH.
pub(crate) fn find_program(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests;
