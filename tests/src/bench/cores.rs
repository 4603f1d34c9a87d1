//! Servers on one half of the cores and the load on the other, so that a server that has too much to do does not take the time of who
//! sends it. Linux's affinities. Not needed where both slow down together (`rounds`).

use anyhow::{Context as _, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Both halves. All processes have all cores again when it is dropped.
pub(super) struct Halves {
    all: CpuSet,
    servers: CpuSet,
    load: CpuSet,
    moved: Vec<u32>,
}

impl Halves {
    /// Splits what this process may use; `None` with one core alone.
    pub(super) fn split() -> Result<Option<Self>> {
        let all = sched_getaffinity(Pid::from_raw(0))?;
        let cores: Vec<usize> = (0..CpuSet::count()).filter(|core| all.is_set(*core).unwrap_or(false)).collect();
        if cores.len() < 2 {
            return Ok(None);
        }
        let (servers, load) = cores.split_at(cores.len() / 2);
        Ok(Some(Self { all, servers: set(servers)?, load: set(load)?, moved: Vec::new() }))
    }

    /// What this process starts from now on is a server.
    pub(super) fn start_servers(&self) -> Result<()> {
        pin(std::process::id(), &self.servers)
    }

    /// This process, and what it starts, is the load.
    pub(super) fn start_load(&self) -> Result<()> {
        pin(std::process::id(), &self.load)
    }

    /// The process `id`, which runs already, is a server.
    pub(super) fn move_server(&mut self, id: u32) -> Result<()> {
        self.moved.push(id);
        pin(id, &self.servers)
    }
}

impl Drop for Halves {
    fn drop(&mut self) {
        for process in self.moved.iter().chain([&std::process::id()]) {
            // One that has ended needs no core.
            let _ = pin(*process, &self.all);
        }
    }
}

fn set(cores: &[usize]) -> Result<CpuSet> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core)?;
    }
    Ok(set)
}

/// All threads of the process; those that it starts later are where the one is that starts them.
fn pin(process: u32, set: &CpuSet) -> Result<()> {
    for thread in std::fs::read_dir(format!("/proc/{process}/task")).context("the process has ended")? {
        let id = thread?.file_name().to_string_lossy().parse().context("a thread's number")?;
        // A thread that has ended meanwhile needs no core.
        let _ = sched_setaffinity(Pid::from_raw(id), set);
    }
    Ok(())
}
