//! OpenTelemetry's consistent probability sampling: R, 56 random bits shared by a whole trace.

use crate::wire::{RvSource, TraceId};

/// The low 56 bits of a number.
pub const MASK: u64 = (1 << 56) - 1;

/// Where the R of a trace came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The trace id: its low 56 bits.
    TraceId,
    /// The trace id, hashed, because ids are known not to be random.
    Hash,
    /// `ot=rv` in the tracestate.
    Explicit,
}

impl Source {
    /// The word for it in decisions.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::TraceId => "trace_id",
            Self::Hash => "hash",
            Self::Explicit => "rv",
        }
    }
}

/// R of a trace, 56 bits, and where it came from: `rv` if a span carried one, else the trace id,
/// hashed if the plan says that ids are not random.
#[must_use]
pub fn resolve(
    trace_id: &TraceId,
    hash_trace_ids: bool,
    rv: u64,
    rv_source: RvSource,
) -> (u64, Source) {
    if rv_source != RvSource::None {
        (rv & MASK, Source::Explicit)
    } else if hash_trace_ids {
        (hashed(trace_id), Source::Hash)
    } else {
        (plain(trace_id), Source::TraceId)
    }
}

/// The low 56 bits of a trace id, which is a big-endian number.
#[must_use]
pub fn plain(trace_id: &TraceId) -> u64 {
    u128::from_be_bytes(*trace_id) as u64 & MASK
}

/// The low 56 bits of the first half of MurmurHash3 (x64, 128 bit, seed 0) of a trace id.
///
/// The hash is spelled out for its one length here: sixteen bytes are one block and no tail.
#[must_use]
pub fn hashed(trace_id: &TraceId) -> u64 {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let id = u128::from_le_bytes(*trace_id);
    let k1 = (id as u64)
        .wrapping_mul(C1)
        .rotate_left(31)
        .wrapping_mul(C2);
    let k2 = ((id >> 64) as u64)
        .wrapping_mul(C2)
        .rotate_left(33)
        .wrapping_mul(C1);
    let h1 = k1.rotate_left(27).wrapping_mul(5).wrapping_add(0x52dc_e729) ^ 16;
    let h2 = k2
        .rotate_left(31)
        .wrapping_add(h1 ^ 16)
        .wrapping_mul(5)
        .wrapping_add(0x3849_5ab5)
        ^ 16;
    let h1 = h1.wrapping_add(h2);
    let h2 = h2.wrapping_add(h1);
    mix(h1).wrapping_add(mix(h2)) & MASK
}

const fn mix(mut k: u64) -> u64 {
    k = (k ^ (k >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    k = (k ^ (k >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ (k >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(hex: u128) -> TraceId {
        hex.to_be_bytes()
    }

    /// R of an ordinary trace is its last seven bytes.
    #[test]
    fn the_trace_id_gives_its_low_56_bits() {
        let trace = id(0x0123_4567_89ab_cdef_fe01_2345_6789_abcd);
        let r = resolve(&trace, false, 7, RvSource::None);
        assert_eq!(r, (0x0001_2345_6789_abcd, Source::TraceId));
    }

    /// An explicit value wins over both ways of reading the id.
    #[test]
    fn rv_wins() {
        let r = resolve(&id(1), true, 7, RvSource::Span);
        assert_eq!(r, (7, Source::Explicit));
    }

    /// The hash is MurmurHash3, as Python's mmh3 computes it.
    #[test]
    fn the_hash_is_murmur3() {
        for (trace, r) in [
            (1, 0x00ef_f263_57c4_8224),
            (
                0x0123_4567_89ab_cdef_fe01_2345_6789_abcd,
                0x006f_62cc_70bd_968a,
            ),
            (u128::MAX, 0x00ce_73d7_a39a_46e6),
        ] {
            let found = resolve(&id(trace), true, 0, RvSource::None);
            assert_eq!(found, (r, Source::Hash));
        }
    }
}
