//! What stands between a socket and the protocol: it sees every byte pass, and closes.
//!
//! h2 and hyper keep most limits by themselves, and say so in a GOAWAY; those are read on their
//! way out and counted. The limits that they do not know are kept here: control frames, resets of
//! streams that were served already, frames that never end, and answers that nobody takes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::closing::{CALM, Closing};
use crate::frames::{Frames, PREFACE, kind};
use crate::meter::Meter;
use crate::service::Service;

/// How often a connection that must not read looks whether it may.
const CROWDED: Duration = Duration::from_millis(20);

/// A frame of which no more than this is here may always go on: small requests arrive in parts as
/// well, and must not wait for a crowd of large ones.
const SMALL: usize = 8 << 10;

/// A byte stream under guard.
pub(crate) struct Guard<T> {
    io: T,
    service: Arc<Service>,
    /// None: HTTP/1, which has no frames.
    frames: Option<Watch>,
    /// Set while a write waits for the client; made anew each time, since that is rare.
    stuck: Option<Pin<Box<Sleep>>>,
    /// Why it is closed.
    closed: Option<Closing>,
}

/// Both directions of an HTTP/2 connection.
struct Watch {
    inbound: Frames,
    outbound: Frames,
    meter: Meter,
    /// The newest stream that the client opened, which a GOAWAY names.
    newest: u32,
    /// When the frame that is arriving began, and what of it is charged.
    since: Instant,
    charged: usize,
    /// Rings when it is time to ask whether that frame is overdue.
    overdue: Option<Pin<Box<Sleep>>>,
}

impl<T> Guard<T>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    pub(crate) fn new(service: Arc<Service>, io: T, http2: bool) -> Self {
        let now = Instant::now();
        let frames = http2.then(|| Watch {
            inbound: Frames::after(PREFACE),
            outbound: Frames::default(),
            meter: Meter::new(&service.limits, now),
            newest: 0,
            since: now,
            charged: 0,
            overdue: None,
        });
        Self {
            io,
            service,
            frames,
            stuck: None,
            closed: None,
        }
    }

    /// Bytes came.
    fn came(&mut self, bytes: &[u8]) -> Result<(), Closing> {
        let Some(watch) = self.frames.as_mut() else {
            return Ok(());
        };
        let Watch {
            inbound,
            meter,
            newest,
            ..
        } = watch;
        let mut verdict = Ok(());
        let mut began = false;
        inbound.feed(bytes, |head| {
            began = true;
            if head.kind == kind::HEADERS {
                *newest = head.stream.max(*newest);
            }
            if verdict.is_ok() {
                verdict = meter.count(head, Instant::now);
            }
        });
        let unfinished = inbound.unfinished();
        if began && unfinished > 0 {
            watch.since = Instant::now();
        }
        if unfinished != watch.charged {
            self.service.budget.unfinished(watch.charged, unfinished);
            watch.charged = unfinished;
        }
        verdict
    }

    /// Bytes went: hear what h2 accuses the client of.
    fn went(&mut self, bytes: &[u8]) {
        let Some(watch) = self.frames.as_mut() else {
            return;
        };
        watch.outbound.feed(bytes, |_| {});
        if let Some((code, words)) = watch.outbound.goaway()
            && self.closed.is_none()
            && let Some(closing) = Closing::said(code, words)
        {
            self.service.counters.closed.count(closing);
            self.closed = Some(closing);
        }
    }

    /// Whether to read no more for now: a large frame is half here, and such frames hold too much.
    fn waits(&self) -> bool {
        let large = self
            .frames
            .as_ref()
            .is_some_and(|watch| watch.charged > SMALL);
        large && self.service.budget.crowded()
    }

    /// Nothing comes, or nothing is taken: a frame that is half here must not stay so. Looks
    /// again after `look`.
    fn rest(&mut self, cx: &mut Context<'_>, look: Duration) -> Result<(), Closing> {
        let Some(watch) = self.frames.as_mut() else {
            return Ok(());
        };
        while watch.charged > 0 {
            let next = Instant::now() + look;
            let overdue = watch
                .overdue
                .get_or_insert_with(|| Box::pin(sleep_until(next)));
            if overdue.deadline() > next {
                overdue.as_mut().reset(next);
            }
            if overdue.as_mut().poll(cx).is_pending() {
                return Ok(());
            }
            overdue.as_mut().reset(next);
            let patience = if watch.charged > SMALL {
                self.service.patience()
            } else {
                self.service.limits.body_timeout
            };
            if watch.since.elapsed() >= patience {
                return Err(Closing::SlowFrame);
            }
            // The crowd may have gone while this slept: then there is something to read.
            if look == CROWDED {
                cx.waker().wake_by_ref();
                return Ok(());
            }
        }
        watch.overdue = None;
        Ok(())
    }

    /// Close, saying why if that can be said without waiting and without breaking into a frame.
    fn close(&mut self, cx: &mut Context<'_>, closing: Closing) -> io::Error {
        self.service.counters.closed.count(closing);
        self.closed = Some(closing);
        if let Some(watch) = &self.frames
            && watch.outbound.between()
        {
            let mut goaway = [0, 0, 8, kind::GOAWAY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            goaway[9..13].copy_from_slice(&watch.newest.to_be_bytes());
            goaway[13..].copy_from_slice(&CALM.to_be_bytes());
            let mut io = Pin::new(&mut self.io);
            if io.as_mut().poll_write(cx, &goaway).is_ready() {
                let _ = io.poll_flush(cx);
            }
        }
        closing.into()
    }

    /// A write ended in `result`, or waits for the client.
    fn wrote<R>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if result.is_ready() {
            self.stuck = None;
            return result;
        }
        let until = Instant::now() + self.service.limits.body_timeout;
        let stuck = self
            .stuck
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        ready!(stuck.as_mut().poll(cx));
        self.service.counters.closed.count(Closing::SlowReader);
        self.closed = Some(Closing::SlowReader);
        Poll::Ready(Err(Closing::SlowReader.into()))
    }
}

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        if let Some(watch) = &self.frames {
            self.service.budget.unfinished(watch.charged, 0);
        }
    }
}

impl<T> AsyncRead for Guard<T>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        if this.waits() {
            return match this.rest(cx, CROWDED) {
                Ok(()) => Poll::Pending,
                Err(closing) => Poll::Ready(Err(this.close(cx, closing))),
            };
        }
        let verdict = match Pin::new(&mut this.io).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) => match this.came(&buffer.filled()[before..]) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(closing) => closing,
            },
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => match this.rest(cx, this.service.limits.short_timeout) {
                Ok(()) => return Poll::Pending,
                Err(closing) => closing,
            },
        };
        buffer.set_filled(before);
        Poll::Ready(Err(this.close(cx, verdict)))
    }
}

impl<T> AsyncWrite for Guard<T>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.io).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = &result {
            this.went(&bytes[..*count]);
        }
        this.wrote(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.io).poll_write_vectored(cx, slices);
        if let Poll::Ready(Ok(count)) = &result {
            let mut left = *count;
            for slice in slices {
                let step = left.min(slice.len());
                this.went(&slice[..step]);
                left -= step;
            }
        }
        this.wrote(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.io).poll_flush(cx);
        this.wrote(cx, result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
