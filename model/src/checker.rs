//! Walks through all states that a model can reach, breadth first, so that the first breach found is one of the shortest.
//! Not here: what is modelled.
//!
//! States are recognised by a 64-bit fingerprint: of ten million states, two have the same with a probability of three in a
//! million, and then one of them is not looked at.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::time::{Duration, Instant};

/// Something whose states can be enumerated.
pub(crate) trait Model {
    /// All there is to know at one moment.
    type State: Clone + Hash;
    /// What may happen next.
    type Step: Clone;
    /// What may not be.
    type Breach: Clone + Debug + PartialEq;

    /// Where it begins.
    fn initial(&self) -> Self::State;

    /// Everything that may happen in `state`.
    fn steps(&self, state: &Self::State, steps: &mut Vec<Self::Step>);

    /// What comes of it.
    ///
    /// # Errors
    /// The property that does not hold then.
    fn take(&self, state: &Self::State, step: &Self::Step) -> Result<Self::State, Self::Breach>;

    /// The state that stands for all that differ from `state` in names only.
    fn canonical(&self, state: &Self::State) -> Self::State;

    /// What a step is counted as.
    fn kind(&self, step: &Self::Step) -> &'static str;

    /// What happens when `step` is taken in `state`, for people.
    fn words(&self, state: &Self::State, step: &Self::Step) -> String;
}

/// What a walk came to.
#[derive(Clone, Debug)]
pub struct Walk<B> {
    /// Different states.
    pub states: usize,
    /// Steps tried between them.
    pub steps: usize,
    /// The longest of the shortest ways to a state.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// How often each kind of step was taken: one that never was means that less is modelled than one thinks.
    pub kinds: BTreeMap<&'static str, usize>,
    /// The first breach.
    pub counterexample: Option<Counterexample<B>>,
}

/// A breach and how to get there.
#[derive(Clone, Debug)]
pub struct Counterexample<B> {
    /// What does not hold.
    pub breach: B,
    /// The steps, in words.
    pub steps: Vec<String>,
}

/// States whose fingerprint was seen, by which each was reached from.
type Reached = HashMap<u64, u32, BuildHasherDefault<Taken>>;

/// Walks through all states of `model`, or up to the first breach.
///
/// # Panics
/// There are more than four billion states.
pub(crate) fn walk<M: Model>(model: &M) -> Walk<M::Breach> {
    let started = Instant::now();
    let mut reached = Reached::default();
    // For each state, in the order in which they were found, the one it was reached from.
    let mut origins: Vec<u32> = vec![0];
    let mut level = vec![model.initial()];
    reached.insert(fingerprint(&model.canonical(&model.initial())), 0);
    let (mut depth, mut tried, mut first) = (0, 0, 0_u32);
    let mut kinds = BTreeMap::new();
    let mut steps = Vec::new();
    let mut counterexample = None;
    'levels: while !level.is_empty() {
        let mut next = Vec::new();
        for (index, state) in (first..).zip(&level) {
            steps.clear();
            model.steps(state, &mut steps);
            for step in &steps {
                tried += 1;
                *kinds.entry(model.kind(step)).or_default() += 1;
                match model.take(state, step) {
                    Err(breach) => {
                        let steps = retrace(model, &origins, &reached, index, step);
                        counterexample = Some(Counterexample { breach, steps });
                        break 'levels;
                    }
                    Ok(after) => {
                        let found = u32::try_from(origins.len()).unwrap_or(u32::MAX);
                        reached.entry(fingerprint(&model.canonical(&after))).or_insert_with(|| {
                            origins.push(index);
                            next.push(after);
                            found
                        });
                    }
                }
            }
        }
        first = first.saturating_add(u32::try_from(level.len()).unwrap_or(u32::MAX));
        level = next;
        depth += usize::from(!level.is_empty());
    }
    Walk { states: origins.len(), steps: tried, depth, took: started.elapsed(), kinds, counterexample }
}

/// The steps from the beginning to the state `index`, and then `last`.
fn retrace<M: Model>(model: &M, origins: &[u32], reached: &Reached, index: u32, last: &M::Step) -> Vec<String> {
    let mut way = vec![index];
    while let Some(&here) = way.last().filter(|here| **here != 0) {
        way.push(origins.get(here as usize).copied().unwrap_or(0));
    }
    let mut state = model.initial();
    let mut words = Vec::new();
    let mut steps = Vec::new();
    for target in way.iter().rev().skip(1) {
        steps.clear();
        model.steps(&state, &mut steps);
        let there = steps.iter().find_map(|step| {
            let after = model.take(&state, step).ok()?;
            (reached.get(&fingerprint(&model.canonical(&after))) == Some(target)).then_some((step, after))
        });
        let Some((step, after)) = there else { break };
        words.push(model.words(&state, step));
        state = after;
    }
    words.push(model.words(&state, last));
    words
}

fn fingerprint(state: &impl Hash) -> u64 {
    let mut mixer = Mixer { mixed: 0x9e37_79b9_7f4a_7c15, waiting: 0, bits: 0 };
    state.hash(&mut mixer);
    mixer.finish()
}

/// Collects small values into words, then multiplies and folds: states are made of single bytes.
struct Mixer {
    mixed: u64,
    waiting: u64,
    bits: u32,
}

impl Mixer {
    fn mix(&self, word: u64) -> u64 {
        let wide = u128::from(self.mixed ^ word) * u128::from(0xa076_1d64_78bd_642f_u64);
        #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
        let folded = (wide >> 64) as u64 ^ wide as u64;
        folded.wrapping_add(0xe703_7ed1_a0b4_28db)
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u8(*byte));
    }

    fn write_u8(&mut self, byte: u8) {
        self.waiting |= u64::from(byte) << self.bits;
        self.bits += 8;
        if self.bits == 64 {
            self.mixed = self.mix(self.waiting);
            (self.waiting, self.bits) = (0, 0);
        }
    }

    /// The length of an array, which is the same in all states.
    fn write_usize(&mut self, _length: usize) {}

    /// Which variant of an enum.
    fn write_isize(&mut self, variant: isize) {
        self.write_u8(variant.to_le_bytes()[0]);
    }

    fn finish(&self) -> u64 {
        let last = Self { mixed: self.mix(self.waiting), ..*self };
        last.mix(u64::from(self.bits) | 0x2545_f491_4f6c_dd00)
    }
}

/// Takes a fingerprint as it is.
#[derive(Default)]
struct Taken(u64);

impl Hasher for Taken {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::protocol::Protocol;
    use crate::rules::{Rules, Scope};

    /// Two counters, either of which may be raised up to `most`; both at `forbidden` are a breach.
    struct Counters {
        most: u8,
        forbidden: (u8, u8),
    }

    impl Model for Counters {
        type State = (u8, u8);
        type Step = bool;
        type Breach = ();

        fn initial(&self) -> (u8, u8) {
            (0, 0)
        }

        fn steps(&self, state: &(u8, u8), steps: &mut Vec<bool>) {
            steps.extend((state.0 < self.most).then_some(false));
            steps.extend((state.1 < self.most).then_some(true));
        }

        fn take(&self, state: &(u8, u8), second: &bool) -> Result<(u8, u8), ()> {
            let after = if *second { (state.0, state.1 + 1) } else { (state.0 + 1, state.1) };
            if after == self.forbidden { Err(()) } else { Ok(after) }
        }

        fn canonical(&self, state: &(u8, u8)) -> (u8, u8) {
            (state.0.min(state.1), state.0.max(state.1))
        }

        fn kind(&self, _step: &bool) -> &'static str {
            "raise"
        }

        fn words(&self, state: &(u8, u8), second: &bool) -> String {
            format!("{state:?} {second}")
        }
    }

    #[test]
    fn every_state_is_reached_once() {
        let walk = walk(&Counters { most: 9, forbidden: (10, 10) });
        assert_eq!((walk.states, walk.depth, walk.counterexample.is_none()), (55, 18, true));
    }

    #[test]
    fn the_shortest_way_to_a_breach_is_told() {
        let found = walk(&Counters { most: 9, forbidden: (2, 1) }).counterexample.expect("a breach");
        assert_eq!(found.steps, ["(0, 0) false", "(1, 0) false", "(2, 0) true"]);
    }

    /// Against a walk that collects the states themselves, and does without symmetry.
    #[test]
    fn no_state_is_lost_to_a_fingerprint_or_a_name() {
        let protocol = Protocol { rules: Rules::ALL, scope: Scope { flushes: true, ..Scope::calm(2, 1) } };
        let (mut reached, mut waiting) = (HashSet::from([protocol.initial()]), vec![protocol.initial()]);
        while let Some(state) = waiting.pop() {
            let mut steps = Vec::new();
            protocol.steps(&state, &mut steps);
            for step in steps {
                let after = protocol.take(&state, &step).expect("no breach");
                if reached.insert(after) {
                    waiting.push(after);
                }
            }
        }
        let different: HashSet<_> = reached.iter().map(|state| protocol.canonical(state)).collect();
        assert_eq!(walk(&protocol).states, different.len());
        assert!(reached.len() > different.len(), "names make a difference, but not to the walk");
    }
}
