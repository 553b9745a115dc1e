//! One record: 64 bytes of header, then the body.
//!
//! ```text
//!  0 magic "TSR2"   4 crc32c of the header   8 length of body   12 crc32c of body
//! 16 kind          17 version               18 tenant          20 plan version
//! 24 count         28 rank                  32 sequence        40 wall ns
//! 48 spans received so far                  56 bytes of them
//! ```
//! Little endian. The header's checksum covers the position of the record in its log, then header
//! bytes 8..64: bytes that were written for another place are no record here. The body has a
//! checksum of its own, so that it can be summed by the thread that received it, and so that a
//! damaged body still says how long it was and how many spans went with it.

use super::segments::POSITION_BOUND;
use crate::ledger::Count;

/// Bytes of header before every body.
pub const HEADER_BYTES: usize = 64;

/// The newest record version this program writes and reads.
pub const VERSION: u8 = 2;

pub(super) const MAGIC: [u8; 4] = *b"TSR2";

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Buffer log: one `ExportTraceServiceRequest`, as it came.
    Request,
    /// Verdict log: verdicts of one slice.
    Verdicts,
    /// Verdict log: spans that came after their trace's verdict.
    Late,
    /// Outbox: kept spans of one trace.
    Kept,
    /// Outbox: an exporter is done with some of them.
    Settled,
    /// Outbox: the state of all exporters at the begin of a segment.
    Mark,
    /// Outbox: an exporter is handed some of them.
    Taken,
    /// Outbox: kept spans of one trace, copied from the begin of the log to its end.
    Moved,
    /// Buffer log: how much of the requests that follow was shed at the door.
    Shed,
    /// Ends what was written to a segment over the bytes of an earlier one; the next record is
    /// written over it.
    End,
    /// Any log: bytes that were no record when the log was repaired; skipped.
    Filler,
    /// Of a kind this version does not know; skipped.
    Unknown(u8),
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Self::Request => 1,
            Self::Verdicts => 2,
            Self::Late => 3,
            Self::Kept => 4,
            Self::Settled => 5,
            Self::Mark => 6,
            Self::Filler => 7,
            Self::Taken => 8,
            Self::Moved => 9,
            Self::Shed => 10,
            Self::End => 11,
            Self::Unknown(byte) => byte,
        }
    }

    const fn of(byte: u8) -> Self {
        match byte {
            1 => Self::Request,
            2 => Self::Verdicts,
            3 => Self::Late,
            4 => Self::Kept,
            5 => Self::Settled,
            6 => Self::Mark,
            7 => Self::Filler,
            8 => Self::Taken,
            9 => Self::Moved,
            10 => Self::Shed,
            11 => Self::End,
            other => Self::Unknown(other),
        }
    }
}

/// What is known of a record beside its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the body is.
    pub kind: Kind,
    /// Whose it is.
    pub tenant: u16,
    /// The plan that was current; of a kept frame, the plan that its trace was judged by.
    pub plan: u32,
    /// Entries in the body: spans of a request, verdicts of a slice.
    pub count: u32,
    /// Of a kept frame: one more than there are rules behind the one that kept its trace; zero if
    /// that is not known. Of a request, and of what was shed: the level of overload it came under.
    /// Zero in all other records.
    pub rank: u32,
    /// Requests are numbered; other records carry the number of the last request before them.
    pub sequence: u64,
    /// When it was made, since the Unix epoch.
    pub wall_ns: u64,
    /// Spans received so far, this record's included, and their bytes: what a reader finds less
    /// than that is lost. Zero in the outbox, which does not know.
    pub total: Count,
}

impl Header {
    /// That of a record which says nothing itself.
    pub(super) const fn silent(kind: Kind) -> Self {
        Self {
            kind,
            tenant: 0,
            plan: 0,
            count: 0,
            rank: 0,
            sequence: 0,
            wall_ns: 0,
            total: Count::new(0, 0),
        }
    }

    /// Encode the header of a body with this length and crc32c, to stand at `position`.
    pub(super) fn encode(&self, position: u64, length: u32, body_crc: u32) -> [u8; HEADER_BYTES] {
        let read_back = Kind::of(self.kind.byte());
        assert_eq!(
            read_back, self.kind,
            "a kind is read back as it was written"
        );
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&length.to_le_bytes());
        bytes[12..16].copy_from_slice(&body_crc.to_le_bytes());
        bytes[16] = self.kind.byte();
        bytes[17] = VERSION;
        bytes[18..20].copy_from_slice(&self.tenant.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.plan.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.count.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.rank.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.wall_ns.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.total.spans.to_le_bytes());
        bytes[56..64].copy_from_slice(&self.total.bytes.to_le_bytes());
        let crc = header_crc(position, &bytes);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        bytes
    }
}

fn header_crc(position: u64, header: &[u8; HEADER_BYTES]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&position.to_le_bytes()), &header[8..])
}

/// A header as it stands on disk.
pub(super) struct RawHeader<'a>(pub(super) &'a [u8; HEADER_BYTES]);

impl RawHeader<'_> {
    /// Whether this was written as a header, and for this position. Numbers of requests and
    /// positions of verdicts are counted on from here, so one that no log comes to is none; what
    /// a later version writes there is not for this one to say.
    pub(super) fn is_whole(&self, position: u64) -> bool {
        self.0[0..4] == MAGIC
            && header_crc(position, self.0) == u32_at(self.0, 4)
            && (self.version() > VERSION || u64_at(self.0, 32) < POSITION_BOUND)
    }

    pub(super) const fn version(&self) -> u8 {
        self.0[17]
    }

    /// Whether it ends what was written to its segment.
    pub(super) const fn is_end(&self) -> bool {
        self.0[16] == Kind::End.byte()
    }

    pub(super) fn length(&self) -> usize {
        u32_at(self.0, 8) as usize
    }

    pub(super) fn matches(&self, body: &[u8]) -> bool {
        crc32c::crc32c(body) == u32_at(self.0, 12)
    }

    pub(super) fn decode(&self) -> Header {
        assert_eq!(self.0[..4], MAGIC, "only what was found whole is read");
        Header {
            kind: Kind::of(self.0[16]),
            tenant: u16::from_le_bytes([self.0[18], self.0[19]]),
            plan: u32_at(self.0, 20),
            count: u32_at(self.0, 24),
            rank: u32_at(self.0, 28),
            sequence: u64_at(self.0, 32),
            wall_ns: u64_at(self.0, 40),
            total: Count::new(u64_at(self.0, 48), u64_at(self.0, 56)),
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}
