//! What the door's tests share: a core that answers as it is told, and a raw gRPC client.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

pub(crate) mod client;
pub(crate) mod core;
pub(crate) mod hostile;
pub(crate) mod http;

use std::sync::Arc;
use std::time::Duration;

use tailsampler_door::{Door, Limits, Listener, Options};

/// Wait until something that other threads do is done. A test that waits in vain hangs, and the
/// test runner says which.
pub(crate) async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(crate) fn listener() -> Listener {
    Listener {
        endpoint: "127.0.0.1:0".into(),
        max_recv_bytes: 64 << 20,
        tls: None,
    }
}

pub(crate) fn options() -> Options {
    Options {
        otlp_grpc: Some(listener()),
        otlp_http: Some(listener()),
        in_flight_bytes: 256 << 20,
        threads: 1,
        tenants: None,
    }
}

/// Both doors on free ports.
pub(crate) fn open(core: &Arc<core::FakeCore>) -> Door {
    Door::open(options(), Arc::clone(core) as _).unwrap()
}

/// Both doors, with other bounds.
pub(crate) fn open_with(core: &Arc<core::FakeCore>, options: Options, limits: Limits) -> Door {
    Door::open_with(options, limits, Arc::clone(core) as _).unwrap()
}
