//! A workload: a shop whose services send their spans as they end, retry, and are late now and
//! then. Built from the messages of OpenTelemetry's own crate.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use crate::disk::Dice;

/// An order that is being worked on.
struct Order {
    trace_id: [u8; 16],
    begun_ms: u64,
    spans: u64,
}

/// The shop.
pub struct Shop {
    dice: Dice,
    orders: Vec<Order>,
    /// Spans sent lately, to be sent twice.
    sent: Vec<Span>,
    next: u64,
    error: u64,
    late: u64,
    twice: u64,
}

impl Shop {
    /// A shop with habits of its own.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let (error, late, twice) = (dice.below(30), dice.below(40), dice.below(20));
        Self {
            dice,
            orders: Vec::new(),
            sent: Vec::new(),
            next: 0,
            error,
            late,
            twice,
        }
    }

    /// The next request.
    pub fn request(&mut self, now_ms: u64) -> Bytes {
        let resources = 1 + self.dice.below(2);
        let resource_spans = (0..resources)
            .map(|_| ResourceSpans {
                scope_spans: vec![ScopeSpans {
                    spans: (0..1 + self.dice.below(4))
                        .map(|_| self.span(now_ms))
                        .collect(),
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            })
            .collect();
        Bytes::from(ExportTraceServiceRequest { resource_spans }.encode_to_vec())
    }

    fn span(&mut self, now_ms: u64) -> Span {
        if !self.sent.is_empty() && self.dice.below(100) < self.twice {
            let at = self.dice.below(self.sent.len() as u64) as usize;
            return self.sent[at].clone();
        }
        let order = self.order(now_ms);
        let order = &mut self.orders[order];
        order.spans += 1;
        self.next += 1;
        let lasts = match self.dice.below(20) {
            0 => 2_000_000_000,
            1 => 999_999_999,
            _ => self.dice.below(500_000_000),
        };
        let start = order.begun_ms * 1_000_000 + self.dice.below(1_000);
        let error = self.dice.below(100) < self.error;
        let span = Span {
            trace_id: order.trace_id.to_vec(),
            span_id: self.next.to_be_bytes().to_vec(),
            parent_span_id: if order.spans == 1 {
                Vec::new()
            } else {
                vec![1; 8]
            },
            name: "work ".to_owned() + &"x".repeat(self.dice.below(60) as usize),
            start_time_unix_nano: start,
            end_time_unix_nano: start + lasts,
            status: error.then(|| Status {
                code: 2,
                ..Status::default()
            }),
            ..Span::default()
        };
        self.sent.push(span.clone());
        if self.sent.len() > 20 {
            self.sent.remove(0);
        }
        span
    }

    /// A new order, one under way, or one that ended a while ago.
    fn order(&mut self, now_ms: u64) -> usize {
        let late = self.dice.below(100) < self.late;
        if self.orders.is_empty() || (!late && self.dice.below(3) == 0) {
            let mut trace_id = [0; 16];
            trace_id[0] = 0xa5;
            for byte in &mut trace_id[1..] {
                *byte = self.dice.below(256) as u8;
            }
            self.orders.push(Order {
                trace_id,
                begun_ms: now_ms,
                spans: 0,
            });
        }
        let all = self.orders.len() as u64;
        let reach = if late { all } else { all.min(4) };
        (all - 1 - self.dice.below(reach)) as usize
    }
}
