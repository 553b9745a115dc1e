//! Memory that large requests took goes back to the system with them.

/// Above every request of an honest sender that is not huge, so that those cost no page faults.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 512 * 1024;

/// At the end of the heap so much stays, as it does where glibc adjusts itself: smaller bodies come
/// and go there all the time.
#[cfg(target_env = "gnu")]
const KEPT: libc::c_int = 4 * 1024 * 1024;

/// Have glibc map blocks of 512 KiB and more by themselves, now and later. Left alone it raises that
/// bound with every such block that is freed, up to 32 MiB, and keeps what is between others: bodies
/// that a hostile sender blows up then cost six times the memory, and for good.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "glibc's own call; there is no safe one")]
pub(crate) fn give_back_large_blocks() {
    // Whoever put another allocator in its place knows what for: what this one says is no matter.
    // SAFETY: it takes two numbers, and may be called by any thread at any time.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
    }
}

/// Other allocators give back on their own.
#[cfg(not(target_env = "gnu"))]
pub(crate) const fn give_back_large_blocks() {}
