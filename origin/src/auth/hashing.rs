//! The threads that hash passwords: few, each with memory of its own that is used again, and behind whoever reads meanwhile. Not
//! here: who gets a turn, or what is hashed.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use argon2::Block;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// How much nicer than the rest of the process these threads are. Where every core is wanted, each gets a tenth of one: enough for
/// some five sign-ins a second.
const NICENESS: i32 = 10;

type Job = Box<dyn FnOnce(&mut [Block]) + Send>;

/// See the module. The threads end when this is dropped.
pub(super) struct Hashing {
    jobs: Sender<Job>,
}

impl Hashing {
    /// Starts them; each takes memory of `blocks` at its first job, for good: given back to the system and asked for again, it
    /// would be torn from it page by page each time.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(threads: usize, blocks: usize) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name("passwords".to_owned()).spawn(move || work_off(&queue, blocks))?;
        }
        Ok(Self { jobs })
    }

    /// What `work` gives; `None` when it panicked. Is done to its end even if nobody waits for it any more.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut [Block]) -> T + Send + 'static,
    ) -> Option<T> {
        let (done, outcome) = oneshot::channel();
        self.jobs.send(Box::new(move |memory| drop(done.send(work(memory))))).ok()?;
        outcome.await.ok()
    }
}

fn work_off(queue: &Mutex<Receiver<Job>>, blocks: usize) {
    step_back();
    let mut memory = Vec::new();
    // The guard is gone before the job begins: the next thread waits for the next job, not for this one.
    let next = || queue.lock().recv();
    while let Ok(job) = next() {
        memory.resize(blocks, Block::new());
        // Whoever waits is told by the sender that the panic drops.
        let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
    }
}

/// Lowers the priority of this thread; refused, it goes on as it is.
#[cfg(target_os = "linux")]
fn step_back() {
    // On Linux this is about one thread, whatever POSIX says (setpriority(2), "C library/kernel differences").
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
}

#[cfg(not(target_os = "linux"))]
const fn step_back() {}
