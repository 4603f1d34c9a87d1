//! The commands and Lua scripts. Not when they are sent.

use std::time::Duration;

use ::redis::{Cmd, Script, cmd};
use kairos_protocol::sync::generation::{Generations, Namespace};

use super::snapshot::Confirmation;

const ANNOUNCE: &str = include_str!("announce.lua");
const MARK: &str = include_str!("mark.lua");
const CONFIRM: &str = include_str!("confirm.lua");
const LEASE: &str = include_str!("lease.lua");
const RELEASE: &str = include_str!("release.lua");

const ALL: [&str; 5] = [ANNOUNCE, MARK, CONFIRM, LEASE, RELEASE];

/// How long a lease lives that nobody gives back: its holder died, or its load takes longer than anybody waits for it.
const LEASE_LIFETIME: Duration = Duration::from_secs(2);

/// Builds commands for keys that begin with one prefix.
pub(super) struct Scripts {
    prefix: String,
    number_lifetime: Duration,
    announce: Script,
    mark: Script,
    confirm: Script,
    lease: Script,
    release: Script,
}

impl Scripts {
    pub(super) fn new(prefix: String, number_lifetime: Duration) -> Self {
        let [announce, mark, confirm, lease, release] = ALL.map(Script::new);
        Self { prefix, number_lifetime, announce, mark, confirm, lease, release }
    }

    fn generation_key(&self, namespace: &Namespace) -> String {
        let tag = match namespace {
            Namespace::Catalog | Namespace::Module(_) => "catalog".to_owned(),
            Namespace::User(_) => namespace.to_string(),
            Namespace::Group(_) => "groups".to_owned(),
        };
        format!("{}generation:{{{tag}}}:{namespace}", self.prefix)
    }

    fn response_key(&self, key: &str) -> String {
        format!("{}response:{{{}}}:{key}", self.prefix, tag(key))
    }

    fn lease_key(&self, name: &str) -> String {
        format!("{}lease:{{{}}}:{name}", self.prefix, tag(name))
    }

    fn call<'a>(&self, script: &Script, namespaces: impl IntoIterator<Item = &'a Namespace>) -> Cmd {
        let keys: Vec<String> = namespaces.into_iter().map(|namespace| self.generation_key(namespace)).collect();
        let mut call = cmd("EVALSHA");
        call.arg(script.get_hash()).arg(keys.len()).arg(keys);
        call.arg(u64::try_from(self.number_lifetime.as_millis()).unwrap_or(u64::MAX));
        call
    }

    /// Replies with what there is of each namespace, in order.
    pub(super) fn look_up(&self, namespaces: &[Namespace]) -> Cmd {
        let mut get = cmd("MGET");
        for namespace in namespaces {
            get.arg(self.generation_key(namespace));
        }
        get
    }

    /// Replies with what there is of each namespace, and then of each response, in order.
    pub(super) fn read(&self, namespaces: &[Namespace], keys: &[String]) -> Cmd {
        let mut get = self.look_up(namespaces);
        for key in keys {
            get.arg(self.response_key(key));
        }
        get
    }

    /// Puts `mark` where there is nothing; replies like [`Scripts::look_up`].
    pub(super) fn mark(&self, namespaces: &[Namespace], mark: &str) -> Cmd {
        let mut call = self.call(&self.mark, namespaces);
        call.arg(invalidated(mark));
        call
    }

    /// A namespace without a number in `numbers` is invalidated.
    pub(super) fn announce(&self, namespaces: &[Namespace], numbers: &Generations, mark: &str) -> Cmd {
        let mut call = self.call(&self.announce, namespaces);
        call.arg(invalidated(mark));
        for namespace in namespaces {
            call.arg(numbers.get(namespace).map(|number| number.get().to_string()).unwrap_or_default());
        }
        call
    }

    pub(super) fn confirm(&self, confirmations: &[Confirmation]) -> Cmd {
        let mut call = self.call(&self.confirm, confirmations.iter().map(|one| &one.namespace));
        for Confirmation { found, number, .. } in confirmations {
            call.arg(found).arg(number.get());
        }
        call
    }

    pub(super) fn load(&self, key: &str) -> Cmd {
        let mut get = cmd("GET");
        get.arg(self.response_key(key));
        get
    }

    pub(super) fn store(&self, key: &str, value: &[u8], ttl_secs: u32) -> Cmd {
        let mut set = cmd("SET");
        set.arg(self.response_key(key)).arg(value).arg("EX").arg(ttl_secs);
        set
    }

    /// Takes the lease named `name`, if nobody has it. Replies with 1 then, else 0, and with what is stored under `key`, unless it
    /// begins with `seen`.
    pub(super) fn lease(&self, name: &str, key: &str, token: &str, seen: &[u8]) -> Cmd {
        let mut call = cmd("EVALSHA");
        call.arg(self.lease.get_hash()).arg(2).arg(self.lease_key(name)).arg(self.response_key(key)).arg(token);
        call.arg(u64::try_from(LEASE_LIFETIME.as_millis()).unwrap_or(u64::MAX)).arg(seen);
        call
    }

    /// Gives a lease back, if it is still that of `token`.
    pub(super) fn release(&self, name: &str, token: &str) -> Cmd {
        let mut call = cmd("EVALSHA");
        call.arg(self.release.get_hash()).arg(1).arg(self.lease_key(name)).arg(token);
        call
    }

    /// Gives a server the scripts; it forgets them when it restarts.
    pub(super) fn install(&self) -> [Cmd; ALL.len()] {
        ALL.map(|code| {
            let mut load = cmd("SCRIPT");
            load.arg("LOAD").arg(code);
            load
        })
    }

    /// Fails on a server that replies but takes no writes (a replica, or out of memory).
    pub(super) fn probe(&self) -> Cmd {
        let mut set = cmd("SET");
        set.arg(format!("{}probe", self.prefix)).arg(1).arg("PX").arg(1_000);
        set
    }
}

/// The namespace that a response belongs to, of whose key, or whose lease's name, the second word is the account. What is of one namespace
/// has one hash tag, so that a cluster has it in one place.
fn tag(key: &str) -> String {
    match key.split(' ').nth(1) {
        Some(user) if !user.is_empty() => format!("user.{user}"),
        _ => "catalog".to_owned(),
    }
}

/// The value of a namespace whose number nobody knows. No other value equals it, so it shows whether anything changed since.
fn invalidated(mark: &str) -> String {
    format!("invalidated:{mark}")
}
