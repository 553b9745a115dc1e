//! Cases of h2spec that its own requests do not reach, since the door answers them before their
//! bodies are complete: the same faults on a call that is served.

#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

mod support;

use std::sync::Arc;

use support::core::FakeCore;
use support::hostile::{
    DATA, Frame, HEADERS, RST_STREAM, WINDOW_UPDATE, beginning, code_of, frame, frames, request,
    request_with,
};
use tailsampler_door::{Limits, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::{Duration, timeout};

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;

/// All that the door says to these frames before it has been quiet for a second.
async fn said(sent: &[Vec<u8>]) -> Vec<u8> {
    let service = Service::new(FakeCore::accepting(), Limits::default(), 64 << 20);
    let (mut io, other) = duplex(4 << 20);
    tokio::spawn(Arc::clone(&service).serve_grpc(other, 1 << 20));
    io.write_all(&beginning()).await.unwrap();
    io.write_all(&sent.concat()).await.unwrap();
    let mut all = Vec::new();
    let mut part = [0; 4096];
    while let Ok(Ok(count @ 1..)) = timeout(Duration::from_secs(1), io.read(&mut part)).await {
        all.extend_from_slice(&part[..count]);
    }
    all
}

/// The error codes of what was reset.
fn resets(said: &[u8]) -> Vec<u32> {
    frames(said)
        .into_iter()
        .filter(|(kind, ..)| *kind == RST_STREAM.0)
        .map(|(_, _, code)| u32::from_be_bytes(code.try_into().unwrap()))
        .collect()
}

/// 6.9.1, case 3: a stream's window that grows beyond 2^31-1.
#[tokio::test(start_paused = true)]
async fn a_window_that_is_too_large() {
    let more = frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff]);
    let said = said(&[request(1, false), more.clone(), more]).await;
    assert_eq!(resets(&said), [FLOW_CONTROL_ERROR]);
}

/// 8.1, case 1: a second HEADERS frame that does not end the stream.
#[tokio::test(start_paused = true)]
async fn headers_twice() {
    let said = said(&[request(1, false), request(1, false)]).await;
    let found = (resets(&said), code_of(&said));
    assert!(
        found.0.contains(&PROTOCOL_ERROR) || found.1 == Some(PROTOCOL_ERROR),
        "{found:?} {:?}",
        frames(&said)
    );
}

/// 5.1, case 9: HEADERS after the stream was reset end the connection, by another code than
/// `STREAM_CLOSED`, which h2spec asks for.
#[tokio::test(start_paused = true)]
async fn headers_after_a_reset() {
    let reset = frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    let said = said(&[request(1, false), reset, request(1, true)]).await;
    assert_eq!(code_of(&said), Some(PROTOCOL_ERROR));
}

/// 8.1.2.6, cases 1 and 2: a content-length that is not the length of the body.
#[tokio::test(start_paused = true)]
async fn a_wrong_content_length() {
    let head = request_with(1, &[0x0f, 0x0d, 1, b'1']);
    let whole = frame(DATA, 1, 1, b"test");
    assert_eq!(
        resets(&said(&[head.clone(), whole]).await),
        [PROTOCOL_ERROR]
    );
    let parts = [frame(DATA, 0, 1, b"te"), frame(DATA, 1, 1, b"st")];
    assert_eq!(
        resets(&said(&[vec![head], parts.to_vec()].concat()).await),
        [PROTOCOL_ERROR]
    );
}

/// 5.1, case 8: DATA after the stream was reset.
#[tokio::test(start_paused = true)]
async fn data_after_a_reset() {
    let reset = frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    let said = said(&[request(1, false), reset, frame(DATA, 1, 1, b"test")]).await;
    assert!(
        resets(&said).contains(&STREAM_CLOSED) || code_of(&said) == Some(STREAM_CLOSED),
        "{:?}",
        frames(&said)
    );
}

/// 4.2, case 3: HEADERS beyond the frame size that the door announced, which is 256 KiB and
/// not the 16 KiB that h2spec takes for granted.
#[tokio::test(start_paused = true)]
async fn a_frame_that_is_too_large() {
    for kind in [HEADERS, DATA, Frame(200)] {
        let large = frame(kind, 5, 1, &vec![0; (256 << 10) + 1]);
        assert_eq!(
            code_of(&said(&[large]).await),
            Some(FRAME_SIZE_ERROR),
            "{kind:?}"
        );
    }
}
