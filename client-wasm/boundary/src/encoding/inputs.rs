//! Inputs, as JavaScript writes them. The kinds are numbered in the order of [`Input`].

use kairos_client_core::{Action, HttpResponse, Input, Key, Lock, Mode, PageEvent, Refusal, Row, Store};

use super::Reader;

/// `None`: they are no input.
pub(crate) fn read_input(reader: &mut Reader<'_>) -> Option<Input> {
    Some(match reader.byte()? {
        0 => Input::Get { request: reader.small()?, path: reader.string()?, mode: mode(reader)? },
        1 => Input::Watch { watch: reader.small()?, path: reader.string()? },
        2 => Input::Unwatch { watch: reader.small()? },
        3 => Input::Mutate {
            request: reader.small()?,
            module: reader.string()?,
            action: action(reader)?,
            entropy: reader.array()?,
        },
        4 => Input::Resend {
            request: reader.small()?,
            number: reader.large()?,
            module: reader.string()?,
            action: action(reader)?,
            entropy: reader.array()?,
        },
        5 => Input::Dismiss { request: reader.small()?, numbers: reader.list(Reader::large)? },
        6 => Input::SignIn {
            request: reader.small()?,
            path: reader.string()?,
            body: reader.string()?,
            drops_others: reader.flag()?,
        },
        7 => Input::SignOut { request: reader.small()?, discard: reader.flag()? },
        8 => Input::Request {
            request: reader.small()?,
            method: reader.string()?,
            path: reader.string()?,
            body: reader.optional_string()?,
        },
        9 => Input::Sync { request: reader.small()? },
        10 => Input::Abort { request: reader.small()? },
        kind => return read_report(kind, reader),
    })
}

/// What came of effects, and what happens by itself.
fn read_report(kind: u8, reader: &mut Reader<'_>) -> Option<Input> {
    Some(match kind {
        11 => Input::Fetched { fetch: reader.small()?, response: http_response(reader)? },
        12 => Input::FetchFailed { fetch: reader.small()? },
        13 => Input::Rows { read: reader.small()?, rows: reader.list(row)? },
        14 => Input::ReadFailed { read: reader.small()? },
        15 => Input::Committed { write: reader.small()?, numbers: reader.list(Reader::large)? },
        16 => Input::NotCommitted { write: reader.small()?, refusal: refusal(reader)? },
        17 => Input::Timer,
        18 => Input::LockGranted { lock: lock(reader)? },
        19 => Input::LockRefused { lock: lock(reader)? },
        20 => Input::LockLost { lock: lock(reader)? },
        21 => Input::Message { text: reader.string()? },
        22 => Input::Page(page_event(reader)?),
        23 => Input::DiskOpened,
        24 => Input::DiskRefused,
        25 => Input::DiskClosed,
        _ => return None,
    })
}

fn choose<T: Copy>(reader: &mut Reader<'_>, choices: &[T]) -> Option<T> {
    choices.get(usize::from(reader.byte()?)).copied()
}

fn mode(reader: &mut Reader<'_>) -> Option<Mode> {
    choose(reader, &[Mode::ByPolicy, Mode::Revalidate, Mode::OnlyIfCached])
}

fn lock(reader: &mut Reader<'_>) -> Option<Lock> {
    choose(reader, &[Lock::Leader, Lock::Session])
}

fn refusal(reader: &mut Reader<'_>) -> Option<Refusal> {
    choose(reader, &[Refusal::Conflict, Refusal::Quota, Refusal::Aborted])
}

fn page_event(reader: &mut Reader<'_>) -> Option<PageEvent> {
    use PageEvent::{Frozen, Hidden, Offline, Online, Resumed, Shown};
    choose(reader, &[Shown, Hidden, Frozen, Resumed, Online, Offline])
}

/// A byte and a number, which is NaN where there is none. What is out of range stays so.
fn action(reader: &mut Reader<'_>) -> Option<Action> {
    let (kind, value) = (reader.byte()?, reader.number()?);
    Some(match kind {
        0 => Action::Open {},
        1 => Action::Study { seconds: value as u32 },
        2 => Action::Submit { score: (!value.is_nan()).then_some(value as u8) },
        3 => Action::Complete {},
        _ => return None,
    })
}

fn http_response(reader: &mut Reader<'_>) -> Option<HttpResponse> {
    Some(HttpResponse {
        status: reader.number()? as u16,
        body: reader.string()?,
        content_type: reader.string()?,
        etag: reader.optional_string()?,
        generations: reader.optional_string()?,
        degraded: reader.optional_string()?,
        age: reader.optional_string()?,
        cache_status: reader.optional_string()?,
        cache_control: reader.optional_string()?,
        retry_after: reader.optional_string()?,
    })
}

fn row(reader: &mut Reader<'_>) -> Option<Row> {
    let store = choose(reader, &[Store::Meta, Store::Operations, Store::Journal, Store::Rejected, Store::Responses])?;
    let owner = reader.text()?.into();
    let (name, number) = match store {
        Store::Meta | Store::Responses => (reader.text()?.into(), 0),
        _ => ("".into(), reader.large()?),
    };
    Some(Row { key: Key { store, owner, name, number }, stamp: reader.large()?, text: reader.text()?.into() })
}
