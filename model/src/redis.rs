//! What Redis does with one command. Not here: who sends it, when, and whether it is lost.

use crate::rules::{Announcing, Confirming, Rules, VALUE_TICKS};
use crate::world::{Number, Sight, Snapshot, Timed, Value, World};

impl World {
    /// Puts a value there that equals none before, unless it is a number.
    fn put(&mut self, value: Value) {
        self.value = Timed { value, age: 0 };
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.is_present = false;
        }
        self.sights().for_each(|sight| {
            if let Sight::Mark { is_there, .. } = sight {
                *is_there = false;
            }
        });
    }

    /// What is there, to be compared later.
    pub(crate) fn sight(&self) -> Sight {
        match self.value.value {
            Value::Absent => Sight::Absent,
            Value::Invalidated => {
                let in_snapshot = self.snapshot.is_some_and(|snapshot| snapshot.is_present);
                Sight::Mark { is_there: true, in_snapshot }
            }
            Value::Current(number) => Sight::Number(number),
        }
    }

    /// Makes sure that there is something to compare with.
    pub(crate) fn mark(&mut self) {
        if self.value.value == Value::Absent {
            self.put(Value::Invalidated);
        }
    }

    /// Somebody who saw `sight` has read `number` from the store afterwards.
    pub(crate) fn confirm(&mut self, rules: &Rules, sight: Sight, number: Number) {
        let is_same = match (sight, self.value.value) {
            (Sight::Mark { is_there, .. }, Value::Invalidated) => is_there,
            (Sight::Number(seen), Value::Current(there)) => seen == there,
            (Sight::Absent, Value::Absent) => rules.confirming == Confirming::IfSameOrAbsent,
            _ => false,
        };
        let is_no_smaller = !matches!(self.value.value, Value::Current(there) if there > number);
        let is_taken_over = match rules.confirming {
            Confirming::IfSame | Confirming::IfSameOrAbsent => is_same && is_no_smaller,
            Confirming::IfLarger => is_no_smaller,
            Confirming::Always => true,
        };
        if is_taken_over {
            let there = self.value;
            self.put(Value::Current(number));
            if matches!((sight, there.value), (Sight::Number(_), Value::Current(_))) {
                // A number, unlike a mark, may have come back since it was seen: then the store was asked too long ago.
                self.value.age = there.age;
            }
        }
    }

    /// A write with `number` was done.
    pub(crate) fn announce(&mut self, rules: &Rules, number: Number) {
        let there = self.value;
        match (rules.announcing, there.value) {
            (Announcing::Nothing, _) => {}
            (Announcing::Put, _) | (Announcing::RaiseOrPut, Value::Absent | Value::Invalidated) => {
                self.put(Value::Current(number));
            }
            (_, Value::Absent | Value::Invalidated) => self.put(Value::Invalidated),
            (_, Value::Current(known)) if known >= number => {}
            (announcing, Value::Current(_)) => {
                self.put(Value::Current(number));
                if announcing != Announcing::RaiseAndRenew {
                    self.value.age = there.age;
                }
            }
        }
    }

    /// Everything is gone.
    pub(crate) fn flush(&mut self) {
        self.put(Value::Absent);
        self.announced = 0;
        self.beside = None;
        self.shared = None;
        self.sessions.iter_mut().for_each(|session| session.lease = None);
    }

    /// What it would fall back to is written.
    pub(crate) fn take_snapshot(&mut self) {
        self.snapshot = Some(Snapshot { timed: self.value, is_present: true });
        self.sights().for_each(|sight| {
            if let Sight::Mark { is_there, in_snapshot } = sight {
                *in_snapshot = *is_there;
            }
        });
    }

    /// It falls back to what was written. What has its time over by then is gone.
    pub(crate) fn restore(&mut self) {
        let Some(snapshot) = self.snapshot else { return };
        self.flush();
        self.value = snapshot.timed;
        self.snapshot = Some(Snapshot { is_present: true, ..snapshot });
        self.sights().for_each(|sight| {
            if let Sight::Mark { is_there, in_snapshot } = sight {
                *is_there = *in_snapshot;
            }
        });
    }

    /// A tick: what has its time over goes.
    pub(crate) fn end_values(&mut self) {
        if self.value.value != Value::Absent {
            self.value.age += 1;
        }
        if self.value.age > VALUE_TICKS {
            self.put(Value::Absent);
        }
        if let Some(Snapshot { timed, .. }) = &mut self.snapshot
            && timed.value != Value::Absent
        {
            timed.age += 1;
            if timed.age > VALUE_TICKS {
                *timed = Timed { value: Value::Absent, age: 0 };
            }
        }
    }
}
