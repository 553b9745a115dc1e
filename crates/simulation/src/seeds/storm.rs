//! A workload that shares nothing with the other one: requests written byte by byte, with numbers
//! of its own, as a broken or hostile sender would write them. Many traces a request, spans
//! without a usable id, empty groups, fields nobody knows, sizes from nothing to a few blocks.

use bytes::Bytes;

/// xorshift64*; not the dice of everything else.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn up_to(&mut self, most: u64) -> u64 {
        (self.next() >> 11) % (most + 1)
    }
}

/// The storm.
pub struct Storm {
    noise: Noise,
    /// Traces it talks about now; they drift.
    around: u64,
    width: u64,
    spans: u64,
}

fn varint(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

fn bytes(into: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(into, field << 3 | 2);
    varint(into, content.len() as u64);
    into.extend_from_slice(content);
}

fn fixed(into: &mut Vec<u8>, field: u64, value: u64) {
    varint(into, field << 3 | 1);
    into.extend_from_slice(&value.to_le_bytes());
}

impl Storm {
    /// A storm of its own.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut noise = Noise(seed.wrapping_mul(2).wrapping_add(0x1357_9bdf_0246_8ace) | 1);
        let width = 1 + noise.up_to(40);
        Self {
            noise,
            around: 0,
            width,
            spans: 1 << 40,
        }
    }

    /// The next request.
    pub fn request(&mut self) -> Bytes {
        self.around += self.noise.up_to(2);
        let mut request = Vec::new();
        for _ in 0..self.noise.up_to(3) {
            let mut group = Vec::new();
            if self.noise.up_to(1) == 0 {
                bytes(&mut group, 1, &[]); // a resource without attributes
            }
            for _ in 0..self.noise.up_to(2) {
                let mut scope = Vec::new();
                for _ in 0..self.noise.up_to(5) {
                    let span = self.span();
                    bytes(&mut scope, 2, &span);
                }
                bytes(&mut group, 2, &scope);
            }
            bytes(&mut request, 1, &group);
        }
        Bytes::from(request)
    }

    fn span(&mut self) -> Vec<u8> {
        let trace = self.around + self.noise.up_to(self.width);
        self.spans += 1;
        let mut id = [0; 16];
        id[0] = 0x5a;
        id[1..9].copy_from_slice(&trace.to_le_bytes());
        // The low bits decide by chance; they are to differ from trace to trace.
        id[9..16].copy_from_slice(&trace.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[..7]);
        let mut span = Vec::new();
        bytes(&mut span, 1, &id);
        match self.noise.up_to(60) {
            0 => bytes(&mut span, 2, &self.spans.to_be_bytes()[..7]), // too short: rejected
            1 => bytes(&mut span, 2, &[0; 8]),                        // all zero: rejected
            _ => bytes(&mut span, 2, &self.spans.to_be_bytes()),
        }
        let name_bytes = [4, 4, 40, 200, 9_000][self.noise.up_to(4) as usize];
        bytes(&mut span, 5, &vec![b'n'; name_bytes]);
        let start = 1_000 + self.noise.up_to(700_000_000);
        fixed(&mut span, 7, start);
        fixed(&mut span, 8, start + self.noise.up_to(600_000_000));
        if self.noise.up_to(25) == 0 {
            bytes(&mut span, 15, &[0x18, 2]); // status: error
        }
        span
    }
}
