//! The process groups that the programs of a group made in turn: browsers and test runners do. Told by Linux alone; elsewhere a group
//! stands for itself.

use std::collections::BTreeSet;
use std::fs;

use nix::unistd::Pid;

struct Process {
    id: i32,
    parent: i32,
    group: i32,
}

/// `leader`'s group and those of every process below it.
pub(super) fn groups_below(leader: Pid) -> Vec<Pid> {
    let processes = running();
    let mut family = BTreeSet::from([leader.as_raw()]);
    loop {
        let known = family.len();
        family.extend(
            processes
                .iter()
                .filter(|process| family.contains(&process.parent))
                .map(|process| process.id)
                .collect::<Vec<_>>(),
        );
        if family.len() == known {
            break;
        }
    }
    let members = processes.iter().filter(|process| family.contains(&process.id));
    let mut groups: BTreeSet<i32> = members.map(|process| process.group).collect();
    groups.insert(leader.as_raw());
    groups.into_iter().map(Pid::from_raw).collect()
}

fn running() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| parse(&fs::read_to_string(entry.path().join("stat")).ok()?)).collect()
}

/// `12 (name, which may hold anything) S 1 12 …`: id, state, parent, group.
fn parse(stat: &str) -> Option<Process> {
    let (id, _) = stat.split_once(' ')?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(1).map(str::parse);
    Some(Process { id: id.parse().ok()?, parent: fields.next()?.ok()?, group: fields.next()?.ok()? })
}
