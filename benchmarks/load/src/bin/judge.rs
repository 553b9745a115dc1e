//! `tailsampler-judge`: how long the core takes to judge traces that fall due together.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;
use tailsampler_core::options::Options;
use tailsampler_load::judged::Judged;

/// Take in traces, judge them all, and report, as JSON, what that took on one thread.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Options of the core as JSON, the plan among them.
    #[arg(long)]
    options: PathBuf,
    /// Traces that fall due together, at least.
    #[arg(long, default_value_t = 10_000)]
    traces: usize,
    /// Spans in every trace: 1, 2, 4, ... 512.
    #[arg(long, default_value_t = 8)]
    spans_per_trace: usize,
    /// Rounds, after one that is not counted.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "tailsampler-judge: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let options: Options = serde_json::from_slice(&std::fs::read(&arguments.options)?)?;
    if !(arguments.spans_per_trace.is_power_of_two() && arguments.spans_per_trace <= 512) {
        return Err("--spans-per-trace is 1, 2, 4, ... 512".into());
    }
    let mut core = Judged::new(options, arguments.spans_per_trace)?;
    let (mut ingest, mut judge, mut traces) = (Vec::new(), Vec::new(), 0);
    for round in 0..=arguments.rounds {
        let (took, judged) = core.round(arguments.traces)?;
        traces = judged;
        if round > 0 {
            ingest.push(took.ingest.as_secs_f64() * 1e3);
            judge.push(took.judge.as_secs_f64() * 1e3);
        }
    }
    let told = json!({
        "traces": traces,
        "spans": traces * arguments.spans_per_trace,
        "ingest_ms": ingest,
        "judge_ms": judge,
    });
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}
