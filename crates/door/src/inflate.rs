//! The one place where a compressed body grows, and the limits it meets while it does.

use std::io::{self, BufReader, Cursor, Read};

use bytes::Bytes;
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};

use crate::budget::Charge;
use crate::fault::Fault;

/// A body may grow so many times over, looked at while it does, so that a bomb ends by what little
/// of it was read and not by its size,
const MAX_RATIO: usize = 200;
/// and by this much in any case.
const RATIO_FLOOR: usize = 1 << 20;
/// A stretch short enough for a thread that has other connections to serve, about half a
/// millisecond; most requests are whole by then. What is longer waits for another thread, and holds
/// that much meanwhile.
pub(crate) const INLINE: usize = 256 << 10;
/// Output is made, and charged, in steps of this size.
const STEP: usize = 64 << 10;
/// zstd windows up to 8 MiB, as RFC 8878 asks of every decoder; larger ones are memory bombs.
const ZSTD_WINDOW_LOG: u32 = 23;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Gzip,
    Zstd,
    Deflate,
}

impl Encoding {
    /// What the accept-encoding headers list.
    pub(crate) const ACCEPTED: &'static str = "identity,gzip,zstd,deflate";

    /// `Some(None)` is identity; `None` is unknown here.
    #[expect(
        clippy::option_option,
        reason = "no compression and no such name are both answers"
    )]
    pub(crate) fn named(name: &[u8]) -> Option<Option<Self>> {
        if name.eq_ignore_ascii_case(b"identity") || name.is_empty() {
            Some(None)
        } else if name.eq_ignore_ascii_case(b"gzip") {
            Some(Some(Self::Gzip))
        } else if name.eq_ignore_ascii_case(b"zstd") {
            Some(Some(Self::Zstd))
        } else if name.eq_ignore_ascii_case(b"deflate") {
            Some(Some(Self::Deflate))
        } else {
            None
        }
    }
}

enum Decoder {
    Gzip(MultiGzDecoder<Cursor<Bytes>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<Cursor<Bytes>>>),
    Deflate(ZlibDecoder<Cursor<Bytes>>),
}

impl Decoder {
    /// Bytes of the input that are used up.
    fn consumed(&self) -> usize {
        let (position, ahead) = match self {
            Self::Gzip(decoder) => (decoder.get_ref().position(), 0),
            Self::Deflate(decoder) => (decoder.get_ref().position(), 0),
            Self::Zstd(decoder) => {
                let reader = decoder.get_ref();
                (reader.get_ref().position(), reader.buffer().len())
            }
        };
        usize::try_from(position)
            .unwrap_or(usize::MAX)
            .saturating_sub(ahead)
    }
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
            Self::Deflate(decoder) => decoder.read(buffer),
        }
    }
}

/// One body on its way to its full size. It can be moved to another thread half-way.
pub(crate) struct Inflation {
    encoding: Encoding,
    input: Bytes,
    decoder: Decoder,
    out: Vec<u8>,
    /// The size limit of the listener.
    max: usize,
    /// It looked like a bomb, and has begun again.
    suspected: bool,
    /// The request's share of the budget; covers input and output until the end.
    charge: Charge,
}

/// What a stretch of work came to.
pub(crate) enum Progress {
    /// The whole body; the charge now covers it alone.
    Done(Bytes, Charge),
    /// The stretch is over, the body is not.
    More(Box<Inflation>),
}

/// Why there is no body. Busy is its own case, since the core counts those, and so are bombs, since
/// too many of them end a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The budget of bytes in flight is used up.
    Busy,
    /// It grew beyond all measure.
    Bomb,
    /// The sender's doing.
    Fault(Fault),
}

impl Inflation {
    pub(crate) fn new(
        encoding: Encoding,
        input: Bytes,
        max: usize,
        charge: Charge,
    ) -> Result<Box<Self>, Failure> {
        let cursor = Cursor::new(input.clone());
        let decoder = match encoding {
            Encoding::Gzip => Decoder::Gzip(MultiGzDecoder::new(cursor)),
            Encoding::Deflate => Decoder::Deflate(ZlibDecoder::new(cursor)),
            Encoding::Zstd => zstd::stream::read::Decoder::new(cursor)
                .and_then(|mut decoder| {
                    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                    Ok(Decoder::Zstd(decoder))
                })
                .map_err(|error| corrupt(&error))?,
        };
        Ok(Box::new(Self {
            encoding,
            input,
            decoder,
            out: Vec::new(),
            max,
            suspected: false,
            charge,
        }))
    }

    /// Work until the body is complete or `stretch` more bytes are made.
    pub(crate) fn advance(mut self: Box<Self>, stretch: usize) -> Result<Progress, Failure> {
        let stop = self.out.len().saturating_add(stretch);
        while self.out.len() < stop {
            let start = self.out.len();
            // One byte over the limit is enough to know that it is passed.
            let step = STEP.min(self.max + 1 - start);
            if start == 0 {
                let guess = self.input.len().saturating_mul(4);
                self.out.reserve(guess.clamp(step, INLINE));
            }
            let read = (&mut self.decoder)
                .take(step as u64)
                .read_to_end(&mut self.out)
                .map_err(|error| corrupt(&error))?;
            if self.out.len() > self.max {
                return Err(Failure::Fault(Fault::too_large(self.out.len(), self.max)));
            }
            if self.grown_over(RATIO_FLOOR) {
                return Err(Failure::Bomb);
            }
            if !self.charge.grow(read) {
                return Err(Failure::Busy);
            }
            if read == step && !self.suspected && self.grown_over(0) {
                return self.begin_again().map(Progress::More);
            }
            if read < step {
                let mut charge = self.charge;
                charge.shrink_to(self.out.len());
                return Ok(Progress::Done(Bytes::from(self.out), charge));
            }
        }
        Ok(Progress::More(self))
    }

    /// What looks like a bomb waits for its thread as it came, so that only its input is held.
    fn begin_again(self: Box<Self>) -> Result<Box<Self>, Failure> {
        let mut charge = self.charge;
        charge.shrink_to(self.input.len());
        let mut again = Self::new(self.encoding, self.input, self.max, charge)?;
        again.suspected = true;
        Ok(again)
    }

    /// Grow to the end without keeping anything, and begin again if that is no bomb: a bomb is to
    /// take no memory.
    fn acquit(mut self: Box<Self>) -> Result<Box<Self>, Failure> {
        let mut scratch = vec![0; STEP];
        let mut made = 0;
        loop {
            let read = self.decoder.read(&mut scratch);
            let read = read.map_err(|error| corrupt(&error))?;
            if read == 0 {
                return self.begin_again();
            }
            made += read;
            if made > self.max {
                return Err(Failure::Fault(Fault::too_large(made, self.max)));
            }
            if self.is_over(made, RATIO_FLOOR) {
                return Err(Failure::Bomb);
            }
        }
    }

    /// Whether it looked like a bomb.
    pub(crate) const fn is_suspected(&self) -> bool {
        self.suspected
    }

    fn grown_over(&self, floor: usize) -> bool {
        self.is_over(self.out.len(), floor)
    }

    /// Whether so many bytes are more than its ratio and a floor allow.
    fn is_over(&self, made: usize, floor: usize) -> bool {
        let bound = self.decoder.consumed().saturating_mul(MAX_RATIO);
        made > bound.saturating_add(floor)
    }

    /// Work to the end, however long it takes.
    pub(crate) fn finish(self: Box<Self>) -> Result<(Bytes, Charge), Failure> {
        let mut work = if self.suspected { self.acquit()? } else { self };
        loop {
            match work.advance(usize::MAX)? {
                Progress::Done(body, charge) => return Ok((body, charge)),
                Progress::More(more) => work = more, // once at most
            }
        }
    }
}

impl Failure {
    /// What the sender is told of a body that grew beyond all measure.
    pub(crate) fn bomb() -> Fault {
        Fault::bomb(MAX_RATIO)
    }
}

fn corrupt(error: &io::Error) -> Failure {
    Failure::Fault(Fault::broken(format!(
        "failed to decompress the message: {error}"
    )))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::budget::Budget;

    const ALL: [Encoding; 3] = [Encoding::Gzip, Encoding::Zstd, Encoding::Deflate];

    fn pack(encoding: Encoding, body: &[u8]) -> Bytes {
        let packed = match encoding {
            Encoding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(body).unwrap();
                encoder.finish().unwrap()
            }
            Encoding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(body).unwrap();
                encoder.finish().unwrap()
            }
            Encoding::Zstd => zstd::encode_all(body, 1).unwrap(),
        };
        packed.into()
    }

    /// Inflate in stretches of this many bytes. Also returns the most that was charged.
    fn inflate(
        encoding: Encoding,
        input: Bytes,
        max: usize,
        bound: usize,
        stretch: usize,
    ) -> (Result<Bytes, Failure>, usize) {
        let budget = Budget::new(bound, 1, 1);
        let mut charge = budget.admit().unwrap();
        assert!(charge.grow(input.len()));
        let mut most = budget.bytes();
        let mut next = Inflation::new(encoding, input, max, charge).map(Progress::More);
        let body = loop {
            match next {
                Ok(Progress::Done(body, charge)) => {
                    drop(charge);
                    break Ok(body);
                }
                Ok(Progress::More(work)) => next = work.advance(stretch),
                Err(failure) => break Err(failure),
            }
            most = most.max(budget.bytes());
        };
        assert_eq!(budget.bytes(), 0, "a charge is left");
        (body, most)
    }

    proptest! {
        /// Any bytes at all come to an end within every limit, with nothing left charged.
        #[test]
        fn any_bytes_are_bounded(
            bytes in vec(any::<u8>(), 0..400),
            magic in 0_usize..4,
            which in 0_usize..3,
        ) {
            let magic: &[u8] = [&b""[..], b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"\x78\x01"][magic];
            let input = Bytes::from([magic, &bytes].concat());
            let (body, most) = inflate(ALL[which], input, 1 << 16, 1 << 20, 1 << 14);
            prop_assert!(most <= (1 << 16) + 500);
            if let Ok(body) = body {
                prop_assert!(body.len() <= 1 << 16);
            }
        }

        /// What was packed comes back, in stretches of any length; cut or flipped, it never is
        /// more than was packed.
        #[test]
        fn packed_bodies_come_back(
            body in vec(0_u8..4, 0..4_000),
            stretch in 1_usize..5_000,
            which in 0_usize..3,
            at in any::<prop::sample::Index>(),
        ) {
            let packed = pack(ALL[which], &body);
            let (whole, _) = inflate(ALL[which], packed.clone(), 1 << 20, 1 << 22, stretch);
            prop_assert_eq!(whole.unwrap(), Bytes::from(body.clone()));
            let short = packed.slice(..at.index(packed.len()));
            if let Ok(part) = inflate(ALL[which], short, 1 << 20, 1 << 22, stretch).0 {
                prop_assert!(part.is_empty());
            }
            let mut flipped = packed.to_vec();
            flipped[at.index(packed.len())] ^= 0x10;
            drop(inflate(ALL[which], flipped.into(), 1 << 20, 1 << 22, stretch));
        }
    }

    /// A bomb ends soon after the first MiB, however large it is, or at the size that a body may
    /// have; a body within both is taken.
    #[test]
    fn bombs_end_while_they_grow() {
        for encoding in ALL {
            let bomb = pack(encoding, &vec![0; 32 << 20]);
            let (body, most) = inflate(encoding, bomb.clone(), 64 << 20, 256 << 20, 1 << 20);
            assert_eq!(body, Err(Failure::Bomb), "{encoding:?}");
            assert!(Failure::bomb().message.contains("200-fold"));
            assert!(most <= 2 * RATIO_FLOOR + bomb.len(), "{encoding:?} {most}");
            let (body, most) = inflate(encoding, bomb, 1 << 19, 256 << 20, 1 << 20);
            let Err(Failure::Fault(fault)) = body else {
                panic!("{encoding:?} was taken");
            };
            // No byte more was made than tells that it is too large.
            assert!(fault.message.contains("(524289 vs. 524288 bytes)"));
            assert!(most < 1 << 20, "{encoding:?} {most}");
            let small = pack(encoding, &vec![0; 1 << 20]);
            assert!(
                inflate(encoding, small, 64 << 20, 256 << 20, 1 << 20)
                    .0
                    .is_ok()
            );
        }
    }

    /// What all bodies may take together ends one as well, and its sender may try again.
    #[test]
    fn the_budget_ends_a_body() {
        let packed = pack(Encoding::Gzip, &vec![0; 1 << 20]);
        let (body, _) = inflate(Encoding::Gzip, packed, 64 << 20, 1 << 19, 1 << 20);
        assert_eq!(body, Err(Failure::Busy));
    }
}
