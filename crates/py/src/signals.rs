//! SIGTERM and SIGINT: the first one asks Python to stop, the second one ends the process.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tailsampler_core::runtime::Notify;

use crate::wake::Wake;

/// Watch both signals on a thread of its own, which lives as long as the process.
pub(crate) fn watch(first: Arc<AtomicI32>, wake: Arc<Wake>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    thread::Builder::new()
        .name("ts-signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if first
                    .compare_exchange(0, signal, Ordering::AcqRel, Ordering::Acquire)
                    .is_err()
                {
                    // What is held stays in the log; nobody should have to wait for the rest.
                    std::process::exit(128 + signal);
                }
                wake.notify();
            }
        })?;
    Ok(())
}
