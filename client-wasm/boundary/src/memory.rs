//! The allocator of the wasm module: free lists by size, four sizes to a doubling, and memory that grows. What was freed is used again for
//! the same size and never joined: a tenth of the standard one's code, which is made for many threads and hours of servers.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;

/// Sizes from 16 bytes to 3.5 GiB.
const CLASSES: usize = 4 * 28;
const PAGE: usize = 65_536;

struct Lists {
    /// By class, the first free block; each begins with the place of the next.
    free: [usize; CLASSES],
    /// What was never used yet.
    next: usize,
    end: usize,
}

pub(crate) struct Memory(UnsafeCell<Lists>);

#[expect(unsafe_code, reason = "an allocator; the module has one thread")]
unsafe impl Sync for Memory {}

/// The class of a size, and the size of its blocks: 16, 20, 24, 28, 32, 40, …, rounded up to whole 16 bytes.
const fn class(size: usize) -> (usize, usize) {
    let size = if size < 16 { 16 } else { size };
    let doubling = (size.ilog2() - 4) as usize;
    let step = 4_usize << doubling;
    let steps = (size - (16 << doubling)).div_ceil(step);
    let rounded = (16 << doubling) + steps * step;
    (4 * doubling + steps, rounded.next_multiple_of(16))
}

impl Memory {
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new(Lists { free: [0; CLASSES], next: 0, end: 0 }))
    }
}

#[expect(unsafe_code, reason = "an allocator; the module has one thread")]
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: nothing else refers to the lists; one thread, and no call from here leads back.
        let lists = unsafe { &mut *self.0.get() };
        let (class, size) = class(layout.size());
        if layout.align() > 16 {
            return std::ptr::null_mut();
        }
        let Some(first) = lists.free.get_mut(class) else { return std::ptr::null_mut() };
        if *first != 0 {
            let block = *first as *mut usize;
            // SAFETY: a free block is at least 16 bytes of ours, aligned, and begins with the next one's place.
            *first = unsafe { *block };
            return block.cast();
        }
        if size > lists.end - lists.next {
            let pages = size.div_ceil(PAGE);
            let at = core::arch::wasm32::memory_grow::<0>(pages);
            if at == usize::MAX {
                return std::ptr::null_mut();
            }
            if at * PAGE != lists.end {
                lists.next = at * PAGE;
            }
            lists.end = (at + pages) * PAGE;
        }
        let block = lists.next;
        lists.next += size;
        block as *mut u8
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; the block is ours, and nobody's any more.
        let lists = unsafe { &mut *self.0.get() };
        if let Some(first) = lists.free.get_mut(class(layout.size()).0) {
            unsafe { *block.cast::<usize>() = *first };
            *first = block as usize;
        }
    }
}
