//! The one place where a compressed body grows, and the limits it meets while it does.

use std::io::{self, BufReader, Cursor, Read};

use bytes::Bytes;
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};

use crate::budget::Charge;
use crate::fault::Fault;

/// A body may grow so many times over,
const MAX_RATIO: usize = 200;
/// but up to this size it may always grow.
const RATIO_FLOOR: usize = 1 << 20;
/// A stretch short enough for a thread that has other connections to serve, about 2 ms.
pub(crate) const INLINE: usize = 1 << 20;
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
    decoder: Decoder,
    out: Vec<u8>,
    /// The size limit of the listener.
    max: usize,
    /// The limit by ratio.
    ratio_max: usize,
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

/// Why there is no body. Busy is its own case, since the core counts those.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The budget of bytes in flight is used up.
    Busy,
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
        let ratio_max = input.len().saturating_mul(MAX_RATIO).max(RATIO_FLOOR);
        let guess = input.len().saturating_mul(4).min(RATIO_FLOOR);
        let input = Cursor::new(input);
        let decoder = match encoding {
            Encoding::Gzip => Decoder::Gzip(MultiGzDecoder::new(input)),
            Encoding::Deflate => Decoder::Deflate(ZlibDecoder::new(input)),
            Encoding::Zstd => zstd::stream::read::Decoder::new(input)
                .and_then(|mut decoder| {
                    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                    Ok(Decoder::Zstd(decoder))
                })
                .map_err(|error| corrupt(&error))?,
        };
        Ok(Box::new(Self {
            decoder,
            out: Vec::with_capacity(guess),
            max,
            ratio_max,
            charge,
        }))
    }

    /// Work until the body is complete or `stretch` more bytes are made.
    pub(crate) fn advance(mut self: Box<Self>, stretch: usize) -> Result<Progress, Failure> {
        let stop = self.out.len().saturating_add(stretch);
        while self.out.len() < stop {
            let start = self.out.len();
            // One byte over the limit is enough to know that it is passed.
            let step = STEP.min(self.max.min(self.ratio_max) + 1 - start);
            let read = (&mut self.decoder)
                .take(step as u64)
                .read_to_end(&mut self.out)
                .map_err(|error| corrupt(&error))?;
            if self.out.len() > self.max {
                return Err(Failure::Fault(Fault::too_large(self.out.len(), self.max)));
            }
            if self.out.len() > self.ratio_max {
                return Err(Failure::Fault(Fault::bomb(MAX_RATIO)));
            }
            if !self.charge.grow(read) {
                return Err(Failure::Busy);
            }
            if read < step {
                let mut charge = self.charge;
                charge.shrink_to(self.out.len());
                return Ok(Progress::Done(Bytes::from(self.out), charge));
            }
        }
        Ok(Progress::More(self))
    }

    /// Work to the end, however long it takes.
    pub(crate) fn finish(self: Box<Self>) -> Result<(Bytes, Charge), Failure> {
        match self.advance(usize::MAX)? {
            Progress::Done(body, charge) => Ok((body, charge)),
            Progress::More(_) => Err(Failure::Fault(Fault::broken("the body has no end"))),
        }
    }
}

fn corrupt(error: &io::Error) -> Failure {
    Failure::Fault(Fault::broken(format!(
        "failed to decompress the message: {error}"
    )))
}
