//! The data plane of tailsampler: it holds spans, judges whole traces, and accounts for every span.
//!
//! No network and no Python; time, randomness and the disk are arguments.
//!
//! # Layout
//! - [`intake`]: what the door hands over, and what it is answered.
//! - [`wire`]: find spans in OTLP requests without decoding them, and write kept ones out again.
//! - [`plan`]: the policy chain as data, compiled to predicates.
//! - [`votes`], [`ottl`]: policies that vote, and conditions in OTTL, as contrib's `tail_sampling`
//!   has them.
//! - [`log`]: segmented, checksummed logs on a [`fs::FileSystem`]; three of them:
//!   the buffer log (requests), the verdict log, and the outbox.
//! - [`index`]: the traces that are held, and where in the buffer log their spans stand.
//! - [`waiting`]: which trace is due when.
//! - [`judge`], [`verdicts`]: the chain run once, the lasting answer, and the memory of it.
//! - [`outbox`]: kept spans on disk, until every exporter is done with them.
//! - [`ledger`]: where every span went.
//! - [`engine`]: all of these put together, single-threaded and deterministic; [`replay`] starts it
//!   from a directory; [`runtime`] gives it threads.
//! - [`inspect`]: look at a data directory, and repair it, while nobody works in it.
#![forbid(unsafe_code)]

pub mod admission;
pub mod clock;
pub mod engine;
pub mod fs;
pub mod index;
pub mod inspect;
pub mod intake;
pub mod judge;
pub mod keeping;
pub mod ledger;
pub mod log;
pub mod options;
pub mod ottl;
pub mod outbox;
pub mod plan;
pub mod randomness;
pub mod relay;
pub mod replay;
pub mod reserve;
pub mod runtime;
pub mod simulation;
pub mod tenants;
pub mod verdicts;
pub mod votes;
pub mod waiting;
pub mod wire;
