//! What a request's head says, and its body.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use crate::budget::{Charge, Lingering};
use crate::fault::Fault;
use crate::inflate::{Encoding, Failure, INLINE, Inflation, Progress};
use crate::service::Service;

/// The two forms of OTLP/HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
}

/// By content type; parameters such as a charset do not matter.
pub(super) fn format(headers: &HeaderMap) -> Option<Format> {
    let value = headers.get(CONTENT_TYPE)?.as_bytes();
    let name = value.split(|byte| *byte == b';').next()?.trim_ascii();
    if name.eq_ignore_ascii_case(b"application/x-protobuf") {
        Some(Format::Protobuf)
    } else if name.eq_ignore_ascii_case(b"application/json") {
        Some(Format::Json)
    } else {
        None
    }
}

/// By content encoding.
pub(super) fn encoding(headers: &HeaderMap) -> Result<Option<Encoding>, Fault> {
    let Some(value) = headers.get(CONTENT_ENCODING) else {
        return Ok(None);
    };
    Encoding::named(value.as_bytes().trim_ascii()).ok_or_else(|| {
        Fault::unsupported(
            415,
            format!(
                "unknown content-encoding {value:?}; use one of {}",
                Encoding::ACCEPTED
            ),
        )
    })
}

/// Read a body as it was sent, charging for each part before the next is asked for.
pub(super) async fn collect(
    service: &Service,
    mut body: Incoming,
    max: usize,
    charge: &mut Charge,
) -> Result<Bytes, Fault> {
    let announced = body.size_hint().lower();
    if announced > max as u64 {
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        return Err(Fault::too_large(announced, max));
    }
    let mut lingering = None;
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    loop {
        let frame = match next(service, &mut body, &mut lingering).await? {
            None => break,
            Some(Err(error)) => return Err(Fault::cut(&error)),
            Some(Ok(frame)) => frame,
        };
        let Ok(part) = frame.into_data() else {
            continue;
        };
        service.counters.http.add_bytes(part.len());
        if !charge.grow(part.len()) {
            return Err(service.busy());
        }
        let have = first.len() + rest.len();
        if have + part.len() > max {
            return Err(Fault::too_large(have + part.len(), max));
        }
        if have == 0 {
            first = part;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&part);
        }
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}

/// The next part of a body, or a fault if it took too long for what else is under way.
async fn next(
    service: &Service,
    body: &mut Incoming,
    lingering: &mut Option<Lingering>,
) -> Result<Option<hyper::Result<Frame<Bytes>>>, Fault> {
    if let Some(frame) = at_once(body.frame()).await {
        return Ok(frame);
    }
    if lingering.is_none() {
        *lingering = Some(service.budget.linger().ok_or_else(|| service.busy())?);
    }
    let since = Instant::now();
    loop {
        match timeout(service.limits.short_timeout, body.frame()).await {
            Ok(frame) => return Ok(frame),
            Err(_) if since.elapsed() >= service.patience() => return Err(Fault::stalled()),
            Err(_) => {}
        }
    }
}

/// What is there without waiting.
async fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Decompress; what takes long is done on another thread.
pub(super) async fn inflate(
    service: &Service,
    encoding: Option<Encoding>,
    body: Bytes,
    max: usize,
    charge: Charge,
) -> Result<(Bytes, Charge), Fault> {
    let Some(encoding) = encoding else {
        return Ok((body, charge));
    };
    let progress =
        Inflation::new(encoding, body, max, charge).and_then(|inflation| inflation.advance(INLINE));
    let done = match progress {
        Ok(Progress::Done(body, charge)) => Ok((body, charge)),
        Ok(Progress::More(work)) => spawn_blocking(move || work.finish())
            .await
            .unwrap_or_else(|_| Err(Failure::Fault(Fault::broken("decompression failed")))),
        Err(failure) => Err(failure),
    };
    done.map_err(|failure| match failure {
        Failure::Busy => service.busy(),
        Failure::Bomb => Failure::bomb(),
        Failure::Fault(fault) => fault,
    })
}
