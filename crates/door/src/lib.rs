//! The door: OTLP over gRPC and HTTP, in front of the core.
//!
//! # Layout
//! - [`Door`] (`door.rs`): listeners, reactor threads (`reactor.rs`), opening and closing.
//! - [`Service`] (`service.rs`): what every connection shares; serves one byte stream.
//! - `grpc/`: one task a connection on the bare h2 crate, with its own unary framing.
//! - `http/`: OTLP/HTTP on hyper.
//! - `guard.rs`: between socket and protocol; counts frames (`frames.rs`, `meter.rs`) and closes
//!   (`closing.rs`) connections that no honest client would make.
//! - `inflate.rs`: the one place where a compressed body grows, and its limits.
//! - `budget.rs`: the bytes of all bodies in flight, one bound for the process.
//! - `tenants.rs`: whose request it is, by token or by header.
//! - `fault.rs`, `rpc.rs`, `reply.rs`: what senders read, in both protocols.
//!
//! The door knows the core only through [`tailsampler_core::intake`].

mod budget;
mod closing;
mod counters;
mod door;
mod error;
mod fault;
mod frames;
mod grpc;
mod guard;
mod http;
mod inflate;
mod limits;
mod meter;
mod options;
mod reactor;
mod reply;
mod rpc;
mod service;
mod tenants;
mod tls;

pub use crate::closing::{Closed, Closing};
pub use crate::counters::{Connections, Requests, Stats};
pub use crate::door::{Addresses, Door};
pub use crate::error::DoorError;
pub use crate::limits::{Limits, Rate};
pub use crate::options::{Listener, Options, Tenants, Tls, Token};
pub use crate::service::Service;
