//! Wakes Python: an eventfd that its event loop watches, since Rust never calls Python.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::event::{EventfdFlags, eventfd};
use tailsampler_core::runtime::Notify;

/// An eventfd.
pub(crate) struct Wake(OwnedFd);

impl Wake {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(eventfd(
            0,
            EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC,
        )?))
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Notify for Wake {
    fn notify(&self) {
        // Only a full counter refuses, and then the reader is woken anyway.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}
