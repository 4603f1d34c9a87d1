//! Generations: numbers that only grow, one per namespace of data. They are how caches stay true (I-SESSION): a response
//! carries the generations it was made from, and a stored one made from older generations than the caller has seen is validated
//! before it is used.
//!
//! Not here: where the numbers are stored (at the origin), or which responses depend on which namespace ([`crate::policy`]).

use std::fmt;

use crate::UnixMillis;
use crate::api::ids::{Slug, UserId};
use crate::http::field::split_unquoted;

/// What a generation counts the changes of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Namespace {
    /// All modules.
    Catalog,
    /// One account: its profile, progress and history.
    User(UserId),
    /// One module by itself. The origin's alone: it is not written into a header, and what a caller says of it is not read.
    Module(Slug),
    /// The stored responses of one policy, by its name: how often they were purged. The origin's alone too.
    Group(&'static str),
}

impl fmt::Display for Namespace {
    /// Writes the structured-field key: `catalog`, `user.<id>`; and what the origin calls its own, `module.<slug>`, `group.<policy>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Catalog => f.write_str("catalog"),
            Self::User(id) => write!(f, "user.{id}"),
            Self::Module(slug) => write!(f, "module.{slug}"),
            Self::Group(policy) => write!(f, "group.{policy}"),
        }
    }
}

impl Namespace {
    /// Whether it is in headers.
    #[must_use]
    pub const fn is_known_to_callers(&self) -> bool {
        matches!(self, Self::Catalog | Self::User(_))
    }

    /// The reverse of `Display`, for those that callers know of.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("user.") {
            Some(id) => UserId::new(id).ok().map(Self::User),
            None => (text == "catalog").then_some(Self::Catalog),
        }
    }
}

/// One namespace's number. The store raises it in the transaction that changes the data, so one number names one state; 0 is that
/// of a namespace that never changed. Which of two is newer, the numbers alone decide. The clock only has a share in them so that a
/// store that was restored or made anew does not give one out twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(u64);

impl Generation {
    /// The largest a structured-field integer can carry (RFC 9651 §3.3.1): 15 digits.
    pub const MAX: Self = Self(999_999_999_999_999);

    /// A number that came over the wire or out of a store; too large becomes [`Generation::MAX`].
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number.min(Self::MAX.0))
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// How many fit into a millisecond.
    pub const PER_MILLI: u64 = 100;

    /// The clock's own number at `now`, in milliseconds since 1970: at most half of [`Generation::MAX`]: a clock in the far future must not use them up.
    #[must_use]
    pub fn at(now: UnixMillis) -> Self {
        let number = u64::try_from(now).unwrap_or(0).saturating_mul(Self::PER_MILLI);
        Self(number.min(Self::MAX.0 / 2))
    }

    /// The next one: one more, or the clock's at `now` if that is larger.
    #[must_use]
    pub fn next(self, now: UnixMillis) -> Self {
        Self::new(self.0.saturating_add(1)).max(Self::at(now))
    }
}

/// Generations of some namespaces: the value of `Kairos-Gen` and `Kairos-Min-Gen`, an RFC 9651 dictionary of integers, such as
/// `catalog=176386000000000, user.4f1c=176386000012345`. Numbers that are the origin's alone are neither written nor read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
// A sorted list: a map of a few would be a tenth of what a browser downloads.
pub struct Generations(Vec<(Namespace, Generation)>);

impl Generations {
    /// Most namespaces that one field may name: a caller of ours has seen few.
    pub const MAX_NAMESPACES: usize = 16;

    /// The generation of `namespace`, if it is named.
    #[must_use]
    pub fn get(&self, namespace: &Namespace) -> Option<Generation> {
        self.place(namespace).ok().and_then(|place| self.0.get(place)).map(|(_, generation)| *generation)
    }

    fn place(&self, namespace: &Namespace) -> Result<usize, usize> {
        self.0.binary_search_by(|(named, _)| named.cmp(namespace))
    }

    /// Names `namespace`, in the place of what was said of it before.
    fn put(&mut self, namespace: Namespace, generation: Generation) {
        match self.place(&namespace) {
            Ok(place) => {
                if let Some(member) = self.0.get_mut(place) {
                    member.1 = generation;
                }
            }
            Err(place) => self.0.insert(place, (namespace, generation)),
        }
    }

    /// Whether none is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order of their namespaces.
    pub fn iter(&self) -> impl Iterator<Item = (&Namespace, Generation)> {
        self.0.iter().map(|(namespace, generation)| (namespace, *generation))
    }

    /// The same without those of single modules.
    #[must_use]
    pub fn without_modules(&self) -> Self {
        let others = self.iter().filter(|(namespace, _)| !matches!(namespace, Namespace::Module(_)));
        others.map(|(namespace, generation)| (namespace.clone(), generation)).collect()
    }

    fn known_to_callers(&self) -> impl Iterator<Item = (&Namespace, Generation)> {
        self.iter().filter(|(namespace, _)| namespace.is_known_to_callers())
    }

    /// Takes over what `seen` names: for each namespace the larger number stays.
    pub fn raise(&mut self, seen: &Self) {
        for (namespace, generation) in &seen.0 {
            let larger = self.get(namespace).unwrap_or_default().max(*generation);
            self.put(namespace.clone(), larger);
        }
    }

    /// Whether a response made from `self` may be given to a caller that has seen `minimum`: no namespace named in both is
    /// older here. A namespace that the response does not depend on does not matter.
    #[must_use]
    pub fn satisfies(&self, minimum: &Self) -> bool {
        self.0.iter().all(|(namespace, generation)| minimum.get(namespace).is_none_or(|least| *generation >= least))
    }

    /// Reads a field value, more leniently than RFC 9651 §4.2: members that are no namespace of ours or no integer are left
    /// out, and so is everything after the first [`Generations::MAX_NAMESPACES`]. Of one that comes twice the last counts;
    /// parameters are ignored.
    #[must_use]
    pub fn parse(value: &str) -> Self {
        let member = |text: &str| {
            let (key, rest) = text.split_once('=')?;
            let number = rest.split(';').next()?.trim();
            let is_integer = !number.is_empty() && number.len() <= 15 && number.bytes().all(|b| b.is_ascii_digit());
            let generation = is_integer.then(|| number.parse().ok()).flatten().map(Generation::new)?;
            Some((Namespace::parse(key)?, generation))
        };
        split_unquoted(value, ',').take(Self::MAX_NAMESPACES).filter_map(member).collect()
    }
}

impl FromIterator<(Namespace, Generation)> for Generations {
    fn from_iter<T: IntoIterator<Item = (Namespace, Generation)>>(members: T) -> Self {
        let mut generations = Self::default();
        for (namespace, generation) in members {
            generations.put(namespace, generation);
        }
        generations
    }
}

impl fmt::Display for Generations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (namespace, generation)) in self.known_to_callers().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{namespace}={}", generation.0)?;
        }
        Ok(())
    }
}
