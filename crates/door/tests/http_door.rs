//! OTLP/HTTP at the byte level: what is sent, and what comes back.

#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use support::core::{FakeCore, Manner, refusal};
use support::http::{Answered, gzip, post, talk};
use support::{listener, open, open_with, options};
use tailsampler_core::intake::{Answer, IntakeError, RefusalReason, Rejected};
use tailsampler_door::{Door, Limits, Listener};

fn http_address(door: &Door) -> SocketAddr {
    door.addresses().otlp_http.unwrap()
}

async fn send(core: &Arc<FakeCore>, head: &str, body: &[u8]) -> Answered {
    let door = open(core);
    post(http_address(&door), head, body).await
}

const PROTOBUF: &str = "POST /v1/traces HTTP/1.1\r\ncontent-type: application/x-protobuf\r\n";
const JSON: &str = "POST /v1/traces HTTP/1.1\r\ncontent-type: application/json; charset=utf-8\r\n";

/// Protobuf is answered with an empty protobuf message.
#[tokio::test]
async fn protobuf_is_accepted() {
    let core = FakeCore::accepting();
    let answer = send(&core, PROTOBUF, b"spans").await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b""[..]));
    assert_eq!(answer.header("content-type"), "application/x-protobuf");
    assert_eq!(core.bodies(), ["spans"]);
}

/// JSON is translated for the core and answered in JSON.
#[tokio::test]
async fn json_is_accepted() {
    let core = FakeCore::accepting();
    let answer = send(&core, JSON, b"{}").await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(core.bodies(), ["pb:{}"]);
    // Large enough to be translated on another thread.
    let large = [b"{", &[b' '; 300 << 10][..], b"}"].concat();
    assert_eq!(send(&core, JSON, &large).await.status, 200);
    assert_eq!(core.bodies()[1].len(), large.len() + 3);
}

/// Rejected spans are told in the form of the request.
#[tokio::test]
async fn partial_success() {
    let core = FakeCore::new(Manner::Answer(Answer::Accepted(Rejected {
        spans: 3,
        message: "bad ids".into(),
    })));
    let answer = send(&core, JSON, b"{}").await;
    let want = r#"{"partialSuccess":{"errorMessage":"bad ids","rejectedSpans":"3"}}"#;
    assert_eq!((answer.status, &answer.body[..]), (200, want.as_bytes()));
    let answer = send(&core, PROTOBUF, b"").await;
    assert_eq!(&answer.body[..], b"\x0a\x0b\x08\x03\x12\x07bad ids");
}

/// A refusal is 429 or 503, with whole seconds in Retry-After and the details in the body.
#[tokio::test]
async fn refusals_say_when_to_retry() {
    let core = FakeCore::accepting();
    for reason in RefusalReason::ALL {
        core.be(Manner::Answer(Answer::Refused(refusal(reason))));
        let answer = send(&core, JSON, b"{}").await;
        let status = match reason {
            RefusalReason::Storage | RefusalReason::Stopping | RefusalReason::Backend => 503,
            _ => 429,
        };
        assert_eq!((answer.status, answer.header("retry-after")), (status, "2"));
        let text = String::from_utf8(answer.body.clone()).unwrap();
        assert!(text.contains(reason.words()) && text.contains(r#""retryDelay":"1.500s""#));
    }
}

/// What can never be a request is 400 in words, in the form of the request.
#[tokio::test]
async fn malformed() {
    let core = FakeCore::new(Manner::Fail(IntakeError::Malformed("byte 0: group".into())));
    let answer = send(&core, PROTOBUF, b"\x0b").await;
    assert_eq!(answer.status, 400);
    assert_eq!(&answer.body[..], b"\x08\x03\x12\x0dbyte 0: group");
    let answer = send(&core, JSON, b"[").await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        &answer.body[..],
        br#"{"code":3,"message":"expected { at byte 0"}"#
    );
    let answer = send(
        &core,
        &format!("{PROTOBUF}content-encoding: gzip\r\n"),
        b"noise",
    )
    .await;
    assert_eq!(answer.status, 400);
}

/// Paths, methods, types and encodings that are not served each have their status.
#[tokio::test]
async fn unserved() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let at = http_address(&door);
    let kind = "content-type: application/x-protobuf\r\n";
    for (head, status) in [
        (format!("POST /v1/logs HTTP/1.1\r\n{kind}"), 501),
        (format!("POST /v1/metrics HTTP/1.1\r\n{kind}"), 501),
        (format!("POST /v2/traces HTTP/1.1\r\n{kind}"), 404),
        (format!("GET /v1/traces HTTP/1.1\r\n{kind}"), 405),
        ("POST /v1/traces HTTP/1.1\r\n".into(), 415),
        (
            "POST /v1/traces HTTP/1.1\r\ncontent-type: text/plain\r\n".into(),
            415,
        ),
        (format!("{PROTOBUF}content-encoding: br\r\n"), 415),
    ] {
        let answer = post(at, &head, b"").await;
        assert_eq!(answer.status, status, "{head}");
        assert_eq!(
            answer.header("allow"),
            if status == 405 { "POST" } else { "" }
        );
        assert!(!answer.body.is_empty());
    }
    assert_eq!(door.stats().http.unsupported, 7);
    let greeting = post(at, "GET / HTTP/1.1\r\n", b"").await;
    assert_eq!(greeting.status, 200);
    assert!(
        String::from_utf8(greeting.body)
            .unwrap()
            .contains("/v1/traces")
    );
}

/// Gzip, of one member or several, zstd and deflate are made whole before the core sees them.
#[tokio::test]
async fn compressed() {
    let core = FakeCore::accepting();
    let members = [gzip(b"one "), gzip(b"two")].concat();
    let zstd = zstd::encode_all(&b"one two"[..], 3).unwrap();
    let deflate = support::http::deflate(b"one two");
    for (name, body) in [("gzip", members), ("zstd", zstd), ("deflate", deflate)] {
        let head = format!("{PROTOBUF}content-encoding: {name}\r\n");
        assert_eq!(send(&core, &head, &body).await.status, 200, "{name}");
    }
    assert_eq!(core.bodies(), ["one two"; 3]);
}

/// More than the limit is 413, whether announced, sent in chunks, or hidden in a gzip.
#[tokio::test]
async fn too_large() {
    let core = FakeCore::accepting();
    let mut small = options();
    small.otlp_http = Some(Listener {
        max_recv_bytes: 1_000,
        ..listener()
    });
    let door = open_with(&core, small, Limits::default());
    let at = http_address(&door);
    assert_eq!(post(at, PROTOBUF, &[7; 1_001]).await.status, 413);
    let chunked = format!(
        "{PROTOBUF}host: door\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n{}\r\n0\r\n\r\n",
        "x".repeat(1_001)
    );
    assert_eq!(talk(at, chunked.as_bytes()).await.status, 413);
    let head = format!("{PROTOBUF}content-encoding: gzip\r\n");
    assert_eq!(post(at, &head, &gzip(&[0; 1_001])).await.status, 413);
    assert_eq!(post(at, &head, &gzip(&[0; 1_000])).await.status, 200);
    assert_eq!(door.stats().http.too_large, 3);
    assert_eq!(door.stats().in_flight_bytes, 0);
}

/// Requests follow each other on one connection, and one waits for 100 Continue.
#[tokio::test]
async fn keep_alive_and_expect() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let mut line = support::http::Line::connect(http_address(&door)).await;
    for _ in 0..3 {
        line.write(format!("{PROTOBUF}host: door\r\ncontent-length: 2\r\n\r\nhi").as_bytes())
            .await;
        assert_eq!(line.read().await.status, 200);
    }
    let head = format!("{PROTOBUF}host: door\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
    line.write(head.as_bytes()).await;
    assert_eq!(line.read().await.status, 100);
    line.write(b"hi").await;
    assert_eq!(line.read().await.status, 200);
    assert_eq!(door.stats().connections.total, 1);
}

/// A client that begins with HTTP/2's preface is served over HTTP/2.
#[tokio::test]
async fn prior_knowledge() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let client = support::client::Client::connect(http_address(&door)).await;
    let head = http::Request::post("http://door/v1/traces");
    let head = head.header("content-type", "application/x-protobuf");
    let reply = client.call(head, "spans".into()).await;
    assert_eq!((reply.http, reply.body.len()), (200, 0));
    assert_eq!(core.bodies(), ["spans"]);
}

/// A sender that leaves before its answer is counted, and its bytes stay charged until then.
#[tokio::test]
async fn leaving_early() {
    let core = FakeCore::new(Manner::Hold);
    let door = open(&core);
    let mut line = support::http::Line::connect(http_address(&door)).await;
    line.write(format!("{PROTOBUF}host: door\r\ncontent-length: 5\r\n\r\nspans").as_bytes())
        .await;
    core.holding(1).await;
    drop(line);
    support::until(|| door.stats().http.cut == 1).await;
    assert_eq!(door.stats().in_flight_bytes, 5);
    core.release(0, support::core::accepted());
    support::until(|| door.stats().in_flight_bytes == 0).await;
}
