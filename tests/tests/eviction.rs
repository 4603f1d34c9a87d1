//! What memory keeps when not all fits: beside dropping the oldest fifth of it whenever it is full, on the same reads.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kairos_origin::cache::Cache;
use kairos_origin::response_cache::ResponseCache;
use kairos_protocol::sync::generation::Generations;
use kairos_tests::instance::{Instance, Table, TestClock, learner};

const LEARNERS: usize = 5_000;
const READS: usize = 40_000;
/// Room for some tenth of the learners.
const CAPACITY_BYTES: u64 = 768 * 1024;
/// Of those reads, by which both are warm.
const WARM: usize = READS / 2;

/// Learners as people come: few often, many seldom (Zipf, 0.99). The same in every run.
fn reads() -> Vec<usize> {
    let weights = (1..=LEARNERS).map(|rank| 1.0 / (rank as f64).powf(0.99));
    let sums: Vec<f64> =
        weights.scan(0.0, |sum, weight| Some(std::mem::replace(sum, *sum + weight) + weight)).collect();
    let (total, mut state) = (sums.last().copied().unwrap_or_default(), 0x2545_f491_4f6c_dd1d_u64);
    let draws = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64 * total
    });
    draws.take(READS).map(|drawn| sums.partition_point(|sum| *sum < drawn).min(LEARNERS - 1)).collect()
}

/// Misses after the warm-up with room for so many, when the oldest fifth is dropped whenever it is full.
fn misses_of_the_simple_way(reads: &[usize], room: usize) -> usize {
    let (mut stored, mut order, mut misses) = (HashSet::new(), VecDeque::new(), 0);
    for (number, learner) in reads.iter().enumerate() {
        if !stored.insert(*learner) {
            continue;
        }
        misses += usize::from(number >= WARM);
        order.push_back(*learner);
        if order.len() > room {
            for oldest in order.drain(..room / 5) {
                stored.remove(&oldest);
            }
        }
    }
    misses
}

#[tokio::test]
async fn fewer_reads_miss_than_if_the_oldest_fifth_were_dropped() {
    let (clock, table) = (TestClock::new(), Arc::<Table>::default());
    let cache = Cache::local(Arc::<Table>::clone(&table));
    let mut instance = Instance::new(Arc::clone(&table), cache.clone(), clock.environment());
    instance.responses = ResponseCache::new(cache, clock.environment(), CAPACITY_BYTES);
    let (reads, seen, mut loads_when_warm, mut room) = (reads(), Generations::default(), 0, 0);
    for (number, read) in reads.iter().enumerate() {
        if number == WARM {
            loads_when_warm = table.loads.load(Ordering::SeqCst);
        }
        instance.read(&learner(&format!("l{read}")), &seen).await.expect("the table answers");
        room = room.max(instance.responses.memory_report().entries);
    }
    let misses = usize::try_from(table.loads.load(Ordering::SeqCst) - loads_when_warm).expect("a count");
    let simple = misses_of_the_simple_way(&reads, usize::try_from(room).expect("a count"));
    let share = |misses: usize| 100.0 * (1.0 - misses as f64 / (READS - WARM) as f64);
    println!("room for {room}: {:.1} % hit; {:.1} % by dropping the oldest fifth", share(misses), share(simple));
    assert!(room < LEARNERS as u64 / 2, "not all fits");
    assert!(misses < simple);
}
