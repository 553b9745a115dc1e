//! Deadlines and stalls, in simulated time over a stream in memory.

#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use support::client::{Client, EXPORT, framed, head, next, read};
use support::core::{FakeCore, Manner, accepted};
use tailsampler_door::{Limits, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

struct Room {
    service: Arc<Service>,
    task: JoinHandle<()>,
    io: DuplexStream,
}

/// A connection served in memory.
fn grpc(core: &Arc<FakeCore>) -> Room {
    let service = Service::new(Arc::clone(core) as _, Limits::default(), 1 << 20);
    let (io, other) = duplex(1 << 20);
    let task = tokio::spawn(Arc::clone(&service).serve_grpc(other, 1 << 20));
    Room { service, task, io }
}

fn http(core: &Arc<FakeCore>) -> Room {
    let service = Service::new(Arc::clone(core) as _, Limits::default(), 1 << 20);
    let (io, other) = duplex(1 << 20);
    let task = tokio::spawn(Arc::clone(&service).serve_http(other, 1 << 20, false));
    Room { service, task, io }
}

/// A client that never finishes the HTTP/2 preface is gone after 10 seconds.
#[tokio::test(start_paused = true)]
async fn stalled_preface() {
    let mut room = grpc(&FakeCore::accepting());
    let begun = Instant::now();
    room.io.write_all(b"PRI * HT").await.unwrap();
    room.task.await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(room.service.stats().connections.handshakes_failed, 1);
}

/// A body without progress for 30 seconds ends its call, and gives back what it was charged.
#[tokio::test(start_paused = true)]
async fn stalled_body() {
    let room = grpc(&FakeCore::accepting());
    let client = Client::over(room.io).await;
    let (response, mut stream) = client.begin(head(EXPORT)).await;
    let begun = Instant::now();
    let message = framed(0, &[7; 100]);
    stream.send_data(message.slice(..20), false).unwrap();
    sleep(Duration::from_secs(20)).await;
    assert_eq!(room.service.stats().in_flight_bytes, 20);
    stream.send_data(message.slice(20..40), false).unwrap();
    let reply = read(response).await;
    assert_eq!((reply.status, begun.elapsed().as_secs()), (Some(4), 50));
    assert!(reply.message.contains("no progress"));
    let stats = room.service.stats();
    assert_eq!(
        (
            stats.in_flight_bytes,
            stats.in_flight_requests,
            stats.grpc.cut
        ),
        (0, 0, 1)
    );
    assert_eq!(client.export(b"fine").await.status, Some(0));
}

/// An answer after the sender's deadline comes too late for it, and is still waited for.
#[tokio::test(start_paused = true)]
async fn late_answer() {
    let core = FakeCore::new(Manner::Hold);
    let room = grpc(&core);
    let client = Client::over(room.io).await;
    let begun = Instant::now();
    let reply = client
        .call(
            head(EXPORT).header("grpc-timeout", "250m"),
            framed(0, b"spans"),
        )
        .await;
    assert_eq!(
        (reply.status, begun.elapsed().as_millis() / 10),
        (Some(4), 25)
    );
    assert!(reply.message.contains("may still be recorded"));
    assert_eq!(room.service.stats().in_flight_bytes, 10);
    core.release_here(0, accepted());
    sleep(Duration::from_millis(1)).await;
    let stats = room.service.stats();
    assert_eq!(
        (stats.in_flight_bytes, stats.grpc.late, stats.grpc.accepted),
        (0, 1, 0)
    );
}

/// An answer before the deadline is not disturbed by it.
#[tokio::test(start_paused = true)]
async fn timely_answer() {
    let core = FakeCore::new(Manner::Hold);
    let room = grpc(&core);
    let client = Client::over(room.io).await;
    let other = client.clone();
    let call = tokio::spawn(async move {
        other
            .call(head(EXPORT).header("grpc-timeout", "10S"), framed(0, b"a"))
            .await
            .status
    });
    core.holding(1).await;
    sleep(Duration::from_secs(9)).await;
    core.release_here(0, accepted());
    assert_eq!(call.await.unwrap(), Some(0));
    sleep(Duration::from_secs(9)).await;
    assert_eq!(room.service.stats().grpc.late, 0);
}

/// The bytes of a request stay charged after its connection went away, until its answer came.
#[tokio::test(start_paused = true)]
async fn charged_until_answered() {
    let core = FakeCore::new(Manner::Hold);
    let room = grpc(&core);
    let client = Client::over(room.io).await;
    let call = tokio::spawn(async move { client.export(b"spans").await });
    core.holding(1).await;
    // The client's connection ends with its last handle.
    call.abort();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(room.service.stats().in_flight_bytes, 10);
    core.release_here(0, accepted());
    sleep(Duration::from_secs(1)).await;
    let stats = room.service.stats();
    assert_eq!(
        (stats.in_flight_bytes, stats.grpc.accepted + stats.grpc.cut),
        (0, 1)
    );
    room.task.await.unwrap();
}

/// A peer that answers no ping is gone; one that does may be silent for as long as it likes.
#[tokio::test(start_paused = true)]
async fn silent_peers() {
    let mut dead = grpc(&FakeCore::accepting());
    let begun = Instant::now();
    dead.io
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    dead.io
        .write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    dead.task.await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 80);

    let alive = grpc(&FakeCore::accepting());
    let client = Client::over(alive.io).await;
    sleep(Duration::from_secs(3_600)).await;
    assert_eq!(client.export(b"a").await.status, Some(0));
}

/// A health watch hears the status at once and each change, and ends when the door drains.
#[tokio::test(start_paused = true)]
async fn health_watch() {
    let core = FakeCore::accepting();
    let room = grpc(&core);
    let client = Client::over(room.io).await;
    let (response, mut stream) = client.begin(head("/grpc.health.v1.Health/Watch")).await;
    stream.send_data(framed(0, b""), true).unwrap();
    let mut body = response.await.unwrap().into_body();
    assert_eq!(next(&mut body).await.unwrap(), b"\x08\x01"[..]);
    core.serve(false);
    assert_eq!(next(&mut body).await.unwrap(), b"\x08\x02"[..]);
    core.serve(true);
    assert_eq!(next(&mut body).await.unwrap(), b"\x08\x01"[..]);
    room.service.drain();
    assert_eq!(next(&mut body).await.unwrap(), b"\x08\x02"[..]);
    assert!(next(&mut body).await.is_none());
    let trailers = body.trailers().await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "14");
    room.task.await.unwrap();
}

/// A health check answers for the server and its service, and knows no other.
#[tokio::test(start_paused = true)]
async fn health_check() {
    let core = FakeCore::accepting();
    let room = grpc(&core);
    let client = Client::over(room.io).await;
    let check = async |request: &[u8]| {
        client
            .call(head("/grpc.health.v1.Health/Check"), framed(0, request))
            .await
    };
    assert_eq!(check(b"").await.body, framed(0, b"\x08\x01"));
    core.serve(false);
    assert_eq!(check(b"").await.body, framed(0, b"\x08\x02"));
    assert_eq!(check(b"\x0a\x03foo").await.status, Some(5));
    assert_eq!(check(b"\xff").await.status, Some(3));
}

/// HTTP/1 headers that never end close the connection after 10 seconds.
#[tokio::test(start_paused = true)]
async fn stalled_headers() {
    let mut room = http(&FakeCore::accepting());
    let begun = Instant::now();
    room.io
        .write_all(b"POST /v1/traces HTTP/1.1\r\nhost:")
        .await
        .unwrap();
    room.task.await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 10);
}

/// An HTTP/1 body that stops is answered 408 after 30 seconds, and nothing stays charged.
#[tokio::test(start_paused = true)]
async fn stalled_http_body() {
    let mut room = http(&FakeCore::accepting());
    let begun = Instant::now();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: door\r\n\
                content-type: application/x-protobuf\r\ncontent-length: 100\r\n\r\nsome";
    room.io.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    room.io.read_to_end(&mut answer).await.unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 408 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(begun.elapsed().as_secs(), 30);
    let stats = room.service.stats();
    assert_eq!((stats.in_flight_bytes, stats.http.cut), (0, 1));
}
