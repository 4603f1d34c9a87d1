//! Effects, as JavaScript reads them, numbered in the order of [`Effect`]; and what is known, on demand.

use kairos_client_core::{
    Action, Code, Connection, Effect, Event, Failure, Fetch, Guard, Key, Lock, Operation, Outcome, Range, Response,
    SignedOut, Source, Status, Store, Transaction,
};

use super::Writer;

/// Writes an effect.
pub(crate) fn write_effect(writer: &mut Writer, effect: &Effect) {
    match effect {
        Effect::Fetch(one) => {
            writer.byte(0);
            fetch(writer, one);
        }
        Effect::Read { read, ranges } => {
            writer.byte(1);
            writer.number(f64::from(*read));
            list(writer, ranges, range);
        }
        Effect::Write { write, transaction: one } => {
            writer.byte(2);
            writer.number(f64::from(*write));
            transaction(writer, one);
        }
        Effect::SetTimer { at_ms } => {
            writer.byte(3);
            writer.number(*at_ms as f64);
        }
        Effect::RequestLock(one) => {
            writer.byte(4);
            lock(writer, *one);
        }
        Effect::ReleaseLock(one) => {
            writer.byte(5);
            lock(writer, *one);
        }
        Effect::Tell(text) => {
            writer.byte(6);
            writer.text(text);
        }
        Effect::Resolve { request, outcome: one } => {
            writer.byte(7);
            writer.number(f64::from(*request));
            outcome(writer, one);
        }
        Effect::Notify { watch } => {
            writer.byte(8);
            writer.number(f64::from(*watch));
        }
        Effect::Emit(event) => {
            writer.byte(9);
            writer.byte(match event {
                Event::Status => 0,
                Event::SignedOut(SignedOut::SignOut) => 1,
                Event::SignedOut(SignedOut::Expired) => 2,
                Event::SignedOut(SignedOut::Replaced) => 3,
            });
        }
    }
}

fn list<T>(writer: &mut Writer, items: &[T], mut item: impl FnMut(&mut Writer, &T)) {
    writer.length(items.len());
    for one in items {
        item(writer, one);
    }
}

fn fetch(writer: &mut Writer, fetch: &Fetch) {
    writer.number(f64::from(fetch.fetch));
    writer.text(&fetch.method);
    writer.text(&fetch.path);
    for text in [&fetch.body, &fetch.token, &fetch.etag] {
        writer.optional(text.as_deref());
    }
    writer.optional(fetch.min_generation.as_deref());
    writer.number(f64::from(fetch.timeout_ms));
}

fn store(writer: &mut Writer, store: Store) {
    writer.byte(match store {
        Store::Meta => 0,
        Store::Operations => 1,
        Store::Journal => 2,
        Store::Rejected => 3,
        Store::Responses => 4,
    });
}

fn key(writer: &mut Writer, key: &Key) {
    store(writer, key.store);
    writer.text(&key.owner);
    match key.store {
        Store::Meta | Store::Responses => writer.text(&key.name),
        _ => writer.number(key.number as f64),
    }
}

fn range(writer: &mut Writer, range: &Range) {
    match range {
        Range::One(one) => {
            writer.byte(0);
            key(writer, one);
        }
        Range::OwnedBy(of, owner) => {
            writer.byte(1);
            store(writer, *of);
            writer.text(owner);
        }
        Range::Index { after, limit } => {
            writer.byte(2);
            writer.number(*limit as f64);
            writer.optional(after.as_ref().map(|key| &*key.owner));
            writer.optional(after.as_ref().map(|key| &*key.name));
        }
    }
}

fn guard(writer: &mut Writer, guard: &Guard) {
    match guard {
        Guard::Stamp(one, stamp) => {
            writer.byte(0);
            key(writer, one);
            writer.number(*stamp as f64);
        }
        Guard::Exists(one) => {
            writer.byte(1);
            key(writer, one);
        }
        Guard::NoneOf(of, owner) => {
            writer.byte(2);
            store(writer, *of);
            writer.text(owner);
        }
    }
}

fn transaction(writer: &mut Writer, transaction: &Transaction) {
    list(writer, &transaction.guards, guard);
    list(writer, &transaction.deletes, range);
    list(writer, &transaction.puts, |writer, put| {
        key(writer, &put.row.key);
        writer.number(put.row.stamp as f64);
        writer.text(&put.row.text);
        writer.byte(u8::from(put.if_newer));
    });
    writer.byte(u8::from(transaction.is_durable));
}

fn lock(writer: &mut Writer, lock: Lock) {
    writer.byte(match lock {
        Lock::Leader => 0,
        Lock::Session => 1,
    });
}

fn outcome(writer: &mut Writer, outcome: &Result<Outcome, Failure>) {
    match outcome {
        Ok(Outcome::Response(one)) => {
            writer.byte(0);
            response(writer, one);
        }
        Ok(Outcome::Recorded { id, is_durable }) => {
            writer.byte(1);
            writer.text(id);
            writer.byte(u8::from(*is_durable));
        }
        Ok(Outcome::SignedIn(profile)) => {
            writer.byte(2);
            writer.text(profile);
        }
        Ok(Outcome::Reply { status, body }) => {
            writer.byte(3);
            writer.number(f64::from(*status));
            writer.text(body);
        }
        Ok(Outcome::Done) => writer.byte(4),
        Err(one) => {
            writer.byte(5);
            failure(writer, one);
        }
    }
}

/// Writes a response.
pub(crate) fn response(writer: &mut Writer, response: &Response) {
    writer.text(&response.body);
    writer.byte(match response.source {
        Source::Memory => 0,
        Source::Disk => 1,
        Source::Edge => 2,
        Source::Origin => 3,
    });
    writer.byte(u8::from(response.is_stale));
    writer.byte(u8::from(response.is_complete));
    writer.number(response.age_ms as f64);
    writer.number(response.pending as f64);
    writer.optional(response.degraded.as_deref());
}

fn failure(writer: &mut Writer, failure: &Failure) {
    writer.text(match &failure.code {
        Code::Offline => "offline",
        Code::Unauthenticated => "unauthenticated",
        Code::PendingOperations => "pending_operations",
        Code::Unconfirmed => "unconfirmed",
        Code::InvalidArgument => "invalid_argument",
        Code::Storage => "storage",
        Code::Aborted => "aborted",
        Code::Problem(name) => name,
    });
    writer.optional(failure.problem.as_deref());
}

fn operation(writer: &mut Writer, number: u64, operation: &Operation) {
    writer.number(number as f64);
    writer.text(operation.id.as_str());
    writer.text(operation.module.as_str());
    writer.number(operation.at_ms as f64);
    let (kind, value) = match operation.action {
        Action::Open {} => (0, f64::NAN),
        Action::Study { seconds } => (1, f64::from(seconds)),
        Action::Submit { score } => (2, score.map_or(f64::NAN, f64::from)),
        Action::Complete {} => (3, f64::NAN),
    };
    writer.byte(kind);
    writer.number(value);
}

/// Writes what is known.
pub(crate) fn write_status(writer: &mut Writer, status: &Status<'_>) {
    writer.optional(status.profile.map(|profile| &**profile));
    writer.byte(u8::from(status.is_ended));
    writer.byte(match status.connection {
        Connection::Unknown => 0,
        Connection::Online => 1,
        Connection::Offline => 2,
    });
    writer.byte(u8::from(status.is_sending));
    writer.byte(u8::from(status.leads));
    writer.byte(u8::from(status.send_failure.is_some()));
    if let Some(one) = status.send_failure {
        failure(writer, one);
    }
    list(writer, status.pending, |writer, pending| {
        operation(writer, pending.number, &pending.operation);
        let attempts = status.attempts.iter().find(|(number, _)| *number == pending.number);
        writer.number(attempts.map_or(0.0, |(_, attempts)| f64::from(*attempts)));
    });
    list(writer, status.rejected, |writer, rejected| {
        operation(writer, rejected.number, &rejected.operation);
        writer.text(&rejected.problem);
    });
    writer.byte(u8::from(status.persists));
    for number in [
        status.memory.entries as f64,
        status.memory.bytes as f64,
        status.memory.hits as f64,
        status.memory.misses as f64,
    ] {
        writer.number(number);
    }
}
