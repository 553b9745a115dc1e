//! Realistic OTLP requests, encoded once, and the clients that offer them.
//!
//! Layout: `options` is the command line of `tailsampler-load`; `traces` makes realistic spans;
//! `template` encodes requests once and knows where their ids lie; `connection` is one client, of
//! gRPC or HTTP; `pacer` waits until a request is due; `tally` counts outcomes and latencies;
//! `load` drives connections until the amount or the time is reached. `judged` hands the same
//! requests to the core itself, without a door, a disk or a clock.
//!
//! Everything but the ids is encoded before the clock starts, so that on a shared machine the
//! generator takes as little from the gateway's processors as it can.

mod connection;
pub mod judged;
pub mod load;
pub mod options;
mod pacer;
pub mod tally;
pub mod template;
#[cfg(test)]
mod tests;
mod traces;
