//! The browser client's core as a wasm module without bindings: synchronous exports that take and give numbers, and two buffers in linear
//! memory, one that JavaScript fills and one that it reads. One instance has one core. Not what the bytes mean ([`encoding`]), and not the
//! effects themselves: those are the driver's (`driver/*.ts`).
//!
//! ```text
//! pointer = reserve(bytes)      room for an input; what was written stays, at another place perhaps
//! length = open(now, seed, …)   a core; its first effects are at output()
//! length = handle(now, length)  the input that was written; all effects that follow are at output()
//! length = status()             what is known, at output()
//! slot = slot(length)           a path was written; its place in the table at slots(), three f64 each
//! length = fill(slot, now)      the response in memory that may be shown, at output(); 0: none; the table says until when
//! release(slot)                 nobody asks for it any more
//! ```
//!
//! On other targets, where the encoding is tested, they have no such names: the C library has an `open` too.
//!
//! A panic aborts: the call throws in JavaScript, and the instance is not to be used any more.

mod encoding;
#[cfg(target_arch = "wasm32")]
mod memory;
mod slots;

use std::cell::RefCell;

use encoding::{Reader, Writer, read_input, response, write_effect, write_status};
use kairos_client_core::{Config, Core};
use slots::Slots;

/// What `handle` gives when what was written is no input.
const MALFORMED: u32 = u32::MAX;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: memory::Memory = memory::Memory::new();

struct Boundary {
    core: Core,
    input: Vec<u8>,
    output: Writer,
    slots: Slots,
}

thread_local! {
    static BOUNDARY: RefCell<Option<Boundary>> = const { RefCell::new(None) };
}

impl Boundary {
    fn effects(&mut self) -> u32 {
        self.output.clear();
        while let Some(effect) = self.core.poll_effect() {
            write_effect(&mut self.output, &effect);
        }
        self.length()
    }

    fn length(&self) -> u32 {
        self.output.bytes().len() as u32
    }

    fn handle(&mut self, now: f64, length: u32) -> u32 {
        let mut reader = Reader::new(self.input.get(..length as usize).unwrap_or_default());
        let input = read_input(&mut reader).filter(|_| reader.is_empty());
        let Some(input) = input else { return MALFORMED };
        self.slots.count(&mut self.core);
        self.core.handle(now as i64, input);
        self.slots.reset();
        self.effects()
    }

    fn slot(&mut self, length: u32) -> u32 {
        let path = self.input.get(..length as usize).and_then(|path| std::str::from_utf8(path).ok());
        path.map_or(MALFORMED, |path| self.slots.add(path))
    }

    fn fill(&mut self, slot: u32, now: f64) -> u32 {
        self.output.clear();
        self.core.advance(now as i64);
        if let Some(found) = self.slots.fill(slot, &self.core, now as i64) {
            response(&mut self.output, &found);
        }
        self.length()
    }
}

fn with(act: impl FnOnce(&mut Boundary) -> u32) -> u32 {
    BOUNDARY.with_borrow_mut(|boundary| boundary.as_mut().map_or(MALFORMED, act))
}

/// Makes the core. `seed` is random; `memory_entries` is how many stored responses there may be in memory.
#[cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "the name of an export"), unsafe(no_mangle))]
pub extern "C" fn open(now: f64, seed: f64, memory_entries: f64) -> u32 {
    let defaults = Config::default();
    let core =
        Core::new(now as i64, Config { seed: seed.to_bits(), memory_entries: memory_entries as usize, ..defaults });
    BOUNDARY.with_borrow_mut(|boundary| {
        boundary
            .insert(Boundary { core, input: Vec::new(), output: Writer::default(), slots: Slots::default() })
            .effects()
    })
}

/// Makes room for so many bytes of input and gives its place.
#[cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "the name of an export"), unsafe(no_mangle))]
pub extern "C" fn reserve(bytes: u32) -> *mut u8 {
    BOUNDARY.with_borrow_mut(|boundary| {
        boundary.as_mut().map_or(std::ptr::null_mut(), |boundary| {
            if boundary.input.len() < bytes as usize {
                boundary.input.resize(bytes as usize, 0);
            }
            boundary.input.as_mut_ptr()
        })
    })
}

/// Where what was written last is.
#[cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "the name of an export"), unsafe(no_mangle))]
pub extern "C" fn output() -> *const u8 {
    BOUNDARY
        .with_borrow(|boundary| boundary.as_ref().map_or(std::ptr::null(), |boundary| boundary.output.bytes().as_ptr()))
}

/// Takes in what happened. Gives the length of the effects that follow.
#[cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "the name of an export"), unsafe(no_mangle))]
pub extern "C" fn handle(now: f64, length: u32) -> u32 {
    with(|boundary| boundary.handle(now, length))
}

/// Gives the length of what is known.
#[cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "the name of an export"), unsafe(no_mangle))]
pub extern "C" fn status() -> u32 {
    with(|boundary| {
        boundary.output.clear();
        write_status(&mut boundary.output, &boundary.core.status());
        boundary.length()
    })
}

/// Gives a slot for the path that was written. The table may be elsewhere then.
#[cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "the name of an export"), unsafe(no_mangle))]
pub extern "C" fn slot(length: u32) -> u32 {
    with(|boundary| boundary.slot(length))
}

/// Gives it back.
#[cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "the name of an export"), unsafe(no_mangle))]
pub extern "C" fn release(slot: u32) {
    with(|boundary| {
        boundary.slots.remove(slot);
        0
    });
}

/// Where the table of slots is.
#[cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "the name of an export"), unsafe(no_mangle))]
pub extern "C" fn slots() -> *const f64 {
    BOUNDARY.with_borrow(|boundary| boundary.as_ref().map_or(std::ptr::null(), |boundary| boundary.slots.numbers()))
}

/// Gives the length of what memory has for a slot's path; 0 if it has nothing that may be shown. The slot says until when.
#[cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "the name of an export"), unsafe(no_mangle))]
pub extern "C" fn fill(slot: u32, now: f64) -> u32 {
    with(|boundary| boundary.fill(slot, now))
}
