//! One frame of the outbox: the kept spans of one verdict, or of late spans that follow one.
//!
//! ```text
//!  0 trace id             16 spans        20 malformed spans   24 missing spans
//! 28 malformed bytes      36 missing bytes
//! 44 received size of each span (4 bytes each), then resource_spans fields, ready to be sent
//! ```
//! Where the highest bit of the missing spans is set, the number of cut spans (4 bytes) and their
//! bytes (8) stand between. Little endian. The header's sequence is the position of the verdict, or of the note on the late
//! spans, in the verdict log. Frames are written in that order, so the last one says which ones
//! have been written.

use super::notes::frame_bytes;
use crate::ledger::Count;
use crate::log::{HEADER_BYTES, Record};
use crate::wire::TraceId;

const FIXED_BYTES: usize = 44;
const CUT_BYTES: usize = 12;
/// Beside the missing spans: cut ones are counted, too.
const HAS_CUT: u32 = 1 << 31;

const _: () = assert!(
    FIXED_BYTES == 16 + 3 * 4 + 2 * 8,
    "sizes stand right behind the counts"
);

/// What stands before a frame that was copied, about.
const NOTE_BYTES: usize = 64;

/// Bytes on disk of a frame with so many spans and such a payload, once it was copied.
pub(super) const fn disk_bytes(spans: u64, payload_bytes: u32) -> u64 {
    (HEADER_BYTES + NOTE_BYTES + FIXED_BYTES) as u64 + 4 * spans + payload_bytes as u64
}

/// One frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The trace.
    pub trace_id: TraceId,
    /// Bytes of each Span message as received, in the order of `payload`.
    pub sizes: Vec<u32>,
    /// Spans that a backend could not have decoded, left out.
    pub malformed: Count,
    /// Spans that were not found where they should stand: the disk lies.
    pub missing: Count,
    /// Spans left out since their trace is too large.
    pub cut: Count,
    /// Whose it is, as the logs number tenants; it stands in the record's header.
    pub tenant: u16,
    /// The plan its trace was judged by; it stands in the record's header.
    pub plan: u32,
    /// One more than there are rules behind the one that kept it, 0 if that is not known: what is
    /// given up first if not all can be held. It stands in the header, too.
    pub rank: u32,
    /// `resource_spans` fields of an `ExportTraceServiceRequest`.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The spans in the payload, and their bytes as received.
    #[must_use]
    pub fn kept(&self) -> Count {
        Count::new(
            self.sizes.len() as u64,
            self.sizes.iter().map(|&size| u64::from(size)).sum(),
        )
    }

    pub(super) fn encode(&self, into: &mut Vec<u8>) {
        assert!(
            self.sizes.is_empty() == self.payload.is_empty(),
            "what is sent is counted, and what is counted is sent"
        );
        let from = into.len();
        into.extend_from_slice(&self.trace_id);
        let count = |spans: u64| u32::try_from(spans).unwrap_or(u32::MAX) & !HAS_CUT;
        let has_cut = if self.cut.is_zero() { 0 } else { HAS_CUT };
        for word in [
            count(self.sizes.len() as u64),
            count(self.malformed.spans),
            count(self.missing.spans) | has_cut,
        ] {
            into.extend_from_slice(&word.to_le_bytes());
        }
        for bytes in [self.malformed.bytes, self.missing.bytes] {
            into.extend_from_slice(&bytes.to_le_bytes());
        }
        if has_cut > 0 {
            into.extend_from_slice(&count(self.cut.spans).to_le_bytes());
            into.extend_from_slice(&self.cut.bytes.to_le_bytes());
        }
        for size in &self.sizes {
            into.extend_from_slice(&size.to_le_bytes());
        }
        let cut_bytes = if has_cut > 0 { CUT_BYTES } else { 0 };
        assert_eq!(
            into.len() - from,
            FIXED_BYTES + cut_bytes + 4 * self.sizes.len(),
            "the payload stands where a reader looks for it"
        );
        into.extend_from_slice(&self.payload);
    }

    /// Read a frame; None if the record is no frame.
    #[must_use]
    pub fn decode(record: &Record) -> Option<Self> {
        let (fixed, rest) = frame_bytes(record)?.split_at_checked(FIXED_BYTES)?;
        let u32_at = |at: usize| -> Option<u32> {
            Some(u32::from_le_bytes(fixed.get(at..at + 4)?.try_into().ok()?))
        };
        let u64_at = |at: usize| -> Option<u64> {
            Some(u64::from_le_bytes(fixed.get(at..at + 8)?.try_into().ok()?))
        };
        let (spans, missing) = (u32_at(16)? as usize, u32_at(24)?);
        let (cut, rest) = match missing & HAS_CUT {
            0 => (Count::default(), rest),
            _ => {
                let (cut, rest) = rest.split_first_chunk::<CUT_BYTES>()?;
                let [a, b, c, d, bytes @ ..] = cut;
                let spans = u32::from_le_bytes([*a, *b, *c, *d]);
                (
                    Count::new(u64::from(spans), u64::from_le_bytes(*bytes)),
                    rest,
                )
            }
        };
        let (sizes, payload) = rest.split_at_checked(spans.checked_mul(4)?)?;
        let (sizes, _) = sizes.as_chunks::<4>();
        Some(Self {
            trace_id: fixed[..16].try_into().ok()?,
            sizes: sizes.iter().map(|size| u32::from_le_bytes(*size)).collect(),
            malformed: Count::new(u64::from(u32_at(20)?), u64_at(28)?),
            missing: Count::new(u64::from(missing & !HAS_CUT), u64_at(36)?),
            cut,
            tenant: record.header.tenant,
            plan: record.header.plan,
            rank: record.header.rank,
            payload: payload.to_vec(),
        })
    }
}
