//! Every way an Export call can end, as the sender sees it.

#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

mod support;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use support::client::{Client, EXPORT, framed, head};
use support::core::{FakeCore, Manner, accepted, refusal};
use support::{listener, open, open_with, options};
use tailsampler_core::intake::{Answer, IntakeError, RefusalReason, Rejected};
use tailsampler_door::Limits;

/// An accepted request is answered with an empty message and status 0, byte for byte.
#[tokio::test]
async fn accepted_is_an_empty_message() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    let reply = client.export(b"spans").await;
    assert_eq!((reply.http, reply.status), (200, Some(0)));
    assert_eq!(reply.body, &[0; 5][..]);
    assert_eq!(reply.headers["content-type"], "application/grpc");
    assert_eq!(core.bodies(), ["spans"]);
    assert_eq!(door.stats().grpc.accepted, 1);
    assert_eq!(door.stats().grpc.body_bytes, 10);
}

/// Spans that can never be valid are named in the answer, which still is an acceptance.
#[tokio::test]
async fn rejected_spans_are_partial_success() {
    let core = FakeCore::new(Manner::Answer(Answer::Accepted(Rejected {
        spans: 2,
        message: "span 0: trace id of 15 bytes".into(),
    })));
    let door = open(&core);
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    let reply = client.export(b"spans").await;
    assert_eq!(reply.status, Some(0));
    let read = ExportTraceServiceResponse::decode(reply.body.slice(5..)).unwrap();
    let partial = read.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 2);
    assert_eq!(partial.error_message, "span 0: trace id of 15 bytes");
    assert_eq!(door.stats().grpc.partial, 1);
}

/// A refusal, at once or later, carries its code, its words and the delay.
#[tokio::test]
async fn refusals_say_when_to_retry() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    for reason in RefusalReason::ALL {
        let code = match reason {
            RefusalReason::Storage | RefusalReason::Stopping | RefusalReason::Backend => 14,
            _ => 8,
        };
        for manner in [
            Manner::Answer(Answer::Refused(refusal(reason))),
            Manner::Fail(IntakeError::Refused(refusal(reason))),
        ] {
            core.be(manner);
            let reply = client.export(b"spans").await;
            assert_eq!(reply.status, Some(code), "{reason:?}");
            assert_eq!(reply.message, reason.words());
            // RetryInfo { retry_delay { seconds: 1 nanos: 500000000 } }
            let info = b"\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01";
            assert!(reply.details.ends_with(info), "{:?}", reply.details);
        }
    }
    let refused = 2 * RefusalReason::ALL.len() as u64;
    assert_eq!(door.stats().grpc.refused, refused);
}

/// What is no request is INVALID_ARGUMENT in the core's words, with nothing to retry.
#[tokio::test]
async fn malformed_is_never_sent_again() {
    let words = "byte 7: wrong wire type \u{2013} 100%";
    let core = FakeCore::new(Manner::Fail(IntakeError::Malformed(words.into())));
    let door = open(&core);
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    let reply = client.export(b"noise").await;
    assert_eq!(reply.status, Some(3));
    assert_eq!(reply.message, "byte 7: wrong wire type %E2%80%93 100%25");
    assert!(reply.details.is_empty());
    assert_eq!(door.stats().grpc.malformed, 1);
}

/// Heads that are not served are turned away with the status a gRPC server gives.
#[tokio::test]
async fn unserved_heads() {
    let door = open(&FakeCore::accepting());
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    let call = async |head: http::request::Builder| client.call(head, framed(0, b"")).await;

    let reply = call(head("/foo.Bar/Baz")).await;
    assert_eq!(reply.status, Some(12));
    assert!(reply.message.contains("/foo.Bar/Baz") && reply.message.contains(EXPORT));
    for kind in ["logs", "metrics"] {
        let service = if kind == "logs" {
            "LogsService"
        } else {
            "MetricsService"
        };
        let path = format!("/opentelemetry.proto.collector.{kind}.v1.{service}/Export");
        let reply = call(head(&path)).await;
        assert_eq!(reply.status, Some(12));
        assert!(reply.message.contains("to their backend") && reply.message.contains(kind));
    }
    let other = http::Request::post(format!("http://door{EXPORT}"));
    assert_eq!(call(other).await.http, 415);
    let other = http::Request::post(format!("http://door{EXPORT}"))
        .header("content-type", "application/json");
    assert_eq!(call(other).await.http, 415);
    let json = http::Request::post(format!("http://door{EXPORT}"))
        .header("content-type", "application/grpc+json");
    assert_eq!(call(json).await.status, Some(12));
    let get = http::Request::get(format!("http://door{EXPORT}"))
        .header("content-type", "application/grpc");
    assert_eq!(call(get).await.http, 405);
    let reply = call(head(EXPORT).header("grpc-encoding", "snappy")).await;
    assert_eq!(reply.status, Some(12));
    assert_eq!(
        reply.headers["grpc-accept-encoding"],
        "identity,gzip,zstd,deflate"
    );
    let reply = call(head(EXPORT).header("grpc-timeout", "soon")).await;
    assert_eq!(reply.status, Some(13));
    assert_eq!(call(head(EXPORT)).await.status, Some(0));
}

/// Both spellings of the content type, and parameters after them, are served.
#[tokio::test]
async fn content_types() {
    let door = open(&FakeCore::accepting());
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    for name in [
        "application/grpc+proto",
        "application/grpc;x=y",
        "application/grpc+proto;x=y",
    ] {
        let head = http::Request::post(format!("http://door{EXPORT}"));
        let reply = client
            .call(head.header("content-type", name), framed(0, b"a"))
            .await;
        assert_eq!(reply.status, Some(0), "{name}");
    }
}

/// Broken framing is INTERNAL, as gRPC servers say it, and the connection lives on.
#[tokio::test]
async fn broken_framing() {
    let core = FakeCore::accepting();
    let door = open(&core);
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    let two = [&framed(0, b"a")[..], &framed(0, b"b")[..]].concat();
    for (body, words) in [
        (Bytes::new(), "no message"),
        (framed(0, b"abc").slice(..4), "truncated"),
        (framed(0, b"abc").slice(..7), "truncated"),
        (two.into(), "more than one"),
        (framed(1, b"abc"), "grpc-encoding names nothing"),
        (framed(9, b"abc"), "flag 9"),
    ] {
        let reply = client.call(head(EXPORT), body).await;
        assert_eq!(reply.status, Some(13), "{words}");
        assert!(reply.message.contains(words), "{}", reply.message);
    }
    assert!(core.bodies().is_empty());
    assert_eq!(client.export(b"fine").await.status, Some(0));
}

/// A message over the limit is RESOURCE_EXHAUSTED without RetryInfo, known from its prefix.
#[tokio::test]
async fn too_large() {
    let mut small = options();
    small.otlp_grpc = Some(tailsampler_door::Listener {
        max_recv_bytes: 100,
        ..listener()
    });
    let core = FakeCore::accepting();
    let door = open_with(&core, small, Limits::default());
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    assert_eq!(client.export(&[7; 100]).await.status, Some(0));
    let (response, mut stream) = client.begin(head(EXPORT)).await;
    stream
        .send_data(Bytes::from_static(b"\0\0\0\0\x65"), false)
        .unwrap();
    let reply = support::client::read(response).await;
    assert_eq!(reply.status, Some(8));
    assert_eq!(
        reply.message,
        "received message larger than max (101 vs. 100 bytes)"
    );
    assert!(reply.details.is_empty());
    assert_eq!(door.stats().grpc.too_large, 1);
}

/// Answers that come in another order than their requests find the right call.
#[tokio::test]
async fn answers_out_of_order() {
    let core = FakeCore::new(Manner::Hold);
    let door = open(&core);
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    let mut calls = Vec::new();
    for number in 0..20_u8 {
        let client = client.clone();
        calls.push(tokio::spawn(async move { client.export(&[number]).await }));
        core.holding(usize::from(number) + 1).await;
    }
    let bodies = core.bodies();
    for index in (0..20).rev() {
        let message = format!("{}", bodies[index][0]);
        core.release(index, Answer::Accepted(Rejected { spans: 1, message }));
    }
    for (number, call) in calls.into_iter().enumerate() {
        let body = call.await.unwrap().body.slice(5..);
        let read = ExportTraceServiceResponse::decode(body).unwrap();
        assert_eq!(
            read.partial_success.unwrap().error_message,
            number.to_string()
        );
    }
    core.be(Manner::Answer(accepted()));
    assert_eq!(client.export(b"more").await.status, Some(0));
}
