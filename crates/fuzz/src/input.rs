//! The bytes of the fuzzer, taken one by one: after the last of them come zeros, so every input
//! says something.

/// What is left of an input.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At most so many bytes.
    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// A place among `of`; 0 if there is none.
    pub(crate) fn index(&mut self, of: usize) -> usize {
        usize::from(self.u16()) % of.max(1)
    }

    /// A number of the kind that breaks sums: small, near a power of two, or any.
    pub(crate) fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..=99 => u64::from(small),
            near @ 100..=227 => {
                let power = 1_u64 << (near % 64);
                let less = u64::from(near > 163);
                power.wrapping_sub(less)
            }
            228..=235 => u64::MAX,
            _ => {
                let mut eight = [0; 8];
                let bytes = self.bytes(8);
                eight[..bytes.len()].copy_from_slice(bytes);
                u64::from_le_bytes(eight)
            }
        }
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.bytes(usize::MAX)
    }
}
