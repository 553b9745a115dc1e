//! What the wire tests share: requests as field soup, and prost's view of them.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(
    unreachable_pub,
    missing_docs,
    reason = "shared by test files, not a library"
)]

pub mod oracle;
pub mod soup;
pub mod stated;
pub mod writer;
