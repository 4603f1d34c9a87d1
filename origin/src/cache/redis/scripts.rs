//! The Lua scripts and the commands that call them. Not when they are called.

use std::fmt::Write;
use std::time::Duration;

use ::redis::{Cmd, Pipeline, RedisResult, Script, Value, cmd, from_redis_value, pipe};
use bytes::Bytes;
use kairos_protocol::UnixMillis;
use kairos_protocol::generation::{Generation, Generations, Namespace};

use super::super::{Lookup, Standing};

const LOOK_UP: &str = concat!(include_str!("generations.lua"), include_str!("look_up.lua"));
const KEEP: &str = concat!(include_str!("generations.lua"), include_str!("keep.lua"));
const ADVANCE: &str = concat!(include_str!("generations.lua"), include_str!("advance.lua"));

/// Builds commands for keys that begin with one prefix.
pub(super) struct Scripts {
    prefix: String,
    look_up: Script,
    keep: Script,
    advance: Script,
}

/// What `look_up.lua` returns.
pub(super) struct LookedUp {
    pub(super) standing: Standing,
    pub(super) value: Option<Bytes>,
    pub(super) generations: Generations,
}

impl Scripts {
    pub(super) fn new(prefix: String) -> Self {
        let [look_up, keep, advance] = [LOOK_UP, KEEP, ADVANCE].map(Script::new);
        Self { prefix, look_up, keep, advance }
    }

    fn epoch_key(&self) -> String {
        format!("{}epoch", self.prefix)
    }

    fn namespace_key(&self, namespace: &Namespace) -> String {
        format!("{}generation:{namespace}", self.prefix)
    }

    fn answer_key(&self, key: &str) -> String {
        format!("{}answer:{key}", self.prefix)
    }

    fn call<'a>(&self, script: &Script, namespaces: impl Iterator<Item = &'a Namespace>, answer: Option<&str>) -> Cmd {
        let mut keys = vec![self.epoch_key()];
        keys.extend(namespaces.map(|namespace| self.namespace_key(namespace)));
        keys.extend(answer.map(|key| self.answer_key(key)));
        let mut call = cmd("EVALSHA");
        call.arg(script.get_hash()).arg(keys.len()).arg(keys);
        call
    }

    /// `namespaces` are in their order, as everywhere here: an entry's generations are compared as one text.
    pub(super) fn look_up(&self, namespaces: &[Namespace], floors: &[Generation], lookup: &Lookup<'_>) -> Cmd {
        let mut call = self.call(&self.look_up, namespaces.iter(), Some(lookup.key));
        call.arg(lookup.held.map(numbers).unwrap_or_default());
        for (namespace, floor) in namespaces.iter().zip(floors) {
            call.arg(floor.get()).arg(lookup.seen.get(namespace).unwrap_or_default().get());
        }
        call
    }

    pub(super) fn keep(&self, key: &str, generations: &Generations, value: &[u8], ttl: Duration) -> Cmd {
        let mut call = self.call(&self.keep, generations.iter().map(|(namespace, _)| namespace), Some(key));
        call.arg(value).arg(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        for (_, generation) in generations.iter() {
            call.arg(generation.get());
        }
        call
    }

    pub(super) fn stale(&self, key: &str) -> Cmd {
        let mut get = cmd("HGET");
        get.arg(self.answer_key(key)).arg("v");
        get
    }

    /// New generations; fences for `tokens` set for `lasts_ms`, or dropped when that is 0.
    pub(super) fn advance<'a>(
        &self,
        namespaces: &[Namespace],
        floors: &[Generation],
        tokens: impl ExactSizeIterator<Item = &'a String>,
        lasts_ms: UnixMillis,
    ) -> Cmd {
        let mut call = self.call(&self.advance, namespaces.iter(), None);
        call.arg(lasts_ms).arg(tokens.len());
        for token in tokens {
            call.arg(token);
        }
        for floor in floors {
            call.arg(floor.get());
        }
        call
    }

    /// Whether the server has the scripts.
    pub(super) fn exist(&self) -> Cmd {
        let mut exists = cmd("SCRIPT");
        exists.arg("EXISTS").arg([&self.look_up, &self.keep, &self.advance].map(Script::get_hash).as_slice());
        exists
    }

    /// Gives the server the scripts, and begins a new epoch.
    ///
    /// A server forgets its scripts when it restarts, so this is how we learn that it did. What it remembers then may be
    /// older than what it once said (a snapshot, a log that lacks the last second): a new epoch makes every number it kept
    /// invalid, and the next ones larger.
    pub(super) fn load(&self, epoch: &str) -> Pipeline {
        let mut load = pipe();
        load.atomic().cmd("SET").arg(self.epoch_key()).arg(epoch);
        for code in [LOOK_UP, KEEP, ADVANCE] {
            load.cmd("SCRIPT").arg("LOAD").arg(code);
        }
        load
    }

    /// Makes every number of before invalid.
    pub(super) fn begin_epoch(&self, epoch: &str) -> Cmd {
        let mut set = cmd("SET");
        set.arg(self.epoch_key()).arg(epoch);
        set
    }

    /// Fails on a server that answers but takes no writes (a replica, or out of memory).
    pub(super) fn try_write(&self) -> Cmd {
        let mut set = cmd("SET");
        set.arg(format!("{}probe", self.prefix)).arg(1).arg("PX").arg(1_000);
        set
    }
}

/// Reads what `look_up.lua` returns.
pub(super) fn read_look_up(namespaces: &[Namespace], reply: Vec<Value>) -> RedisResult<LookedUp> {
    let mut values = reply.into_iter();
    let standing = match from_redis_value::<u8>(values.next().unwrap_or(Value::Nil))? {
        0 => Standing::Settled,
        1 => Standing::Fenced,
        _ => Standing::Behind,
    };
    let value = from_redis_value(values.next().unwrap_or(Value::Nil))?;
    let generations = values.map(from_redis_value::<u64>).collect::<Result<Vec<_>, _>>()?;
    Ok(LookedUp { standing, value, generations: name(namespaces, generations) })
}

/// Puts numbers to the namespaces they were asked for.
pub(super) fn name(namespaces: &[Namespace], numbers: Vec<u64>) -> Generations {
    namespaces.iter().cloned().zip(numbers.into_iter().map(Generation::new)).collect()
}

/// The numbers alone, as the scripts compare them.
fn numbers(generations: &Generations) -> String {
    let mut text = String::new();
    for (_, generation) in generations.iter() {
        let separator = if text.is_empty() { "" } else { " " };
        // Writing to a `String` does not fail.
        let _ = write!(text, "{separator}{}", generation.get());
    }
    text
}
