//! Verdicts shared between gateways, as bytes: 24 a trace, its id and T in big endian.

use pyo3::PyResult;
use tailsampler_core::engine::SharedVerdict;
use tailsampler_core::plan::NEVER;

use crate::errors::error;

const ID_BYTES: usize = 16;
const BYTES: usize = ID_BYTES + 8;

pub(crate) fn to_bytes(verdicts: &[SharedVerdict]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(verdicts.len() * BYTES);
    for verdict in verdicts {
        bytes.extend_from_slice(&verdict.trace_id);
        bytes.extend_from_slice(&verdict.threshold.to_be_bytes());
    }
    bytes
}

/// An error if these are not whole verdicts, or one of them keeps nothing.
pub(crate) fn from_bytes(bytes: &[u8]) -> PyResult<Vec<SharedVerdict>> {
    let (whole, rest) = bytes.as_chunks::<BYTES>();
    if !rest.is_empty() {
        let what = format!("{} bytes are no verdicts of {BYTES} each", bytes.len());
        return Err(error("bad_verdicts", what));
    }
    let verdicts = whole.iter().map(|one| {
        let mut verdict = SharedVerdict {
            trace_id: [0; ID_BYTES],
            threshold: 0,
        };
        verdict.trace_id.copy_from_slice(&one[..ID_BYTES]);
        let mut threshold = [0; 8];
        threshold.copy_from_slice(&one[ID_BYTES..]);
        verdict.threshold = u64::from_be_bytes(threshold);
        if verdict.threshold >= NEVER {
            let what = format!(
                "T of a shared verdict is {}, above 2^56 - 1",
                verdict.threshold
            );
            return Err(error("bad_verdicts", what));
        }
        Ok(verdict)
    });
    verdicts.collect()
}
