//! Clients that no honest one is like, byte by byte and in simulated time: each is closed, for the
//! reason that is counted, and a client beside it is served.

#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use support::client::{Client, EXPORT, framed, head, read};
use support::core::FakeCore;
use support::hostile::{
    CALM, CONTINUATION, DATA, Frame, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    beginning, code_of, frame, request,
};
use support::until;
use tailsampler_door::{Closing, Limits, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// A service, and connections to it in memory.
struct House {
    service: Arc<Service>,
}

impl House {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let core = FakeCore::accepting();
        Self {
            service: Service::new(core, limits, 64 << 20),
        }
    }

    fn grpc(&self) -> (DuplexStream, JoinHandle<()>) {
        let (io, other) = duplex(64 << 10);
        let serve = Arc::clone(&self.service).serve_grpc(other, 1 << 20);
        (io, tokio::spawn(serve))
    }

    fn http(&self, http2: bool) -> (DuplexStream, JoinHandle<()>) {
        let (io, other) = duplex(64 << 10);
        let serve = Arc::clone(&self.service).serve_http(other, 1 << 20, http2);
        (io, tokio::spawn(serve))
    }

    fn closed(&self, closing: Closing) -> u64 {
        self.service.stats().connections.closed.over(closing)
    }

    fn closed_at_all(&self) -> u64 {
        Closing::ALL
            .iter()
            .map(|closing| self.closed(*closing))
            .sum()
    }

    /// An honest client is served.
    async fn serves(&self) {
        let client = Client::over(self.grpc().0).await;
        assert_eq!(client.export(b"honest").await.status, Some(0));
    }
}

/// Send a beginning, then what `attack` makes of 0, 1, ..., until the other side has closed or
/// `most` were sent. Returns how many were, and all that came back.
async fn flood(
    io: DuplexStream,
    task: JoinHandle<()>,
    most: u32,
    attack: impl Fn(u32) -> Vec<u8>,
) -> (u32, Vec<u8>) {
    let (mut reader, mut writer) = split(io);
    let reading = tokio::spawn(async move {
        let mut all = Vec::new();
        let _ = reader.read_to_end(&mut all).await;
        all
    });
    writer.write_all(&beginning()).await.unwrap();
    let mut sent = 0;
    while sent < most && !task.is_finished() {
        if writer.write_all(&attack(sent)).await.is_err() {
            break;
        }
        sent += 1;
        // The other side reads as much as it likes, and no time passes that a rate could use.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    }
    assert!(sent < most, "not closed after {sent}");
    task.await.unwrap();
    drop(writer);
    (sent, reading.await.unwrap())
}

/// Floods of each cheap frame are closed at both doors, with words, after the burst.
#[tokio::test(start_paused = true)]
async fn control_floods() {
    let kinds: &[(Frame, u8, u32, &[u8])] = &[
        (PING, 0, 0, &[0; 8]),
        (SETTINGS, 0, 0, &[]),
        (PRIORITY, 0, 1, &[0, 0, 0, 3, 1]),
        (WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
        (Frame(200), 0, 0, &[]),
    ];
    for (kind, flags, stream, payload) in kinds {
        let house = House::new();
        for (io, task) in [house.grpc(), house.http(true)] {
            let (sent, heard) =
                flood(io, task, 5_000, |_| frame(*kind, *flags, *stream, payload)).await;
            assert!((900..2_000).contains(&sent), "{kind:?} {sent}");
            assert_eq!(code_of(&heard), Some(CALM), "{kind:?}");
        }
        assert_eq!(house.closed(Closing::ControlFlood), 2, "{kind:?}");
        assert_eq!(house.closed_at_all(), 2);
        house.serves().await;
    }
}

/// Streams that are reset after the door saw them count as well, within 1,000 of them.
#[tokio::test(start_paused = true)]
async fn resets_of_accepted_streams() {
    let house = House::new();
    for (io, task) in [house.grpc(), house.http(true)] {
        let (mut reader, mut writer) = split(io);
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            let _ = reader.read_to_end(&mut all).await;
            all
        });
        writer.write_all(&beginning()).await.unwrap();
        let mut sent = 0;
        while sent < 2_000 && !task.is_finished() {
            // Time passes between the two, so that h2 has none that is still to be accepted.
            let _ = writer.write_all(&request(2 * sent + 1, false)).await;
            sleep(Duration::from_micros(10)).await;
            let _ = writer
                .write_all(&frame(RST_STREAM, 0, 2 * sent + 1, &[0, 0, 0, 8]))
                .await;
            sleep(Duration::from_micros(10)).await;
            sent += 1;
        }
        task.await.unwrap();
        drop(writer);
        assert!((500..1_000).contains(&sent), "{sent}");
        assert_eq!(code_of(&reading.await.unwrap()), Some(CALM));
    }
    assert_eq!(house.closed(Closing::RapidReset), 2);
    let stats = house.service.stats();
    assert_eq!((stats.in_flight_bytes, stats.in_flight_requests), (0, 0));
    house.serves().await;
}

/// Streams that are reset before the door saw them are h2's to count, and named the same.
#[tokio::test(start_paused = true)]
async fn resets_of_streams_not_yet_seen() {
    let house = House::new();
    let (io, task) = house.grpc();
    // Fifty in one write: the door reads them all before it serves any.
    let (sent, heard) = flood(io, task, 10, |n| {
        (50 * n..50 * n + 50)
            .flat_map(|n| {
                let reset = frame(RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8]);
                [request(2 * n + 1, false), reset].concat()
            })
            .collect()
    })
    .await;
    assert!(sent < 5, "{sent}");
    assert_eq!(code_of(&heard), Some(CALM));
    assert_eq!(house.closed(Closing::RapidReset), 1);
    house.serves().await;
}

/// Streams that the door is made to reset are closed after 1,024.
#[tokio::test(start_paused = true)]
async fn provoked_resets() {
    let house = House::new();
    let limits = Limits::default();
    for (io, task) in [house.grpc(), house.http(true)] {
        let (sent, heard) = flood(io, task, 5_000, |n| {
            let stream = 2 * n + 1;
            [
                request(stream, false),
                frame(WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff]),
            ]
            .concat()
        })
        .await;
        assert!(sent as usize >= limits.error_resets, "{sent}");
        assert_eq!(code_of(&heard), Some(CALM));
    }
    assert_eq!(house.closed(Closing::ProvokedResets), 2);
    house.serves().await;
}

/// Headers in endless pieces are closed after a few, and headers that unfold to a multiple of
/// their limit at once.
#[tokio::test(start_paused = true)]
async fn endless_headers() {
    let house = House::new();
    let (io, task) = house.grpc();
    let (sent, heard) = flood(io, task, 1_000, |n| match n {
        0 => frame(HEADERS, 0, 1, &[0x83, 0x86, 0x84]),
        _ => frame(CONTINUATION, 0, 1, &[]),
    })
    .await;
    assert!(sent < 50, "{sent}");
    assert_eq!(code_of(&heard), Some(CALM));
    assert_eq!(house.closed(Closing::ContinuationFlood), 1);

    // One field of 4,000 bytes enters the table; every further byte is that field again.
    let mut block = vec![0x83, 0x86, 0x84, 0x40, 1, b'x', 0x7f];
    block.extend_from_slice(&[0xa1, 0x1e]);
    block.extend_from_slice(&[b'y'; 4_000]);
    block.extend_from_slice(&[0xbe; 12_000]);
    let (io, task) = house.grpc();
    let (_, heard) = flood(io, task, 1_000, |_| frame(HEADERS, 5, 1, &block)).await;
    assert_eq!(code_of(&heard), Some(CALM));
    assert_eq!(house.closed(Closing::LargeHeaders), 1);
    house.serves().await;
}

/// Body frames that hold nothing and end nothing are closed after 100.
#[tokio::test(start_paused = true)]
async fn empty_data() {
    let house = House::new();
    let (io, task) = house.grpc();
    let (sent, heard) = flood(io, task, 5_000, |n| match n {
        0 => request(1, false),
        _ => frame(DATA, 0, 1, &[]),
    })
    .await;
    assert!(sent < 2_000, "{sent}");
    assert_eq!(code_of(&heard), Some(CALM));
    assert_eq!(house.closed(Closing::SmallFrames), 1);
    house.serves().await;
}

/// An honest client that sends its bodies a byte at a time is served, as often as it likes.
#[tokio::test(start_paused = true)]
async fn tiny_frames_are_honest() {
    let house = House::new();
    let client = Client::over(house.grpc().0).await;
    let message = framed(0, &[7; 995]);
    for _ in 0..20 {
        let (response, mut stream) = client.begin(head(EXPORT)).await;
        for at in 0..message.len() {
            let last = at + 1 == message.len();
            stream.send_data(message.slice(at..=at), last).unwrap();
        }
        assert_eq!(read(response).await.status, Some(0));
    }
    assert_eq!(house.closed_at_all(), 0);
    assert_eq!(house.service.stats().grpc.accepted, 20);
}

/// An honest client that pings at every answer, as one that measures bandwidth does, is served.
#[tokio::test(start_paused = true)]
async fn many_pings_beside_requests_are_honest() {
    let house = House::new();
    let (io, task) = house.grpc();
    let (mut reader, mut writer) = split(io);
    let reading = tokio::spawn(async move {
        let mut all = Vec::new();
        let _ = reader.read_to_end(&mut all).await;
        all
    });
    writer.write_all(&beginning()).await.unwrap();
    for n in 0..3_000 {
        let mut bytes = request(2 * n + 1, false);
        bytes.extend(frame(DATA, 1, 2 * n + 1, &[0, 0, 0, 0, 1, 7]));
        bytes.extend(frame(PING, 0, 0, &[0; 8]));
        bytes.extend(frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]));
        writer.write_all(&bytes).await.unwrap();
        until(|| house.service.stats().grpc.accepted + 100 > u64::from(n)).await;
    }
    until(|| house.service.stats().grpc.accepted == 3_000).await;
    writer.shutdown().await.unwrap();
    drop(writer);
    reading.await.unwrap();
    task.await.unwrap();
    assert_eq!(house.closed_at_all(), 0);
    assert_eq!(house.service.stats().grpc.accepted, 3_000);
}

/// A frame that is announced and never completed is closed after 30 seconds, and after one while
/// such frames hold more than they may.
#[tokio::test(start_paused = true)]
async fn frames_that_never_end() {
    for (bound, seconds) in [(64 << 20, 30), (10_000, 1)] {
        let house = House::with(Limits {
            unfinished_bytes: bound,
            ..Limits::default()
        });
        let mut ends = Vec::new();
        let begun = Instant::now();
        for (mut io, task) in [house.grpc(), house.http(true)] {
            let mut bytes = beginning();
            bytes.extend(request(1, false));
            let whole = frame(DATA, 0, 1, &[0; 60_000]);
            bytes.extend_from_slice(&whole[..15_000]);
            io.write_all(&bytes).await.unwrap();
            ends.push((io, task));
        }
        for (_io, task) in ends {
            task.await.unwrap();
        }
        assert_eq!(begun.elapsed().as_secs(), seconds);
        assert_eq!(house.closed(Closing::SlowFrame), 2, "{seconds}");
        house.serves().await;
    }
}

/// Bodies that do not come with their heads leave half of the requests to those that do; they
/// must make room after one second, and a connection that does it over and over is closed.
#[tokio::test(start_paused = true)]
async fn bodies_that_never_come() {
    let house = House::with(Limits {
        requests: 200,
        ..Limits::default()
    });
    let (mut io, task) = house.grpc();
    io.write_all(&beginning()).await.unwrap();
    for n in 0..110 {
        io.write_all(&request(2 * n + 1, false)).await.unwrap();
    }
    sleep(Duration::from_millis(10)).await;
    let stats = house.service.stats();
    assert_eq!((stats.in_flight_requests, stats.grpc.refused), (100, 10));
    house.serves().await;
    let (mut other, _task) = house.http(false);
    let head = "POST /v1/traces HTTP/1.1\r\nhost: door\r\n\
                content-type: application/x-protobuf\r\ncontent-length: 4\r\n\r\n";
    other
        .write_all(&[head.as_bytes(), b"body"].concat())
        .await
        .unwrap();
    let mut status = [0; 12];
    other.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    let begun = Instant::now();
    task.await.unwrap();
    assert!(begun.elapsed() <= Duration::from_secs(1));
    assert_eq!(house.closed(Closing::SlowBody), 1);
    assert_eq!(house.service.stats().in_flight_requests, 0);
}

/// While unfinished frames hold too much, no more is read of them; once they are gone, it is.
#[tokio::test(start_paused = true)]
async fn unfinished_frames_wait_for_each_other() {
    let house = House::with(Limits {
        unfinished_bytes: 20_000,
        ..Limits::default()
    });
    let whole = frame(
        DATA,
        1,
        1,
        &[&[0, 0, 0, 0x75, 0x2b][..], &[7; 29_995]].concat(),
    );
    let begin = async |io: &mut DuplexStream| {
        io.write_all(&beginning()).await.unwrap();
        io.write_all(&request(1, false)).await.unwrap();
        io.write_all(&whole[..15_000]).await.unwrap();
        sleep(Duration::from_millis(1)).await;
    };
    let (mut hostile, hostile_task) = house.grpc();
    begin(&mut hostile).await;
    sleep(Duration::from_millis(900)).await;
    let (mut honest, _task) = house.grpc();
    begin(&mut honest).await;
    honest.write_all(&whole[15_000..]).await.unwrap();
    // A small request that comes in parts does not wait for them.
    let (mut small, _small) = house.grpc();
    let message = frame(DATA, 1, 1, &[0, 0, 0, 0, 1, 7]);
    let begun = [beginning(), request(1, false), message[..12].to_vec()].concat();
    small.write_all(&begun).await.unwrap();
    sleep(Duration::from_millis(1)).await;
    small.write_all(&message[12..]).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    assert_eq!(house.service.stats().grpc.body_bytes, 6);
    hostile_task.await.unwrap();
    until(|| house.service.stats().grpc.accepted == 2).await;
    assert_eq!(house.closed(Closing::SlowFrame), 1);
    assert_eq!(house.closed_at_all(), 1);
}

/// A client that reads no answers is closed, whether it closes its window or its ears.
#[tokio::test(start_paused = true)]
async fn answers_that_nobody_takes() {
    let house = House::new();
    let (io, task) = house.grpc();
    let (mut reader, mut writer) = split(io);
    let reading = tokio::spawn(async move {
        let mut all = Vec::new();
        let _ = reader.read_to_end(&mut all).await;
    });
    // No answer may have a single byte.
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
    for n in 0..100 {
        bytes.extend(request(2 * n + 1, false));
        bytes.extend(frame(DATA, 1, 2 * n + 1, &[0, 0, 0, 0, 1, 7]));
    }
    writer.write_all(&bytes).await.unwrap();
    until(|| house.service.stats().grpc.accepted == 100).await;
    let answered = Instant::now();
    task.await.unwrap();
    drop(writer);
    reading.await.unwrap();
    assert!((29..=30).contains(&answered.elapsed().as_secs()));
    assert_eq!(house.closed(Closing::SlowReader), 1);

    let (mut io, task) = house.http(false);
    let asked = b"GET / HTTP/1.1\r\nhost: door\r\n\r\n".repeat(2_000);
    let writing = tokio::spawn(async move {
        let _ = io.write_all(&asked).await;
        io
    });
    task.await.unwrap();
    drop(writing.await.unwrap());
    assert_eq!(house.closed(Closing::SlowReader), 2);
    house.serves().await;
}

/// What is slow or too large before the first request is named too.
#[tokio::test(start_paused = true)]
async fn bad_beginnings() {
    let house = House::new();
    for (bytes, closing) in [
        (b"POST /v1/tr".to_vec(), Closing::SlowHead),
        (
            b"\x16\x03\x01 this is not HTTP \r\n\r\n".to_vec(),
            Closing::BadProtocol,
        ),
        (
            [&b"GET / HTTP/1.1\r\nx: "[..], &[b'y'; 20_000]].concat(),
            Closing::LargeHeaders,
        ),
    ] {
        let (mut io, task) = house.http(false);
        io.write_all(&bytes).await.unwrap();
        task.await.unwrap();
        assert_eq!(house.closed(closing), 1, "{closing:?}");
    }
    let (mut io, task) = house.grpc();
    io.write_all(b"PRI * HT").await.unwrap();
    task.await.unwrap();
    assert_eq!(house.closed(Closing::SlowHead), 2);
    let (mut io, task) = house.grpc();
    io.write_all(b"GET / HTTP/1.1\r\nhost: door\r\n\r\n")
        .await
        .unwrap();
    task.await.unwrap();
    assert_eq!(house.closed(Closing::BadProtocol), 2);
    assert_eq!(house.closed_at_all(), 5);
}

/// Nobody at the other end: closed after a ping without an answer, and named.
#[tokio::test(start_paused = true)]
async fn silence() {
    let house = House::new();
    let begun = Instant::now();
    for (mut io, task) in [house.grpc(), house.http(true)] {
        io.write_all(&beginning()).await.unwrap();
        task.await.unwrap();
    }
    assert_eq!(begun.elapsed().as_secs(), 160);
    assert_eq!(house.closed(Closing::Silent), 2);
}
