//! What a verdict says, and how it is written down.

use crate::plan::NEVER;
use crate::wire::TraceId;

/// The rule of a trace that matched none.
pub const NO_RULE: u16 = u16::MAX;

/// Bytes of one verdict in the verdict log.
pub(super) const VERDICT_BYTES: usize = 96;
/// Bytes of one note on late spans in the verdict log.
pub(super) const LATE_BYTES: usize = 56;
/// Every entry ends with the crc32c of the rest of it: entries are read one by one, and damage to
/// one of a record leaves the others.
const CRC_BYTES: usize = 4;

const _: () = assert!(
    VERDICT_BYTES >= 16 + 6 * 8 + 3 * 4 + 2 * 2 + 3 + 2 + 7 + CRC_BYTES,
    "every field of a verdict has room"
);
const _: () = assert!(
    LATE_BYTES >= 16 + 3 * 8 + 2 * 4 + CRC_BYTES,
    "every field of a note has room"
);

/// Why a trace was judged before it was due, or by something else than the chain alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Early {
    /// It was not.
    #[default]
    No,
    /// The buffer log stood at its bound.
    BufferFull,
    /// The gateway was told to drain.
    Shutdown,
    /// The index stood at its bound.
    IndexFull,
    /// It was larger than is allowed, and dropped for that.
    TooLarge,
    /// It would have been kept, but for the share that is kept while the gateway is overloaded.
    Overload,
    /// Another gateway saw evidence in spans of it that did not come here.
    Shared,
}

impl Early {
    /// The word in verdicts and metrics; None if the trace was due.
    #[must_use]
    pub const fn slug(self) -> Option<&'static str> {
        match self {
            Self::No => None,
            Self::BufferFull => Some("early_buffer_full"),
            Self::Shutdown => Some("early_shutdown"),
            Self::IndexFull => Some("early_index_full"),
            Self::TooLarge => Some("trace_too_large"),
            Self::Overload => Some("overload"),
            Self::Shared => Some("shared"),
        }
    }
}

/// The lasting answer on one trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The trace.
    pub trace_id: TraceId,
    /// Keep, or drop.
    pub kept: bool,
    /// Position in the plan's rules, or [`NO_RULE`].
    pub rule: u16,
    /// Version of the plan.
    pub plan: u32,
    /// Whether it was judged before it was due.
    pub early: Early,
    /// T of the rule.
    pub threshold: u64,
    /// R of the trace.
    pub randomness: u64,
    /// Where R came from: 0 trace id, 1 `rv`, 2 hash of the trace id.
    pub randomness_source: u8,
    /// Predicates that held.
    pub bits: u64,
    /// Last end minus first start.
    pub duration_ns: u64,
    /// Spans it was judged on.
    pub spans: u32,
    /// Their bytes.
    pub bytes: u64,
    /// The first integer that made a predicate true; 0 if none.
    pub witness: u32,
    /// Its root span was seen.
    pub root: bool,
    /// When it was judged.
    pub judged_wall_ns: u64,
    /// Whose it is.
    pub tenant: u16,
    /// The part of a composite policy that sampled, by its number in the plan.
    pub part: Option<u16>,
    /// T that policies which vote report for what they keep; 0 where none does.
    pub probability: u64,
}

impl Verdict {
    pub(super) fn encode(&self, into: &mut Vec<u8>) {
        assert!(self.threshold <= NEVER, "T has 56 bits, or keeps nothing");
        assert!(self.randomness < NEVER, "R has 56 bits");
        assert!(
            !self.kept || self.threshold <= self.randomness,
            "what is kept is kept by its T and R"
        );
        assert!(self.randomness_source <= 2, "R comes from one of three");
        let from = into.len();
        into.extend_from_slice(&self.trace_id);
        for word in [
            self.threshold,
            self.randomness,
            self.bits,
            self.duration_ns,
            self.bytes,
            self.judged_wall_ns,
        ] {
            into.extend_from_slice(&word.to_le_bytes());
        }
        for word in [self.spans, self.witness, self.plan] {
            into.extend_from_slice(&word.to_le_bytes());
        }
        into.extend_from_slice(&self.rule.to_le_bytes());
        into.extend_from_slice(&self.tenant.to_le_bytes());
        into.push(match self.early {
            Early::No => 0,
            Early::BufferFull => 1,
            Early::Shutdown => 2,
            Early::IndexFull => 3,
            Early::TooLarge => 4,
            Early::Overload => 5,
            Early::Shared => 6,
        });
        into.push(u8::from(self.kept) | u8::from(self.root) << 1);
        into.push(self.randomness_source);
        let part = self.part.map_or(0, |part| part.saturating_add(1));
        into.extend_from_slice(&part.to_le_bytes());
        into.extend_from_slice(&self.probability.min(NEVER - 1).to_le_bytes()[..7]);
        finish(into, from, VERDICT_BYTES);
    }

    /// None if this is not what was written.
    pub(super) fn decode(bytes: &[u8; VERDICT_BYTES]) -> Option<Self> {
        let mut fields = Fields(whole(bytes)?);
        let trace_id = fields.take();
        let [
            threshold,
            randomness,
            bits,
            duration_ns,
            bytes,
            judged_wall_ns,
        ] = std::array::from_fn(|_| u64::from_le_bytes(fields.take()));
        let [spans, witness, plan] = std::array::from_fn(|_| u32::from_le_bytes(fields.take()));
        let [rule, tenant] = std::array::from_fn(|_| u16::from_le_bytes(fields.take()));
        let [early, flags, randomness_source] = fields.take();
        let part = u16::from_le_bytes(fields.take());
        let mut probability = [0; 8];
        probability[..7].copy_from_slice(&fields.take::<7>());
        Some(Self {
            trace_id,
            kept: flags & 1 != 0,
            rule,
            plan,
            early: match early {
                1 => Early::BufferFull,
                2 => Early::Shutdown,
                3 => Early::IndexFull,
                4 => Early::TooLarge,
                5 => Early::Overload,
                6 => Early::Shared,
                _ => Early::No,
            },
            threshold,
            randomness,
            randomness_source,
            bits,
            duration_ns,
            spans,
            bytes,
            witness,
            root: flags & 2 != 0,
            judged_wall_ns,
            tenant,
            part: part.checked_sub(1),
            probability: u64::from_le_bytes(probability),
        })
    }
}

/// Spans of one request that came after their trace's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateSpans {
    /// The trace.
    pub trace_id: TraceId,
    /// The request.
    pub sequence: u64,
    /// Where the verdict stands that they follow.
    pub verdict: u64,
    /// How many.
    pub spans: u32,
    /// Their bytes.
    pub bytes: u64,
    /// What the verdict says.
    pub kept: bool,
    /// The verdict cannot be read any more, nor can they be, to be judged anew.
    pub lost: bool,
}

impl LateSpans {
    pub(super) fn encode(&self, into: &mut Vec<u8>) {
        assert!(self.spans > 0, "a note is on some spans");
        let from = into.len();
        into.extend_from_slice(&self.trace_id);
        for word in [self.sequence, self.verdict, self.bytes] {
            into.extend_from_slice(&word.to_le_bytes());
        }
        into.extend_from_slice(&self.spans.to_le_bytes());
        let flags = u32::from(self.kept) | u32::from(self.lost) << 1;
        into.extend_from_slice(&flags.to_le_bytes());
        finish(into, from, LATE_BYTES);
    }

    /// None if this is not what was written.
    pub(super) fn decode(bytes: &[u8; LATE_BYTES]) -> Option<Self> {
        let mut fields = Fields(whole(bytes)?);
        let trace_id = fields.take();
        let [sequence, verdict, bytes] = std::array::from_fn(|_| u64::from_le_bytes(fields.take()));
        let [spans, flags] = std::array::from_fn(|_| u32::from_le_bytes(fields.take()));
        Some(Self {
            trace_id,
            sequence,
            verdict,
            spans,
            bytes,
            kept: flags & 1 != 0,
            lost: flags & 2 != 0,
        })
    }
}

/// Fill up the entry that begins at `from`, and close it with its checksum.
fn finish(into: &mut Vec<u8>, from: usize, size: usize) {
    let fields = from + size - CRC_BYTES;
    assert!(into.len() <= fields, "no field is cut off");
    into.resize(fields, 0);
    let crc = crc32c::crc32c(&into[from..]);
    into.extend_from_slice(&crc.to_le_bytes());
}

/// The fields of an entry whose checksum matches.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let (fields, crc) = bytes.split_last_chunk::<CRC_BYTES>()?;
    (crc32c::crc32c(fields) == u32::from_le_bytes(*crc)).then_some(fields)
}

/// Fixed-size fields from the front of a record; the callers take no more than there is.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        assert!(self.0.len() >= N, "no more is taken than there is");
        let mut field = [0; N];
        let (front, rest) = self.0.split_at(N);
        field.copy_from_slice(front);
        self.0 = rest;
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written down is read back, every field of it.
    #[test]
    fn round_trip() {
        let verdict = Verdict {
            trace_id: [7; 16],
            kept: true,
            rule: 3,
            plan: 9,
            early: Early::Shutdown,
            threshold: 1 << 55,
            randomness: (1 << 56) - 1,
            randomness_source: 2,
            bits: u64::MAX,
            duration_ns: 11,
            spans: 12,
            bytes: 13,
            witness: 503,
            root: true,
            judged_wall_ns: 14,
            tenant: 15,
            part: Some(16),
            probability: NEVER - 1,
        };
        let mut bytes = Vec::new();
        verdict.encode(&mut bytes);
        let bytes: [u8; VERDICT_BYTES] = bytes.try_into().unwrap();
        assert_eq!(Verdict::decode(&bytes), Some(verdict));
        let late = LateSpans {
            trace_id: [8; 16],
            sequence: 1,
            verdict: 2,
            spans: 3,
            bytes: 4,
            kept: false,
            lost: true,
        };
        let mut bytes = Vec::new();
        late.encode(&mut bytes);
        let bytes: [u8; LATE_BYTES] = bytes.try_into().unwrap();
        assert_eq!(LateSpans::decode(&bytes), Some(late));
    }

    /// No entry with a flipped bit passes for one that was written.
    #[test]
    fn every_flip_is_noticed() {
        let mut bytes = Vec::new();
        Verdict::default().encode(&mut bytes);
        for bit in 0..VERDICT_BYTES * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let flipped: &[u8; VERDICT_BYTES] = bytes.as_slice().try_into().unwrap();
            assert_eq!(Verdict::decode(flipped), None, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
