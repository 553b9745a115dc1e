//! `tailsampler-simulate crash-points [--scripts N] [--steps N] [--matching TEXT] [--json]`

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use serde_json::json;
use tailsampler_simulation::points::{Extent, Tally, enumerate};

const USAGE: &str = "\
usage: tailsampler-simulate crash-points [--scripts N] [--steps N] [--matching TEXT] [--json]

Plays seeded scripts on a disk that remembers every operation, stops the machine after each of
them (the process dies; dies within the next one; the power goes and takes what was not synced,
or some of it), starts again on what is left, and holds the gateway to what it had promised.
Exit status 1 if a promise was broken. --matching 7-always-31-torn runs one point.
";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "tailsampler-simulate: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<bool, String> {
    if arguments.next().as_deref() != Some("crash-points") {
        return Err(USAGE.to_owned());
    }
    let mut extent = Extent {
        scripts: 40,
        steps: 60,
        matching: String::new(),
    };
    let mut as_json = false;
    while let Some(option) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{option} needs a value"))
        };
        let number = |text: String| text.parse().map_err(|_| format!("{text} is no number"));
        match option.as_str() {
            "--scripts" => extent.scripts = number(value()?)?,
            "--steps" => extent.steps = number(value()?)? as usize,
            "--matching" => extent.matching = value()?.to_lowercase(),
            "--json" => as_json = true,
            _ => return Err(format!("{option} is not known\n{USAGE}")),
        }
    }
    let began = Instant::now();
    let tally = enumerate(&extent);
    let seconds = began.elapsed().as_secs_f64();
    let text = if as_json {
        as_json_text(&tally, seconds)
    } else {
        as_table(&tally, seconds)
    };
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(tally.violations.is_empty())
}

fn as_json_text(tally: &Tally, seconds: f64) -> String {
    let violations: Vec<_> = tally
        .violations
        .iter()
        .map(|one| json!({"point": one.point, "what": one.what}))
        .collect();
    let value = json!({
        "workloads": tally.workloads, "operations": tally.operations, "points": tally.points,
        "violations": violations, "seconds": seconds,
    });
    format!("{value:#}\n")
}

fn as_table(tally: &Tally, seconds: f64) -> String {
    let mut text = format!(
        "workloads        {:>10}\noperations       {:>10}\ncrash points     {:>10}\n\
         violations       {:>10}\nseconds          {seconds:>10.1}\n",
        tally.workloads,
        tally.operations,
        tally.points,
        tally.violations.len(),
    );
    for one in tally.violations.iter().take(20) {
        text += &format!("  {}: {}\n", one.point, one.what);
    }
    text
}
