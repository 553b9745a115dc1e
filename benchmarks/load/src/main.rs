//! `tailsampler-load`: offers OTLP trace requests and counts what became of them.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use tailsampler_load::load;
use tailsampler_load::options::Options;

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
