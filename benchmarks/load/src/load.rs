//! The load: workers that take turns until the amount or the time is reached.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fastrand::Rng;
use flate2::{Compression, write::GzEncoder};
use tokio::task::{JoinSet, LocalSet};

use crate::connection::{Answer, Broken, Client};
use crate::options::{Options, Protocol};
use crate::pacer::Pacer;
use crate::tally::{Ran, Report, Tally};
use crate::template::{FRAME_HEADER, Ids, Shape, Template, USUAL_BYTES};

/// Traces encoded beforehand: enough that shares of 1 % come out within a tenth.
const TEMPLATE_TRACES: usize = 4096;
/// Their bytes, at most: beyond, copying them would be waiting for memory.
const TEMPLATE_BYTES: usize = 64 << 20;
const RETRY_AFTER: Duration = Duration::from_millis(20);
const CONNECT_AFTER: Duration = Duration::from_millis(1);

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each says what its message says")]
pub enum LoadError {
    #[error("{0}")]
    Options(String),
    #[error("cannot connect to {endpoint}: {cause}; is the gateway running?")]
    Connect { endpoint: String, cause: Broken },
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Histogram(#[from] hdrhistogram::CreationError),
    #[error("a worker panicked: {0}")]
    Worker(#[from] tokio::task::JoinError),
}

/// What all workers share. One thread, so plain cells do.
struct Shared {
    options: Options,
    templates: Templates,
    /// Requests that were stamped and compressed before the clock started, with their span ids.
    packed: Vec<(Bytes, Vec<u64>)>,
    begun: Instant,
    last_offer: Cell<Instant>,
    first_acknowledged: Cell<Option<SystemTime>>,
    next: Cell<u64>,
    acked_ids: Option<RefCell<BufWriter<File>>>,
}

/// What is sent first of the traces, and what afterwards.
struct Templates {
    first: Vec<Template>,
    /// Empty where a trace lies whole within one request.
    rest: Vec<Template>,
}

impl Templates {
    fn of(&self, part: usize, turn: u64) -> &Template {
        let pool = if part == 0 { &self.first } else { &self.rest };
        &pool[turn as usize % pool.len()]
    }

    fn bytes_per_span(&self, options: &Options) -> f64 {
        let mean = |pool: &[Template]| {
            let bytes: usize = pool.iter().map(Template::message_len).sum();
            bytes as f64 / (pool.len() * options.spans_per_request) as f64
        };
        let rest = options.requests_per_trace - 1;
        if rest == 0 {
            return mean(&self.first);
        }
        (mean(&self.first) + mean(&self.rest) * rest as f64) / (rest + 1) as f64
    }
}

/// Makes requests of fresh ids, each trace's parts one after the other.
struct Stamper {
    rng: Rng,
    traces: Vec<Ids>,
    part: usize,
    span_ids: Vec<u64>,
}

impl Stamper {
    const fn new(rng: Rng) -> Self {
        Self {
            rng,
            traces: Vec::new(),
            part: 0,
            span_ids: Vec::new(),
        }
    }

    fn next(&mut self, templates: &Templates, parts: usize, turn: u64) -> Vec<u8> {
        let template = templates.of(self.part, turn);
        if self.part == 0 {
            self.traces.clear();
            let fresh = (0..template.traces()).map(|_| Ids::new(&mut self.rng));
            self.traces.extend(fresh);
        }
        self.part = (self.part + 1) % parts;
        template.stamp(&mut self.rng, &self.traces, &mut self.span_ids)
    }
}

/// Runs the whole load on the current thread.
///
/// # Errors
/// [`LoadError`].
pub async fn run(options: Options) -> Result<Report, LoadError> {
    LocalSet::new().run_until(run_local(options)).await
}

async fn run_local(options: Options) -> Result<Report, LoadError> {
    validate(&options)?;
    let mut rng = options.seed.map_or_else(Rng::new, Rng::with_seed);
    let templates = templates(&options, &mut rng);
    let bytes_per_span = templates.bytes_per_span(&options);
    let packed = packed(&options, &templates, &mut rng)?;
    let mut clients = Vec::new();
    for number in 0..options.connections {
        let opened = open(&options).await?;
        clients.extend(opened.into_iter().map(|client| (number, client)));
    }
    let mut broken = vec![false; options.connections];
    let acked_ids = match &options.acked_ids {
        Some(path) => Some(RefCell::new(BufWriter::new(File::create(path)?))),
        None => None,
    };
    let (begun, cpu) = (Instant::now(), own_cpu_seconds());
    let shared = Rc::new(Shared {
        options,
        templates,
        packed,
        begun,
        last_offer: Cell::new(begun),
        first_acknowledged: Cell::new(None),
        next: Cell::new(0),
        acked_ids,
    });
    let mut workers = JoinSet::new();
    for (number, client) in clients {
        let worker = work(Rc::clone(&shared), client, Stamper::new(rng.fork()));
        workers.spawn_local(async move { (number, worker.await) });
    }
    let mut total = Tally::new()?;
    while let Some(done) = workers.join_next().await {
        let (number, tally) = done?;
        let tally = tally?;
        broken[number] |= tally.is_broken();
        total.merge(&tally);
    }
    if let Some(file) = &shared.acked_ids {
        file.borrow_mut().flush()?;
    }
    Ok(total.report(Ran {
        seconds: begun.elapsed().as_secs_f64(),
        offering_seconds: (shared.last_offer.get() - begun).as_secs_f64(),
        first_acknowledged_unix_s: shared.first_acknowledged.get().map(since_epoch),
        bytes_per_span,
        own_cpu_seconds: own_cpu_seconds() - cpu,
        broken_connections: broken.iter().filter(|broken| **broken).count(),
    }))
}

async fn open(options: &Options) -> Result<Vec<Client>, LoadError> {
    let begun = Instant::now();
    loop {
        match Client::open(options).await {
            Ok(clients) => return Ok(clients),
            Err(_) if begun.elapsed().as_secs_f64() < options.connect_within => {
                tokio::time::sleep(CONNECT_AFTER).await;
            }
            Err(cause) => {
                return Err(LoadError::Connect {
                    endpoint: options.endpoint.clone(),
                    cause,
                });
            }
        }
    }
}

fn validate(options: &Options) -> Result<(), LoadError> {
    let Options {
        spans_per_request,
        spans_per_trace,
        requests_per_trace,
        connections,
        in_flight,
        ..
    } = *options;
    let wrong = if spans_per_trace == 0 || spans_per_request == 0 {
        format!("a request of {spans_per_request} spans in traces of {spans_per_trace} is empty")
    } else if requests_per_trace == 0 || spans_per_trace % requests_per_trace != 0 {
        format!(
            "--spans-per-trace {spans_per_trace} is no multiple of --requests-per-trace {requests_per_trace}"
        )
    } else if spans_per_request % (spans_per_trace / requests_per_trace) != 0 {
        format!(
            "--spans-per-request {spans_per_request} is no multiple of the {} spans that a trace has in one",
            spans_per_trace / requests_per_trace
        )
    } else if connections == 0 || in_flight == 0 {
        "--connections and --in-flight start at 1".into()
    } else if options.error_share + options.slow_share > 1.0 {
        "--error-share and --slow-share together are over 1".into()
    } else {
        return Ok(());
    };
    Err(LoadError::Options(wrong))
}

fn since_epoch(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

fn templates(options: &Options, rng: &mut Rng) -> Templates {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let first = Shape {
        protocol: options.protocol,
        spans_per_request: options.spans_per_request,
        spans_per_part: options.spans_per_trace / options.requests_per_trace,
        rooted: !options.no_root,
        more_bytes: options.span_bytes.saturating_sub(USUAL_BYTES),
        error_share: options.error_share,
        slow_share: options.slow_share,
        base_ns: u64::try_from(now.as_nanos()).unwrap_or(0),
    };
    let rest = Shape {
        rooted: false,
        error_share: 0.0,
        slow_share: 0.0,
        ..first
    };
    let traces_per_request = options.spans_per_request / first.spans_per_part;
    let most = TEMPLATE_BYTES / (options.spans_per_request * options.span_bytes.max(USUAL_BYTES));
    let count = TEMPLATE_TRACES
        .div_ceil(traces_per_request)
        .min(most.max(1));
    let mut pool = |shape| (0..count).map(|_| Template::new(rng, shape)).collect();
    Templates {
        first: pool(first),
        rest: if options.requests_per_trace > 1 {
            pool(rest)
        } else {
            Vec::new()
        },
    }
}

/// Every request of the run, compressed: that costs far more here than at the gateway, and ids
/// cannot be replaced in what is compressed.
fn packed(
    options: &Options,
    templates: &Templates,
    rng: &mut Rng,
) -> Result<Vec<(Bytes, Vec<u64>)>, LoadError> {
    let (true, Some(requests)) = (options.gzip, options.requests) else {
        return Ok(Vec::new());
    };
    let mut stamper = Stamper::new(rng.fork());
    let mut packed = Vec::new();
    for turn in 0..requests {
        let body = stamper.next(templates, options.requests_per_trace, turn);
        let body = compress(&body, options.protocol)?;
        let span_ids = if options.acked_ids.is_some() {
            stamper.span_ids.clone()
        } else {
            Vec::new()
        };
        packed.push((Bytes::from(body), span_ids));
    }
    Ok(packed)
}

/// Sends one request after the other until there is no further turn.
async fn work(
    shared: Rc<Shared>,
    mut client: Client,
    mut stamper: Stamper,
) -> Result<Tally, LoadError> {
    let mut tally = Tally::new()?;
    let pacer = Pacer::new()?;
    let parts = shared.options.requests_per_trace;
    let spans = shared.options.spans_per_request as u64;
    while let Some((turn, due)) = shared.turn() {
        if shared.options.rate.is_some() {
            pacer.until(due).await?;
        }
        let body = match shared.packed.get(turn as usize) {
            Some((body, span_ids)) => {
                stamper.span_ids.clone_from(span_ids);
                body.clone()
            }
            None => Bytes::from(stamper.next(&shared.templates, parts, turn)),
        };
        tally.offer(spans);
        shared.last_offer.set(Instant::now());
        loop {
            match client.export(body.clone()).await {
                Ok(answer) => {
                    tally.answer(&answer, spans, due.elapsed());
                    if answer == (Answer::Acknowledged { rejected: 0 }) {
                        shared.note_first();
                        shared.note_acked(&stamper.span_ids)?;
                    }
                    if answer != Answer::Refused || !shared.options.retry || shared.over() {
                        break;
                    }
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(why) => {
                    tally.break_off(spans, why.to_string());
                    return Ok(tally);
                }
            }
        }
    }
    Ok(tally)
}

impl Shared {
    /// The next request's number and when it is due; None when the load is over.
    fn turn(&self) -> Option<(u64, Instant)> {
        let turn = self.next.get();
        if self.over()
            || self
                .options
                .requests
                .is_some_and(|requests| turn >= requests)
        {
            return None;
        }
        self.next.set(turn + 1);
        let due = match self.options.rate {
            Some(rate) => {
                let spans = turn as f64 * self.options.spans_per_request as f64;
                self.begun + Duration::from_secs_f64(spans / rate)
            }
            None => Instant::now(),
        };
        Some((turn, due))
    }

    fn over(&self) -> bool {
        self.options
            .seconds
            .is_some_and(|seconds| self.begun.elapsed().as_secs_f64() >= seconds)
    }

    fn note_first(&self) {
        if self.first_acknowledged.get().is_none() {
            self.first_acknowledged.set(Some(SystemTime::now()));
        }
    }

    fn note_acked(&self, span_ids: &[u64]) -> std::io::Result<()> {
        if let Some(file) = &self.acked_ids {
            let mut file = file.borrow_mut();
            for span_id in span_ids {
                writeln!(file, "{span_id:016x}")?;
            }
        }
        Ok(())
    }
}

/// The same body, compressed as SDKs and Collectors do it by default.
fn compress(body: &[u8], protocol: Protocol) -> std::io::Result<Vec<u8>> {
    let header = if protocol == Protocol::Grpc {
        FRAME_HEADER
    } else {
        0
    };
    let mut encoder = GzEncoder::new(vec![0; header], Compression::default());
    encoder.write_all(&body[header..])?;
    let mut compressed = encoder.finish()?;
    if header > 0 {
        let length = (compressed.len() - header) as u32;
        compressed[0] = 1;
        compressed[1..header].copy_from_slice(&length.to_be_bytes());
    }
    Ok(compressed)
}

/// User and system time of this process.
fn own_cpu_seconds() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}
