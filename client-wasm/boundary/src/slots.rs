//! The table of slots: what JavaScript must know of a path to show what it has parsed of it, so that on a hit nothing crosses. JavaScript maps
//! paths to slots and reads three `f64` of each: until when what it has may be shown without asking (0: ask); a generation, which
//! changes with what is shown; and how often it was shown, which JavaScript counts. Not what may be shown: the core says that.

use std::rc::Rc;

use kairos_client_core::{Core, Response};
use kairos_protocol::policy::Policy;

/// Numbers of a slot.
const WIDTH: usize = 3;

/// A path, and the body that its generation stands for.
type Held = (Box<str>, Option<Rc<str>>);

#[derive(Default)]
pub(crate) struct Slots {
    numbers: Vec<f64>,
    /// Of each that is used.
    held: Vec<Option<Held>>,
}

impl Slots {
    /// A slot for `path`. The table may move.
    pub(crate) fn add(&mut self, path: &str) -> u32 {
        let free = self.held.iter().position(Option::is_none).unwrap_or(self.held.len());
        if free == self.held.len() {
            self.held.push(None);
            self.numbers.extend([0.0; WIDTH]);
        }
        if let Some(held) = self.held.get_mut(free) {
            *held = Some((path.into(), None));
        }
        free as u32
    }

    pub(crate) fn remove(&mut self, slot: u32) {
        if let Some(held) = self.held.get_mut(slot as usize) {
            *held = None;
        }
        if let Some([until, ..]) = self.row(slot as usize) {
            *until = 0.0;
        }
    }

    pub(crate) fn numbers(&self) -> *const f64 {
        self.numbers.as_ptr()
    }

    fn row(&mut self, slot: usize) -> Option<&mut [f64; WIDTH]> {
        self.numbers.as_chunks_mut().0.get_mut(slot)
    }

    /// Looks what may be shown, and enters until when.
    pub(crate) fn fill(&mut self, slot: u32, core: &Core, now: i64) -> Option<Response> {
        let (path, shown) = self.held.get_mut(slot as usize)?.as_mut()?;
        let found = core.peek(path)?;
        let has_changed = shown.as_ref().is_none_or(|shown| *shown != found.body);
        *shown = Some(Rc::clone(&found.body));
        let policy = Policy::of_path(path.split('?').next().unwrap_or_default());
        let fresh_ms = i64::from(policy.in_browser().fresh_secs) * 1_000;
        let [until, generation, _] = self.row(slot as usize)?;
        *until = if found.is_stale { 0.0 } else { (now - found.age_ms + fresh_ms) as f64 };
        *generation += f64::from(u8::from(has_changed));
        Some(found)
    }

    /// Something happens: what was shown until now is counted …
    pub(crate) fn count(&mut self, core: &mut Core) {
        for (held, [_, _, hits]) in self.held.iter().zip(self.numbers.as_chunks_mut().0) {
            if let Some((path, _)) = held.as_ref().filter(|_| *hits > 0.0) {
                core.count_hits(path, *hits as u64);
            }
            *hits = 0.0;
        }
    }

    /// … and has happened: nothing is known to be what may be shown.
    pub(crate) fn reset(&mut self) {
        for [until, ..] in self.numbers.as_chunks_mut::<WIDTH>().0 {
            *until = 0.0;
        }
    }
}
