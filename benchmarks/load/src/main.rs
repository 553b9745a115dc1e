//! `tailsampler-load`: offers OTLP/gRPC trace requests and counts what became of them.
//!
//! Layout: `options` is the command line; `traces` makes realistic spans; `template` encodes
//! requests once and knows where their ids lie; `connection` is one HTTP/2 client; `tally` counts
//! outcomes and latencies; `load` drives connections until the amount or the time is reached.
//!
//! Everything but the ids is encoded before the clock starts, so that on a shared machine the
//! generator takes as little from the gateway's processors as it can.

mod connection;
mod load;
mod options;
mod tally;
mod template;
#[cfg(test)]
mod tests;
mod traces;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::options::Options;

fn main() -> ExitCode {
    let options = Options::parse();
    match run(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "tailsampler-load: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs the load and prints the tally as one line of JSON; false if a connection broke.
fn run(options: Options) -> Result<bool, load::LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(load::run(options))?;
    let line = serde_json::to_string(&report).map_err(std::io::Error::from)?;
    writeln!(std::io::stdout(), "{line}")?;
    Ok(report.broken_connections == 0)
}
