//! The data plane on a disk that fails at every point.
//!
//! - [`disk`]: a disk that remembers every operation, and says what is left of it when the machine
//!   stops after any of them.
//! - [`script`]: what a gateway lives through, seeded.
//! - [`life`]: the script played, with a record of who was told what, and after which operation.
//! - [`check`]: another gateway is started on what is left, and held to that record.
//! - [`points`]: all of this for every operation and every fate.
//! - [`seeds`]: long lives with every fault at once, by the thousand.
#![forbid(unsafe_code)]

pub mod check;
pub mod disk;
pub mod life;
pub mod points;
pub mod ring;
pub mod script;
pub mod seeds;
