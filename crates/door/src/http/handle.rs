//! One OTLP/HTTP request, from head to answer.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request};
use hyper::body::Incoming;
use tailsampler_core::intake::{AckSink, Answer, Rejected, Signal};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::request::{Format, collect, encoding, format, inflate};
use super::response::{Answered, accepted, fault, greeting};
use crate::budget::Charge;
use crate::counters::Outcome;
use crate::fault::Fault;
use crate::service::Service;

/// JSON above this size is translated on another thread.
const INLINE_JSON: usize = 256 << 10;

pub(super) async fn handle(
    service: Arc<Service>,
    max: usize,
    request: Request<Incoming>,
) -> Result<Answered, Infallible> {
    if request.uri().path() == "/" && matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(greeting());
    }
    let mut tally = Tally {
        service: Arc::clone(&service),
        outcome: Outcome::Cut,
    };
    let format = format(request.headers());
    let result = match check(&service, &request, format) {
        Ok((signal, format)) => export(&service, max, (signal, format), request).await,
        Err(fault) => Err(fault),
    };
    // A sender whose form is not known reads JSON best.
    let format = format.unwrap_or(Format::Json);
    Ok(match result {
        Ok(rejected) => {
            tally.outcome = if rejected.spans == 0 {
                Outcome::Accepted
            } else {
                Outcome::Partial
            };
            accepted(format, &rejected)
        }
        Err(why) => {
            tally.outcome = why.outcome;
            fault(format, &why)
        }
    })
}

/// Counts a request once, also when the sender goes away and the handler is dropped half-way.
struct Tally {
    service: Arc<Service>,
    outcome: Outcome,
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.service.counters.http.count(self.outcome);
    }
}

fn check(
    service: &Service,
    request: &Request<Incoming>,
    format: Option<Format>,
) -> Result<(Signal, Format), Fault> {
    let passed = |signal: Signal| {
        if service.intake.passes(signal) {
            return Ok(signal);
        }
        Err(other(signal.slug()))
    };
    let signal = match request.uri().path() {
        "/v1/traces" => Signal::Traces,
        "/v1/logs" => passed(Signal::Logs)?,
        "/v1/metrics" => passed(Signal::Metrics)?,
        "/v1development/profiles" => return Err(other("profiles")),
        _ => {
            return Err(Fault::unsupported(
                404,
                "unknown path; traces go to /v1/traces",
            ));
        }
    };
    if request.method() != Method::POST {
        return Err(Fault::unsupported(405, "traces are sent by POST"));
    }
    let format = format.ok_or_else(|| {
        Fault::unsupported(
            415,
            "unknown content-type; send application/x-protobuf or application/json",
        )
    })?;
    if signal != Signal::Traces && matches!(format, Format::Json) {
        return Err(Fault::unsupported(
            415,
            "what is passed on is passed on as it is, by protobuf; send application/x-protobuf",
        ));
    }
    Ok((signal, format))
}

fn other(what: &str) -> Fault {
    Fault::unsupported(
        501,
        format!("this gateway samples traces and takes no {what}; send {what} to their backend"),
    )
}

async fn export(
    service: &Arc<Service>,
    max: usize,
    (signal, format): (Signal, Format),
    request: Request<Incoming>,
) -> Result<Rejected, Fault> {
    let tenant = service.tenant(request.headers())?;
    let encoding = encoding(request.headers())?;
    if service.draining() {
        return Err(service.stopping());
    }
    let mut charge = service.budget.admit().ok_or_else(|| service.busy())?;
    let body = collect(service, request.into_body(), max, &mut charge).await?;
    let (body, charge) = inflate(service, encoding, body, max, charge).await?;
    let (body, charge) = match format {
        Format::Protobuf => (body, charge),
        Format::Json => transcode(service, body, charge).await?,
    };
    let (sender, receiver) = oneshot::channel();
    let sink: Arc<dyn AckSink> = Arc::new(OneAnswer(Mutex::new(Some((sender, charge)))));
    match signal {
        Signal::Traces => service.intake.submit(tenant, body, 0, &sink)?,
        signal => service.intake.pass(signal, body, 0, &sink)?,
    }
    drop(sink);
    match receiver.await {
        Ok(Answer::Accepted(rejected)) => Ok(rejected),
        Ok(Answer::Refused(refusal)) => Err(Fault::refused(refusal)),
        Ok(Answer::Failed(words)) => Err(Fault::malformed(words)),
        // The core dropped its sink, which it promises not to do while it runs.
        Err(_) => Err(service.stopping()),
    }
}

async fn transcode(
    service: &Arc<Service>,
    json: Bytes,
    mut charge: Charge,
) -> Result<(Bytes, Charge), Fault> {
    let intake = Arc::clone(&service.intake);
    let result = if json.len() <= INLINE_JSON {
        intake.json_to_protobuf(&json)
    } else {
        spawn_blocking(move || intake.json_to_protobuf(&json))
            .await
            .map_err(|_| Fault::broken("the JSON could not be translated"))?
    };
    let body = result.map_err(Fault::malformed)?;
    // Protobuf is the smaller of the two, but nothing stops JSON from saying otherwise.
    charge.shrink_to(body.len());
    Ok((Bytes::from(body), charge))
}

/// The sink of one request. It holds the charge, so that the bytes stay charged until the core
/// is done with them, even if the sender has left.
struct OneAnswer(Mutex<Option<(oneshot::Sender<Answer>, Charge)>>);

impl AckSink for OneAnswer {
    fn complete(&self, _token: u64, answer: Answer) {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sender, charge)) = taken {
            drop(charge);
            // A sender that left before its answer is counted as cut.
            let _ = sender.send(answer);
        }
    }
}
