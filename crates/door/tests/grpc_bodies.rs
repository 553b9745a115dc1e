//! Bodies on the way in: many frames, compression, bombs, and the budget.

#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use support::client::{Client, EXPORT, framed, head, read};
use support::core::{FakeCore, Manner, accepted};
use support::http::{deflate, gzip};
use support::{open, open_with, options, until};
use tailsampler_core::intake::RefusalReason;
use tailsampler_door::{Closing, Door, Limits};

async fn client(door: &Door) -> Client {
    Client::connect(door.addresses().otlp_grpc.unwrap()).await
}

fn compressed(name: &str) -> http::request::Builder {
    head(EXPORT).header("grpc-encoding", name)
}

/// A message under each encoding, and an uncompressed one that only names it, arrive whole.
#[tokio::test]
async fn encodings() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let client = client(&door).await;
    let zstd = zstd::encode_all(&b"one two"[..], 3).unwrap();
    let members = [gzip(b"one "), gzip(b"two")].concat();
    for (name, body) in [
        ("gzip", members),
        ("zstd", zstd),
        ("deflate", deflate(b"one two")),
    ] {
        let reply = client.call(compressed(name), framed(1, &body)).await;
        assert_eq!(reply.status, Some(0), "{name}: {}", reply.message);
    }
    for name in ["gzip", "identity"] {
        let reply = client.call(compressed(name), framed(0, b"one two")).await;
        assert_eq!(reply.status, Some(0), "{name}");
    }
    assert_eq!(core.bodies(), ["one two"; 5]);
    assert_eq!(door.stats().in_flight_bytes, 0);
}

/// A body large enough to be made whole on another thread arrives the same.
#[tokio::test]
async fn large_compressed_body() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let client = client(&door).await;
    let noise: Vec<u8> = (0..3_u32 << 20)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for (name, body) in [
        ("gzip", gzip(&noise)),
        ("zstd", zstd::encode_all(&noise[..], 1).unwrap()),
    ] {
        let reply = client.call(compressed(name), framed(1, &body)).await;
        assert_eq!(reply.status, Some(0), "{name}: {}", reply.message);
    }
    assert!(core.bodies().iter().all(|body| *body == noise));
    assert_eq!(door.stats().in_flight_bytes, 0);
}

/// A bomb is refused while it grows, for good, and leaves nothing charged.
#[tokio::test]
async fn bombs() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let client = client(&door).await;
    let zeros = vec![0; 65 << 20];
    let bomb = gzip(&zeros);
    let reply = client.call(compressed("gzip"), framed(1, &bomb)).await;
    assert_eq!(reply.status, Some(8));
    assert!(reply.message.contains("200-fold"), "{}", reply.message);
    let bomb = zstd::encode_all(&zeros[..], 1).unwrap();
    let reply = client.call(compressed("zstd"), framed(1, &bomb)).await;
    assert_eq!((reply.status, reply.details.len()), (Some(8), 0));
    // Under the floor of 1 MiB any ratio is honest.
    let reply = client
        .call(compressed("gzip"), framed(1, &gzip(&zeros[..1 << 20])))
        .await;
    assert_eq!(reply.status, Some(0));
    assert_eq!(door.stats().grpc.too_large, 2);
    assert_eq!(door.stats().in_flight_bytes, 0);
}

/// Who sends nothing but bombs is closed at the fifth, and another client is served.
#[tokio::test]
async fn bombs_without_end() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let bomber = client(&door).await;
    let bomb = gzip(&vec![0; 65 << 20]);
    let closed = || door.stats().connections.closed.over(Closing::Bombs);
    for _ in 0..4 {
        let reply = bomber.call(compressed("gzip"), framed(1, &bomb)).await;
        assert_eq!((reply.status, closed()), (Some(8), 0));
    }
    let (_response, mut stream) = bomber.begin(compressed("gzip")).await;
    stream.send_data(framed(1, &bomb), true).unwrap();
    until(|| closed() == 1).await;
    let other = client(&door).await;
    assert_eq!(other.export(b"honest").await.status, Some(0));
    until(|| door.stats().in_flight_bytes == 0).await;
}

/// Bodies that look like bombs wait for one another, and all are answered: a few that are none,
/// between as many bombs as a connection may send.
#[tokio::test]
async fn suspects_take_turns() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let client = client(&door).await;
    let (bomb, honest) = (gzip(&vec![0; 65 << 20]), gzip(&vec![0; 1 << 20]));
    let send = async |body| {
        client
            .call(compressed("gzip"), framed(1, body))
            .await
            .status
    };
    let statuses = tokio::join!(
        send(&honest),
        send(&bomb),
        send(&bomb),
        send(&honest),
        send(&bomb),
        send(&bomb),
        send(&honest),
    );
    let [good, bad] = [Some(0), Some(8)];
    assert_eq!(statuses, (good, bad, bad, good, bad, bad, good));
    assert_eq!(client.export(b"honest").await.status, Some(0));
    assert_eq!(door.stats().in_flight_bytes, 0);
}

/// Broken or cut compression is INTERNAL, in words.
#[tokio::test]
async fn corrupt_compression() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let client = client(&door).await;
    let whole = gzip(b"one two three");
    let zstd = zstd::encode_all(&b"one two three"[..], 1).unwrap();
    for (name, body) in [
        ("gzip", &whole[..whole.len() - 3]),
        ("gzip", b"noise"),
        ("zstd", b"noise"),
        ("zstd", &zstd[..zstd.len() - 3]),
        ("deflate", b"noise"),
    ] {
        let reply = client.call(compressed(name), framed(1, body)).await;
        assert_eq!(reply.status, Some(13), "{name} {body:?}");
        assert!(reply.message.contains("decompress"), "{}", reply.message);
    }
    assert!(core.bodies().is_empty());
}

/// An honest client that sends one byte a frame is served, many times over.
#[tokio::test]
async fn tiny_frames() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let client = client(&door).await;
    let message = framed(0, &[7; 2_000]);
    for _ in 0..10 {
        let (response, mut stream) = client.begin(head(EXPORT)).await;
        for at in 0..message.len() {
            let last = at + 1 == message.len();
            stream.send_data(message.slice(at..=at), last).unwrap();
        }
        assert_eq!(read(response).await.status, Some(0));
    }
    assert!(core.bodies().iter().all(|body| *body == [7; 2_000][..]));
}

/// A request of many frames and many windows arrives as it was sent.
#[tokio::test]
async fn many_frames() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let client = client(&door).await;
    let large: Vec<u8> = (0..20_u32 << 20).map(|i| (i % 251) as u8).collect();
    let small = client.clone();
    let (first, second) = tokio::join!(client.export(&large), small.export(b"meanwhile"));
    assert_eq!((first.status, second.status), (Some(0), Some(0)));
    let bodies = core.bodies();
    assert!(bodies.contains(&Bytes::from(large)) && bodies.contains(&Bytes::from("meanwhile")));
}

/// With the budget used up requests are refused and counted; with the answers they fit again.
#[tokio::test]
async fn the_budget_ends_and_recovers() {
    let core = FakeCore::new(Manner::Hold);
    let mut small = options();
    small.in_flight_bytes = 10_000;
    let door = open_with(&core, small, Limits::default());
    let client = client(&door).await;
    let other = client.clone();
    let first = tokio::spawn(async move { other.export(&[1; 8_000]).await });
    core.holding(1).await;
    let reply = client.export(&[2; 8_000]).await;
    assert_eq!(
        (reply.status, reply.message.as_str()),
        (Some(8), RefusalReason::Busy.words())
    );
    assert!(!reply.details.is_empty());
    let bomb = gzip(&[0; 9_000]);
    let reply = client.call(compressed("gzip"), framed(1, &bomb)).await;
    assert_eq!(reply.status, Some(8));
    assert_eq!(core.refused(), [RefusalReason::Busy; 2]);
    core.release(0, accepted());
    assert_eq!(first.await.unwrap().status, Some(0));
    core.be(Manner::Answer(accepted()));
    assert_eq!(client.export(&[3; 8_000]).await.status, Some(0));
    assert_eq!(door.stats().in_flight_bytes, 0);
}

/// The requests under way in the process are bounded, over all connections.
#[tokio::test]
async fn requests_are_bounded() {
    let core = FakeCore::new(Manner::Hold);
    let limits = Limits {
        requests: 2,
        ..Limits::default()
    };
    let door = open_with(&core, options(), limits);
    let (one, two) = (client(&door).await, client(&door).await);
    let held: Vec<_> = [Arc::new(one.clone()), Arc::new(two.clone())]
        .into_iter()
        .map(|client| tokio::spawn(async move { client.export(b"a").await.status }))
        .collect();
    core.holding(2).await;
    assert_eq!(one.export(b"b").await.status, Some(8));
    core.release(0, accepted());
    core.release(0, accepted());
    for call in held {
        assert_eq!(call.await.unwrap(), Some(0));
    }
    assert_eq!(door.stats().in_flight_requests, 0);
}
