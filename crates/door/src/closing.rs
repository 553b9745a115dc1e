//! Why the door closes a connection that its client would have kept, one name a reason.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::ser::SerializeMap;

macro_rules! reasons {
    ($($(#[$words:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// A limit that a connection was closed over.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Closing {
            $($(#[$words])* $variant),+
        }

        impl Closing {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As metrics and the statistics name it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }
    };
}

reasons! {
    /// TLS, the HTTP/2 preface or HTTP/1 headers took too long.
    SlowHead = "slow_head",
    /// One HTTP/2 frame took too long to arrive.
    SlowFrame = "slow_frame",
    /// Too many bodies stopped arriving.
    SlowBody = "slow_body",
    /// Answers were not taken.
    SlowReader = "slow_reader",
    /// No sign of life, not even when asked for one.
    Silent = "silent",
    /// Streams were opened and reset, over and over.
    RapidReset = "rapid_reset",
    /// The door was made to reset streams, over and over.
    ProvokedResets = "provoked_resets",
    /// More control frames than any honest client sends.
    ControlFlood = "control_flood",
    /// Headers without end, in many pieces.
    ContinuationFlood = "continuation_flood",
    /// Headers far over their limit.
    LargeHeaders = "large_headers",
    /// Body frames that hold nothing, or next to nothing, faster than they are read.
    SmallFrames = "small_frames",
    /// Compressed bodies that grew beyond all measure, one after the other.
    Bombs = "bombs",
    /// Not the protocol that is spoken here.
    BadProtocol = "bad_protocol",
}

/// `ENHANCE_YOUR_CALM`, the HTTP/2 error code of one that asks too much.
pub(crate) const CALM: u32 = 11;

impl Closing {
    /// What a GOAWAY that h2 wrote says; none: it is no accusation.
    pub(crate) fn said(code: u32, words: &[u8]) -> Option<Self> {
        match words {
            b"too_many_resets" => Some(Self::RapidReset),
            b"too_many_internal_resets" => Some(Self::ProvokedResets),
            b"too_many_continuations" => Some(Self::ContinuationFlood),
            b"header_list_way_too_large" => Some(Self::LargeHeaders),
            b"too_many_data_frames" => Some(Self::SmallFrames),
            _ if code == 0 => None,
            _ => Some(Self::BadProtocol),
        }
    }
}

impl From<Closing> for io::Error {
    fn from(closing: Closing) -> Self {
        let kind = match closing {
            Closing::SlowHead | Closing::SlowFrame | Closing::SlowReader => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, closing.name())
    }
}

/// How often each reason applied.
#[derive(Debug, Default)]
pub(crate) struct Closings([AtomicU64; Closing::ALL.len()]);

impl Closings {
    pub(crate) fn count(&self, closing: Closing) {
        self.0[closing as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Closed {
        let read = |closing: &Closing| self.0[*closing as usize].load(Ordering::Relaxed);
        Closed(Closing::ALL.iter().map(read).collect())
    }
}

/// One reading: connections closed by the door, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closed(Vec<u64>);

impl Closed {
    /// The connections closed for this reason.
    #[must_use]
    pub fn over(&self, closing: Closing) -> u64 {
        self.0.get(closing as usize).copied().unwrap_or(0)
    }
}

impl Serialize for Closed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Closing::ALL.len()))?;
        for closing in Closing::ALL {
            map.serialize_entry(closing.name(), &self.over(*closing))?;
        }
        map.end()
    }
}
