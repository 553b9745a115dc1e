//! Nothing asks for memory because a length says so.
//!
//! Memory that is asked for and never touched is not seen by libFuzzer's own limit.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;

/// Logs are read in windows of 1 MiB, and no directory here is as large as that.
const MOST: usize = 8 << 20;

struct Limited;

#[global_allocator]
static ALLOCATOR: Limited = Limited;

fn check(size: usize) {
    if size > MOST {
        let _ = std::io::stderr().write_all(b"memory is asked for that no input is worth\n");
        std::process::abort();
    }
}

#[allow(
    unsafe_code,
    reason = "the trait is unsafe; every call goes to the system's allocator"
)]
// SAFETY: as the system's allocator.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        check(size);
        unsafe { System.realloc(pointer, layout, size) }
    }
}
