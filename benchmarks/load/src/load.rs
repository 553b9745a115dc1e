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

use crate::connection::{Answer, Broken, Connection};
use crate::options::Options;
use crate::tally::{Ran, Report, Tally};
use crate::template::{FRAME_HEADER, Shape, Template};

/// Traces encoded beforehand: enough that shares of 1 % come out within a tenth.
const TEMPLATE_TRACES: usize = 4096;
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
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
    templates: Vec<Template>,
    begun: Instant,
    next: Cell<u64>,
    acked_ids: Option<RefCell<BufWriter<File>>>,
}

/// Runs the whole load on the current thread.
pub(crate) async fn run(options: Options) -> Result<Report, LoadError> {
    LocalSet::new().run_until(run_local(options)).await
}

async fn run_local(options: Options) -> Result<Report, LoadError> {
    validate(&options)?;
    let mut rng = options.seed.map_or_else(Rng::new, Rng::with_seed);
    let templates = templates(&options, &mut rng);
    let bytes: usize = templates.iter().map(Template::message_len).sum();
    let bytes_per_span = bytes as f64 / (templates.len() * options.spans_per_request) as f64;
    let mut connections = Vec::new();
    for _ in 0..options.connections {
        let opened = Connection::open(&options).await;
        connections.push(opened.map_err(|cause| LoadError::Connect {
            endpoint: options.endpoint.clone(),
            cause,
        })?);
    }
    let acked_ids = match &options.acked_ids {
        Some(path) => Some(RefCell::new(BufWriter::new(File::create(path)?))),
        None => None,
    };
    let in_flight = options.in_flight;
    let begun = Instant::now();
    let shared = Rc::new(Shared {
        options,
        templates,
        begun,
        next: Cell::new(0),
        acked_ids,
    });
    let mut workers = JoinSet::new();
    for (number, connection) in connections.iter().enumerate() {
        for _ in 0..in_flight {
            let worker = work(Rc::clone(&shared), connection.clone(), rng.fork());
            workers.spawn_local(async move { (number, worker.await) });
        }
    }
    let mut total = Tally::new()?;
    let mut broken = vec![false; connections.len()];
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
        bytes_per_span,
        own_cpu_seconds: own_cpu_seconds()?,
        broken_connections: broken.iter().filter(|broken| **broken).count(),
    }))
}

fn validate(options: &Options) -> Result<(), LoadError> {
    let Options {
        spans_per_request,
        spans_per_trace,
        connections,
        in_flight,
        ..
    } = *options;
    let wrong = if spans_per_trace == 0 || spans_per_request == 0 {
        format!("a request of {spans_per_request} spans in traces of {spans_per_trace} is empty")
    } else if spans_per_request % spans_per_trace != 0 {
        format!(
            "--spans-per-request {spans_per_request} is no multiple of --spans-per-trace {spans_per_trace}"
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

fn templates(options: &Options, rng: &mut Rng) -> Vec<Template> {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let shape = Shape {
        spans_per_request: options.spans_per_request,
        spans_per_trace: options.spans_per_trace,
        error_share: options.error_share,
        slow_share: options.slow_share,
        base_ns: u64::try_from(since_epoch.as_nanos()).unwrap_or(0),
    };
    let traces_per_request = options.spans_per_request / options.spans_per_trace;
    let count = TEMPLATE_TRACES.div_ceil(traces_per_request);
    (0..count).map(|_| Template::new(rng, shape)).collect()
}

/// Sends one request after the other until there is no further turn.
async fn work(
    shared: Rc<Shared>,
    connection: Connection,
    mut rng: Rng,
) -> Result<Tally, LoadError> {
    let mut tally = Tally::new()?;
    let mut span_ids = Vec::new();
    let spans = shared.options.spans_per_request as u64;
    while let Some((turn, due)) = shared.turn() {
        if due > Instant::now() {
            tokio::time::sleep_until(due.into()).await;
        }
        let template = &shared.templates[turn as usize % shared.templates.len()];
        let frame = template.stamp(&mut rng, &mut span_ids);
        let frame = Bytes::from(if shared.options.gzip {
            compress(&frame)?
        } else {
            frame
        });
        tally.offer(spans);
        loop {
            match connection.export(frame.clone()).await {
                Ok(answer) => {
                    tally.answer(&answer, spans, due.elapsed());
                    if answer == (Answer::Acknowledged { rejected: 0 }) {
                        shared.note_acked(&span_ids)?;
                    }
                    if answer != Answer::Refused || !shared.options.retry || shared.over() {
                        break;
                    }
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(_) => {
                    tally.break_off(spans);
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

/// The same frame with its message compressed.
fn compress(frame: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(vec![0; FRAME_HEADER], Compression::fast());
    encoder.write_all(&frame[FRAME_HEADER..])?;
    let mut compressed = encoder.finish()?;
    let length = (compressed.len() - FRAME_HEADER) as u32;
    compressed[0] = 1;
    compressed[1..FRAME_HEADER].copy_from_slice(&length.to_be_bytes());
    Ok(compressed)
}

/// User and system time of this process: fields 14 and 15 of its stat, in hundredths of a second.
fn own_cpu_seconds() -> std::io::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The program's name, field 2, may hold spaces; it ends at the last parenthesis.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(ticks as f64 / 100.0)
}
