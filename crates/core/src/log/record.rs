//! One record: 48 bytes of header, then the body.
//!
//! ```text
//!  0 magic "TSR1"   4 crc32c   8 length of body   12 kind   13 version   14 tenant
//! 16 plan version  20 count   24 sequence        32 wall ns             40 monotonic ns
//! ```
//! Little endian. The checksum covers the body, then header bytes 8..48: in this order so that
//! the body can be summed by the thread that received it, before its sequence is known.

/// Bytes of header before every body.
pub const HEADER_BYTES: usize = 48;

/// The newest record version this program writes and reads.
pub const VERSION: u8 = 1;

pub(super) const MAGIC: [u8; 4] = *b"TSR1";

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
    /// The plan that was current.
    pub plan: u32,
    /// Entries in the body: spans of a request, verdicts of a slice.
    pub count: u32,
    /// Requests are numbered; other records carry the number of the last request before them.
    pub sequence: u64,
    /// When it was made, since the Unix epoch.
    pub wall_ns: u64,
    /// When it was made, on the process's own clock.
    pub mono_ns: u64,
}

impl Header {
    /// Encode the header of a body with this length and crc32c.
    pub(super) fn encode(&self, length: u32, body_crc: u32) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&length.to_le_bytes());
        bytes[12] = self.kind.byte();
        bytes[13] = VERSION;
        bytes[14..16].copy_from_slice(&self.tenant.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.plan.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.count.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.wall_ns.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.mono_ns.to_le_bytes());
        let crc = crc32c::crc32c_append(body_crc, &bytes[8..]);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        bytes
    }
}

/// A header as it stands on disk, not yet believed.
pub(super) struct RawHeader<'a>(pub(super) &'a [u8; HEADER_BYTES]);

impl RawHeader<'_> {
    pub(super) fn has_magic(&self) -> bool {
        self.0[0..4] == MAGIC
    }

    pub(super) const fn version(&self) -> u8 {
        self.0[13]
    }

    pub(super) fn length(&self) -> usize {
        u32_at(self.0, 8) as usize
    }

    pub(super) fn matches(&self, body: &[u8]) -> bool {
        crc32c::crc32c_append(crc32c::crc32c(body), &self.0[8..]) == u32_at(self.0, 4)
    }

    pub(super) fn decode(&self) -> Header {
        Header {
            kind: Kind::of(self.0[12]),
            tenant: u16::from_le_bytes([self.0[14], self.0[15]]),
            plan: u32_at(self.0, 16),
            count: u32_at(self.0, 20),
            sequence: u64_at(self.0, 24),
            wall_ns: u64_at(self.0, 32),
            mono_ns: u64_at(self.0, 40),
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
