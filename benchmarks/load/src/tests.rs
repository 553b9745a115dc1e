//! The generator against a small OTLP server that decodes everything with prost.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use fastrand::Rng;
use http::{HeaderMap, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

use crate::options::{Options, Protocol};
use crate::template::{FRAME_HEADER, Ids, Shape, Template};

const SHAPE: Shape = Shape {
    protocol: Protocol::Grpc,
    spans_per_request: 512,
    spans_per_part: 8,
    rooted: true,
    more_bytes: 0,
    error_share: 0.25,
    slow_share: 0.25,
    base_ns: 1_700_000_000_000_000_000,
};

/// A copy with ids that no other has, and its span ids.
fn stamp(template: &Template, rng: &mut Rng) -> (Vec<u8>, Vec<u64>) {
    let traces: Vec<Ids> = (0..template.traces()).map(|_| Ids::new(rng)).collect();
    let mut span_ids = Vec::new();
    let bytes = template.stamp(rng, &traces, &mut span_ids);
    (bytes, span_ids)
}

fn decode(frame: &[u8]) -> Vec<Span> {
    assert_eq!(frame[0], 0);
    let length = u32::from_be_bytes([frame[1], frame[2], frame[3], frame[4]]);
    assert_eq!(length as usize, frame.len() - FRAME_HEADER);
    let request = ExportTraceServiceRequest::decode(&frame[FRAME_HEADER..]).unwrap();
    let resources = request.resource_spans.into_iter();
    resources
        .flat_map(|r| r.scope_spans)
        .flat_map(|s| s.spans)
        .collect()
}

/// Patched ids stand where a decoder finds them: one id a trace, children under its root.
#[test]
fn stamped_requests_decode_to_whole_traces() {
    let mut rng = Rng::with_seed(1);
    let template = Template::new(&mut rng, SHAPE);
    let (bytes, ids) = stamp(&template, &mut rng);
    let spans = decode(&bytes);
    assert_eq!(spans.len(), 512);
    let mut traces = HashSet::new();
    for (trace, ids) in spans.chunks(8).zip(ids.chunks(8)) {
        assert!(traces.insert(trace[0].trace_id.clone()));
        for (span, id) in trace.iter().zip(ids) {
            assert_eq!(span.trace_id, trace[0].trace_id);
            assert_eq!(span.span_id, id.to_be_bytes());
        }
        assert!(trace[0].parent_span_id.is_empty());
        assert!(
            trace[1..]
                .iter()
                .all(|span| span.parent_span_id == trace[0].span_id)
        );
    }
}

/// No id comes twice, neither within a request nor in two copies of one template.
#[test]
fn every_copy_has_ids_of_its_own() {
    let mut rng = Rng::with_seed(2);
    let template = Template::new(&mut rng, SHAPE);
    let mut seen = HashSet::new();
    for _ in 0..10 {
        let (_, ids) = stamp(&template, &mut rng);
        assert!(ids.iter().all(|id| seen.insert(*id)));
    }
}

/// The requests weigh what the goals are stated for: about 270 bytes a span.
#[test]
fn spans_have_the_stated_weight() {
    let mut rng = Rng::with_seed(3);
    for spans_per_request in [64, 512] {
        let template = Template::new(
            &mut rng,
            Shape {
                spans_per_request,
                ..SHAPE
            },
        );
        let weight = template.message_len() as f64 / spans_per_request as f64;
        assert!((262.0..278.0).contains(&weight), "{weight} bytes a span");
    }
}

/// Spans of 2,000 bytes are that heavy, within a hundredth.
#[test]
fn heavy_spans_weigh_what_was_asked() {
    let mut rng = Rng::with_seed(5);
    let template = Template::new(
        &mut rng,
        Shape {
            more_bytes: 2_000 - 270,
            ..SHAPE
        },
    );
    let weight = template.message_len() as f64 / 512.0;
    assert!(
        (1_960.0..2_040.0).contains(&weight),
        "{weight} bytes a span"
    );
}

/// Errors carry status 500, slow traces last over a second, and both come in their shares.
#[test]
fn errors_and_slow_traces_come_in_their_shares() {
    let mut rng = Rng::with_seed(4);
    let shape = Shape {
        spans_per_request: 8 * 2_000,
        ..SHAPE
    };
    let spans = decode(&stamp(&Template::new(&mut rng, shape), &mut rng).0);
    let (mut errors, mut slow) = (0, 0);
    for trace in spans.chunks(8) {
        let begins = trace
            .iter()
            .map(|span| span.start_time_unix_nano)
            .min()
            .unwrap();
        let ends = trace
            .iter()
            .map(|span| span.end_time_unix_nano)
            .max()
            .unwrap();
        errors += u32::from(trace.iter().any(|span| span.status.is_some()));
        slow += u32::from(ends - begins >= 1_000_000_000);
    }
    assert!((400..600).contains(&errors), "{errors} errors of 2,000");
    assert!((400..600).contains(&slow), "{slow} slow of 2,000");
}

/// How the small server answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Take,
    /// Every second request is RESOURCE_EXHAUSTED.
    RefuseHalf,
    /// The connection closes after this many requests.
    CloseAfter(usize),
}

#[derive(Default)]
struct Backend {
    taken: Mutex<Vec<String>>,
    asked: Mutex<usize>,
}

async fn serve(listener: TcpListener, backend: Arc<Backend>, manner: Manner) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let backend = Arc::clone(&backend);
        tokio::spawn(async move {
            let mut connection = h2::server::handshake(socket).await.unwrap();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let asked = {
                    let mut asked = backend.asked.lock().unwrap();
                    *asked += 1;
                    *asked
                };
                if matches!(manner, Manner::CloseAfter(most) if asked > most) {
                    return;
                }
                let backend = Arc::clone(&backend);
                tokio::spawn(async move {
                    let mut body = request.into_body();
                    let mut frame = Vec::new();
                    while let Some(data) = body.data().await {
                        let data = data.unwrap();
                        body.flow_control().release_capacity(data.len()).unwrap();
                        frame.extend_from_slice(&data);
                    }
                    let refuse = manner == Manner::RefuseHalf && asked % 2 == 0;
                    if !refuse {
                        let spans = decode(&frame);
                        let mut taken = backend.taken.lock().unwrap();
                        taken.extend(spans.iter().map(|span| hex(&span.span_id)));
                    }
                    let mut send = respond.send_response(Response::new(()), false).unwrap();
                    send.send_data(Bytes::from_static(&[0; 5]), false).unwrap();
                    let mut trailers = HeaderMap::new();
                    let status = if refuse { "8" } else { "0" };
                    trailers.insert("grpc-status", status.parse().unwrap());
                    send.send_trailers(trailers).unwrap();
                });
            }
        });
    }
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn offer(manner: Manner, more: &[&str]) -> (crate::tally::Report, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        let backend = Arc::new(Backend::default());
        let server = tokio::spawn(serve(listener, Arc::clone(&backend), manner));
        let mut line = vec!["tailsampler-load", "--endpoint", &endpoint, "--seed", "7"];
        line.extend_from_slice(more);
        let load = crate::load::run(Options::parse_from(line));
        let report = tokio::time::timeout(Duration::from_secs(30), load)
            .await
            .unwrap()
            .unwrap();
        server.abort();
        let taken = backend.taken.lock().unwrap().clone();
        (report, taken)
    })
}

/// Every span offered to a willing server is counted as acknowledged, and was taken there.
#[test]
fn a_willing_server_takes_everything() {
    let (report, taken) = offer(
        Manner::Take,
        &["--requests", "100", "--spans-per-request", "64"],
    );
    assert_eq!(report.offered_spans, 6_400);
    assert_eq!(report.acknowledged_spans, 6_400);
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 6_400);
    assert_eq!((report.refusals, report.broken_connections), (0, 0));
}

/// Refused spans are not acknowledged; with --retry all get through, each counted once.
#[test]
fn refusals_are_counted_and_retried() {
    let (report, taken) = offer(Manner::RefuseHalf, &["--requests", "40"]);
    assert_eq!(report.refusals, 20);
    assert_eq!(report.acknowledged_spans, 20 * 64);
    assert_eq!(taken.len(), 20 * 64);

    let (report, taken) = offer(Manner::RefuseHalf, &["--requests", "40", "--retry"]);
    assert_eq!(report.offered_spans, 40 * 64);
    assert_eq!(report.acknowledged_spans, 40 * 64);
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 40 * 64);
}

/// When connections break, unanswered spans are of unknown fate and the load ends.
#[test]
fn a_broken_connection_ends_its_load() {
    let (report, _) = offer(Manner::CloseAfter(10), &["--requests", "1000"]);
    assert!(report.broken_connections > 0);
    assert!(report.unknown_spans > 0);
    assert_eq!(
        report.offered_spans,
        report.acknowledged_spans + report.unknown_spans
    );
}

/// The file of acknowledged ids names only spans that the server had taken.
#[test]
fn acknowledged_ids_are_written_after_the_answer() {
    let path = std::env::temp_dir().join(format!("tailsampler-load-{}.ids", std::process::id()));
    let file = path.to_str().unwrap();
    let (report, taken) = offer(
        Manner::CloseAfter(10),
        &["--requests", "1000", "--acked-ids", file],
    );
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let taken: HashSet<&str> = taken.iter().map(String::as_str).collect();
    assert_eq!(text.lines().count() as u64, report.acknowledged_spans);
    assert!(text.lines().all(|id| taken.contains(id)));
}

/// A rate is kept to: 64 requests of 64 spans at 40,960 spans/s are not over before 0.09 s.
#[test]
fn a_rate_is_not_exceeded() {
    let (report, _) = offer(Manner::Take, &["--requests", "64", "--rate", "40960"]);
    assert!(
        report.seconds >= 63.0 * 64.0 / 40_960.0,
        "{} s",
        report.seconds
    );
}

/// Quantiles of answers are those of the sorted list, to the three digits that are kept.
#[test]
fn quantiles_are_those_of_the_sorted_answers() {
    let mut rng = Rng::with_seed(6);
    let mut sorted: Vec<u64> = (0..20_000).map(|_| rng.u64(100..2_000_000)).collect();
    let mut tally = crate::tally::Tally::new().unwrap();
    for us in &sorted {
        let answer = crate::connection::Answer::Acknowledged { rejected: 0 };
        tally.answer(&answer, 1, Duration::from_micros(*us));
    }
    sorted.sort_unstable();
    let report = tally.report(crate::tally::Ran::default());
    for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)] {
        let rank = (share * sorted.len() as f64).ceil() as usize - 1;
        let (exact, told) = (sorted[rank] as f64 / 1e3, report.latency_ms[name]);
        assert!(
            (told / exact - 1.0).abs() < 0.002,
            "{name}: {told}, not {exact}"
        );
    }
}

/// Parts of a trace share its id and its root, and only the first part has the root.
#[test]
fn a_trace_that_is_spread_has_one_id_and_one_root() {
    let mut rng = Rng::with_seed(8);
    let spread = Shape {
        spans_per_part: 2,
        ..SHAPE
    };
    let first = Template::new(&mut rng, spread);
    let rest = Template::new(
        &mut rng,
        Shape {
            rooted: false,
            ..spread
        },
    );
    let traces: Vec<Ids> = (0..first.traces()).map(|_| Ids::new(&mut rng)).collect();
    let mut ids = Vec::new();
    let begun = decode(&first.stamp(&mut rng, &traces, &mut ids));
    let more = decode(&rest.stamp(&mut rng, &traces, &mut ids));
    for ((begun, more), ids) in begun.chunks(2).zip(more.chunks(2)).zip(&traces) {
        assert!(begun[0].parent_span_id.is_empty());
        assert_eq!(begun[0].trace_id, ids.trace.to_be_bytes());
        for span in begun[1..].iter().chain(more) {
            assert_eq!(span.trace_id, begun[0].trace_id);
            assert_eq!(span.parent_span_id, begun[0].span_id);
        }
    }
}

/// Requests in JSON hold the same spans as the core reads them, with ids in their places.
#[test]
fn requests_in_json_are_read_as_those_in_protobuf() {
    let mut rng = Rng::with_seed(9);
    let template = Template::new(
        &mut rng,
        Shape {
            protocol: Protocol::HttpJson,
            ..SHAPE
        },
    );
    let (bytes, ids) = stamp(&template, &mut rng);
    let text: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let resources = text["resourceSpans"].as_array().unwrap().iter();
    let spans: Vec<&serde_json::Value> = resources
        .flat_map(|one| one["scopeSpans"][0]["spans"].as_array().unwrap())
        .collect();
    assert_eq!(spans.len(), 512);
    for (trace, ids) in spans.chunks(8).zip(ids.chunks(8)) {
        for (span, id) in trace.iter().zip(ids) {
            assert_eq!(span["spanId"], format!("{id:016x}"));
            assert_eq!(span["traceId"], trace[0]["traceId"]);
        }
        assert!(trace[0].get("parentSpanId").is_none());
        assert!(
            trace[1..]
                .iter()
                .all(|span| span["parentSpanId"] == trace[0]["spanId"])
        );
        assert!(trace[0]["traceId"] != "1".repeat(32));
    }
}
