//! Carries effects out, as a driver does, and lets them go wrong: late, lost, twice, aborted, refused. Not what must hold.

use kairos_client_core::{Effect, Fetch, HttpResponse, Input, PageEvent, Range, Refusal, Store, Transaction};

use crate::happening::{Way, What};
use crate::origin::problem;
use crate::world::World;

impl World {
    pub(crate) fn carry_out(&mut self, tab: usize, effect: Effect) {
        let life = self.life(tab);
        match effect {
            Effect::Fetch(fetch) => self.send(tab, life, fetch),
            Effect::Read { read, ranges } => {
                let in_ms = self.disk_delay(tab);
                self.schedule(in_ms, What::Look { tab, life, read, ranges });
            }
            Effect::Write { write, transaction } => {
                let in_ms = self.disk_delay(tab);
                self.schedule(in_ms, What::Do { tab, life, write, transaction });
            }
            Effect::SetTimer { at_ms } => {
                let in_ms = (at_ms - self.now()).clamp(0, 1 << 31);
                let Some(one) = self.tabs.get_mut(tab) else { return };
                one.timer += 1;
                let set = one.timer;
                self.schedule(in_ms, What::Fire { tab, life, set });
            }
            Effect::RequestLock(lock) => self.request_lock(tab, lock),
            Effect::ReleaseLock(lock) => self.release(tab, Some(lock)),
            Effect::Tell(text) => {
                if text == "outbox" && self.fails(self.faults.unheard) {
                    return;
                }
                for other in (0..self.tabs.len()).filter(|other| *other != tab) {
                    let (life, in_ms) = (self.life(other), self.between(1, 50));
                    let input = Input::Message { text: text.clone() };
                    self.schedule(in_ms, What::Report { tab: other, life, input });
                }
            }
            Effect::Resolve { request, outcome } => self.resolved(tab, request, outcome),
            Effect::Notify { .. } | Effect::Emit(_) => {}
        }
    }

    /// The disk does what a tab wants in the order in which it wants it.
    fn disk_delay(&mut self, tab: usize) -> i64 {
        let mut in_ms = self.between(0, 8);
        if self.fails(self.faults.stall) {
            self.disk_trouble = self.time + 2_000;
            in_ms += self.between(10, 2_000);
        }
        let time = self.time;
        let Some(one) = self.tabs.get_mut(tab) else { return in_ms };
        one.disk_until = one.disk_until.max(time + in_ms);
        one.disk_until - time
    }

    pub(crate) fn look(&mut self, tab: usize, life: u32, read: u32, ranges: &[Range]) {
        if self.life(tab) != life {
            return;
        }
        let input = if self.fails(self.faults.unread) {
            self.disk_trouble = self.time;
            Input::ReadFailed { read }
        } else {
            Input::Rows { read, rows: self.disk.read(ranges) }
        };
        let in_ms = self.between(0, 8);
        self.schedule(in_ms, What::Report { tab, life, input });
    }

    pub(crate) fn transact(&mut self, tab: usize, life: u32, write: u32, transaction: &Transaction) {
        let is_dead = self.tabs.get(tab).is_none_or(|tab| tab.life != life || !tab.is_alive);
        if is_dead && self.random.permille(500) {
            return;
        }
        let needs_room = transaction.puts.iter().any(|put| put.row.key.store != Store::Meta);
        let is_full = self.script.as_ref().is_some_and(|script| script.is_full);
        let refusal = if is_full {
            (!transaction.puts.is_empty()).then_some(Refusal::Quota)
        } else if self.full_until > self.time && needs_room && !self.is_calm {
            // Room that was made is room for little.
            let is_small = transaction.puts.iter().all(|put| put.row.key.store != Store::Responses);
            (!is_small || self.random.permille(700)).then_some(Refusal::Quota)
        } else if self.fails(self.faults.abort) {
            Some(Refusal::Aborted)
        } else {
            None
        };
        let mut report = match refusal {
            Some(refusal) => Err(refusal),
            None => self.commit(tab, transaction),
        };
        if refusal.is_some() {
            self.disk_trouble = self.time;
        }
        if report.is_ok() && self.fails(self.faults.untold) {
            self.disk_trouble = self.time;
            report = Err(Refusal::Aborted);
        }
        let input = match report {
            Ok(numbers) => Input::Committed { write, numbers },
            Err(refusal) => Input::NotCommitted { write, refusal },
        };
        let in_ms = self.between(0, 8);
        self.schedule(in_ms, What::Report { tab, life, input });
    }

    fn commit(&mut self, tab: usize, transaction: &Transaction) -> Result<Vec<u64>, Refusal> {
        if self.is_traced {
            println!("        disk does for {tab}: {transaction:?}");
        }
        let done = self.disk.apply(transaction)?;
        self.check_commit(tab, &done);
        Ok(done.numbers)
    }

    fn send(&mut self, tab: usize, life: u32, fetch: Fetch) {
        let number = fetch.fetch;
        self.check_request(tab, &fetch);
        if self.scripted(tab, life, &fetch).is_some() {
            return;
        }
        let failed = What::Report { tab, life, input: Input::FetchFailed { fetch: number } };
        if !self.is_calm && self.outage_until > self.time {
            let in_ms = self.between(1, 3_000);
            return self.schedule(in_ms, failed);
        }
        let is_slow = self.fails(self.faults.slow);
        let mut there = if is_slow { self.between(100, 15_000) } else { self.between(1, 300) };
        let back = if is_slow { self.between(1, 15_000) } else { self.between(1, 300) };
        if self.fails(self.faults.foreign) {
            let response = foreign(self.random.below(5));
            return self.schedule(there, What::Arrive { tab, life, fetch, way: Way::Instead(Box::new(response)) });
        }
        if self.fails(self.faults.refusal) {
            let response = match self.random.below(4) {
                0 => problem(500, "internal"),
                1 => HttpResponse { retry_after: Some("7".into()), ..problem(429, "too-many-requests") },
                2 => problem(403, "forbidden"),
                _ => HttpResponse { retry_after: Some("1".into()), ..problem(503, "unavailable") },
            };
            return self.schedule(there, What::Arrive { tab, life, fetch, way: Way::Instead(Box::new(response)) });
        }
        let is_lost = self.fails(self.faults.loss);
        if is_lost && self.random.permille(500) {
            return self.schedule(there + back, failed);
        }
        if self.fails(self.faults.doubled) {
            self.schedule(there, What::Arrive { tab, life, fetch: fetch.clone(), way: Way::ResponseLost });
            there += self.between(0, 2_000);
        }
        if is_lost {
            self.schedule(there + back, failed);
            return self.schedule(there, What::Arrive { tab, life, fetch, way: Way::ResponseLost });
        }
        self.schedule(there, What::Arrive { tab, life, fetch, way: Way::Through(back) });
    }

    pub(crate) fn arrive(&mut self, tab: usize, life: u32, fetch: &Fetch, way: Way) {
        let (response, back) = match way {
            Way::Instead(response) => (*response, self.between(1, 300)),
            Way::ResponseLost => {
                let time = self.time;
                self.origin.handle(fetch, time, &mut self.random);
                return;
            }
            Way::Through(back) => {
                let time = self.time;
                (self.origin.handle(fetch, time, &mut self.random), back)
            }
        };
        let input = Input::Fetched { fetch: fetch.fetch, response };
        self.schedule(back, What::Report { tab, life, input });
    }

    /// Once a second something may happen to the world.
    pub(crate) fn tick(&mut self) {
        let faults = self.faults;
        let tab = usize::try_from(self.random.below(self.tabs.len() as u64)).unwrap_or(0);
        if self.fails(faults.elsewhere) {
            let user = usize::try_from(self.random.below(2)).unwrap_or(0);
            self.origin.elsewhere(user);
        }
        if self.fails(faults.publish) {
            self.origin.publish();
        }
        if self.fails(faults.full) {
            self.full_until = self.time + self.between(100, 30_000);
        }
        if self.fails(faults.outage) {
            self.outage_until = self.time + self.between(100, 120_000);
            let input = if self.random.permille(500) { PageEvent::Offline } else { PageEvent::Online };
            self.tell_all(input);
        }
        if self.fails(faults.expire) {
            self.origin.expire(false);
        }
        if self.fails(faults.end) {
            self.origin.expire(true);
        }
        if self.fails(faults.jump) {
            self.jump();
        }
        if self.fails(faults.freeze) {
            self.freeze(tab);
        }
        if self.fails(faults.close) && self.is_running(tab) {
            self.tell(tab, Input::DiskClosed);
            let (life, in_ms) = (self.life(tab), self.between(10, 8_000));
            self.schedule(in_ms, What::Report { tab, life, input: Input::DiskOpened });
            self.disk_trouble = self.time + in_ms;
        }
        if self.fails(faults.steal) {
            self.steal();
        }
        if self.fails(faults.kill) {
            self.kill(tab);
        }
        if self.fails(faults.crash) {
            for tab in 0..self.tabs.len() {
                self.kill(tab);
            }
        }
    }

    pub(crate) fn is_running(&self, tab: usize) -> bool {
        self.tabs.get(tab).is_some_and(|tab| tab.is_alive && !tab.is_frozen)
    }

    pub(crate) fn tell_all(&mut self, event: PageEvent) {
        for tab in 0..self.tabs.len() {
            if self.is_running(tab) {
                self.tell(tab, Input::Page(event));
            }
        }
    }

    fn jump(&mut self) {
        let most = if self.random.permille(300) { 40 * 86_400_000 } else { 120_000 };
        self.clock_ahead += self.between(-most, most);
        if self.random.permille(300) {
            self.clock_ahead = 0;
        }
    }

    /// Somebody else takes a lock away.
    fn steal(&mut self) {
        let Some((lock, tab, life)) = self.locks.first().copied() else { return };
        self.locks.remove(0);
        self.schedule(0, What::Report { tab, life, input: Input::LockLost { lock } });
        self.grant(lock);
    }
}

/// What is not from Kaïros.
fn foreign(kind: u64) -> HttpResponse {
    let (status, content_type, body) = match kind {
        0 => (200, "text/html", "<h1>Welcome</h1>"),
        1 => (404, "text/html", "<h1>Not found</h1>"),
        2 => (200, "application/json", "{\"ok\":true}"),
        3 => (200, "application/json", "{\"items\":["),
        _ => (502, "text/plain", "bad gateway"),
    };
    HttpResponse { status, content_type: content_type.into(), body: body.into(), ..HttpResponse::default() }
}
