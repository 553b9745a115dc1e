//! `tailsampler-simulate crash-points | seeds | ring`

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};
use tailsampler_simulation::points::{Extent, enumerate};
use tailsampler_simulation::ring::{self, Event, Sampler, Scenario};
use tailsampler_simulation::seeds::{self, Manner};

const USAGE: &str = "\
usage: tailsampler-simulate crash-points [--scripts N] [--steps N] [--matching TEXT] [--json]
       tailsampler-simulate seeds [--from N] [--seeds N] [--rounds N] [--until-found] [--loud]
                                 [--canary] [--json]
       tailsampler-simulate ring [--gateways N] [--traces N] [--rate N] [--json]

crash-points  Plays seeded scripts on a disk that remembers every operation, stops the machine
              after each of them (the process dies; dies within the next one; the power goes and
              takes what was not synced, or some of it), starts again on what is left, and holds
              the gateway to what it had promised. --matching 7-always-31-torn runs one point.
seeds         Plays long lives: two workloads, a gateway whose threads take turns in any order,
              backends with every answer, a disk that fails, fills, hangs and loses power; holds
              the gateway to the truth after every step. --from 4711 --seeds 1 --loud plays one
              seed again, and tells what happens; --canary lies, and must find something.
ring          Sends traces through a hash ring of gateways to which something happens once a minute,
              and counts what arrives whole, in part, or not at all: for gateways that share
              verdicts, for gateways that do not, and for a model that holds traces in memory.

Exit status 1 if a promise was broken.
";

/// A table for people, and the same for machines.
struct Report {
    rows: Vec<(String, Value)>,
    json: Value,
    violations: Vec<(String, String)>,
}

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

#[derive(Default)]
struct Arguments {
    numbers: Vec<(String, u64)>,
    matching: String,
    json: bool,
    until_found: bool,
    loud: bool,
    canary: bool,
}

impl Arguments {
    fn parse(mut from: impl Iterator<Item = String>, known: &[&str]) -> Result<Self, String> {
        let mut arguments = Self::default();
        while let Some(option) = from.next() {
            if !known.contains(&&*option) {
                return Err(format!("{option} is not known\n{USAGE}"));
            }
            let mut value = || from.next().ok_or_else(|| format!("{option} needs a value"));
            match option.as_str() {
                "--json" => arguments.json = true,
                "--canary" => arguments.canary = true,
                "--loud" => arguments.loud = true,
                "--until-found" => arguments.until_found = true,
                "--matching" => arguments.matching = value()?.to_lowercase(),
                _ => {
                    let text = value()?;
                    let number = text.parse().map_err(|_| format!("{text} is no number"))?;
                    arguments.numbers.push((option, number));
                }
            }
        }
        Ok(arguments)
    }

    fn number(&self, option: &str, or: u64) -> u64 {
        let given = self.numbers.iter().rev().find(|(name, _)| name == option);
        given.map_or(or, |(_, number)| *number)
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<bool, String> {
    let began = Instant::now();
    let (mut report, as_json) = match arguments.next().as_deref() {
        Some("crash-points") => {
            let known = ["--scripts", "--steps", "--matching", "--json"];
            let arguments = Arguments::parse(arguments, &known)?;
            (crash_points(&arguments), arguments.json)
        }
        Some("seeds") => {
            let known = [
                "--from",
                "--seeds",
                "--rounds",
                "--until-found",
                "--loud",
                "--canary",
                "--json",
            ];
            let arguments = Arguments::parse(arguments, &known)?;
            (seeds(&arguments), arguments.json)
        }
        Some("ring") => {
            let known = ["--gateways", "--traces", "--rate", "--json"];
            let arguments = Arguments::parse(arguments, &known)?;
            (rings(&arguments), arguments.json)
        }
        _ => return Err(USAGE.to_owned()),
    };
    let seconds = began.elapsed().as_secs_f64();
    report.json["seconds"] = json!(seconds);
    let text = if as_json {
        format!("{:#}\n", report.json)
    } else {
        as_table(&report, seconds)
    };
    let written = io::stdout().write_all(text.as_bytes());
    written.map_err(|error| error.to_string())?;
    Ok(report.violations.is_empty())
}

fn crash_points(arguments: &Arguments) -> Report {
    let tally = enumerate(&Extent {
        scripts: arguments.number("--scripts", 40),
        steps: arguments.number("--steps", 60) as usize,
        matching: arguments.matching.clone(),
    });
    let violations: Vec<_> = tally
        .violations
        .into_iter()
        .map(|one| (one.point, one.what))
        .collect();
    Report {
        rows: named([
            ("workloads", json!(tally.workloads)),
            ("operations", json!(tally.operations)),
            ("crash points", json!(tally.points)),
        ]),
        json: json!({
            "workloads": tally.workloads, "operations": tally.operations, "points": tally.points,
            "violations": violations,
        }),
        violations,
    }
}

fn rings(arguments: &Arguments) -> Report {
    let gateways = arguments.number("--gateways", 4) as usize;
    let traces = arguments.number("--traces", 100_000);
    let traces_per_s = arguments.number("--rate", 1_000);
    let scenario = |event, sampler| Scenario {
        gateways,
        traces,
        traces_per_s,
        event,
        sampler,
    };
    let scenarios: Vec<_> = Event::ALL
        .into_iter()
        .flat_map(|event| Sampler::ALL.map(|sampler| scenario(event, sampler)))
        .collect();
    let fates = in_parallel(&scenarios);
    let mut violations = Vec::new();
    let mut found = Vec::new();
    for (scenario, fates) in scenarios.iter().zip(fates) {
        let name = format!("{}; {}", scenario.event.words(), scenario.sampler.words());
        // Nobody keeps what went with a disk, nor what stood in memory alone.
        let promised = scenario.sampler != Sampler::InMemory && scenario.event != Event::IsLost;
        if fates.split_by_r > 0 && promised {
            let what = format!(
                "{} traces that R alone decides were split",
                fates.split_by_r
            );
            violations.push((name.clone(), what));
        }
        if fates.lost > 0 && promised {
            violations.push((name.clone(), format!("{} traces were lost", fates.lost)));
        }
        found.push((name, fates));
    }
    let told: serde_json::Map<_, _> = found
        .iter()
        .map(|(name, fates)| (name.clone(), json!(fates)))
        .collect();
    let words = |fates: &ring::Fates| {
        format!(
            "{} wanted: {} whole, {} split, {} lost",
            fates.wanted, fates.whole, fates.split, fates.lost
        )
    };
    Report {
        rows: found
            .iter()
            .map(|(name, fates)| (name.clone(), json!(words(fates))))
            .collect(),
        json: json!({
            "gateways": gateways, "traces": traces, "traces_per_s": traces_per_s,
            "fates": told, "violations": violations,
        }),
        violations,
    }
}

/// The fates of each, in their order.
fn in_parallel(scenarios: &[Scenario]) -> Vec<ring::Fates> {
    let terminal = io::stderr().is_terminal();
    let all: u64 = scenarios.iter().map(|one| one.traces).sum();
    let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
    let work = || {
        let mut found = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(&scenario) = scenarios.get(at) else {
                return found;
            };
            let mut before = 0;
            let fates = ring::play(scenario, |traces| {
                let sum = done.fetch_add(traces - before, Ordering::Relaxed) + traces - before;
                before = traces;
                if terminal {
                    let _ = write!(io::stderr(), "\r{sum} of {all} traces ");
                }
            });
            found.push((at, fates));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut found: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    if terminal {
        let _ = write!(io::stderr(), "\r{:60}\r", "");
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, fates)| fates).collect()
}

fn seeds(arguments: &Arguments) -> Report {
    let from = arguments.number("--from", 0);
    let count = arguments.number("--seeds", 200);
    let rounds = arguments.number("--rounds", seeds::ROUNDS);
    if arguments.loud {
        (from..from + count).for_each(|seed| drop(seeds::play(seed, rounds, Manner::Loud)));
    }
    let terminal = io::stderr().is_terminal();
    let progress = |tally: &seeds::Tally| {
        if terminal && tally.seeds.is_multiple_of(16) {
            let _ = write!(io::stderr(), "\r{} of {count} seeds ", tally.seeds);
        }
    };
    let manner = if arguments.canary {
        Manner::Lying
    } else {
        Manner::Quiet
    };
    let until = arguments.until_found;
    let tally = seeds::swarm(from..from + count, (rounds, manner), until, progress);
    if terminal {
        let _ = write!(io::stderr(), "\r{:30}\r", "");
    }
    let hours = tally.simulated_ms as f64 / 3.6e6;
    let violations: Vec<_> = tally
        .violations
        .iter()
        .map(|(seed, what)| (format!("--from {seed} --seeds 1"), what.clone()))
        .collect();
    let mut rows = named([
        ("seeds", json!(tally.seeds)),
        ("simulated hours", json!(hours.round())),
        ("turns", json!(tally.turns)),
        ("operations of the disk", json!(tally.operations)),
        ("starts", json!(tally.starts)),
        ("spans sent", json!(tally.spans)),
        ("rare things seen", json!(tally.seen.len())),
        ("hash", json!(format!("{:016x}", tally.hash))),
    ]);
    if count > 1 {
        let seen = tally.seen.iter();
        rows.extend(seen.map(|(what, seeds)| ((*what).to_owned(), json!(seeds))));
    }
    Report {
        rows,
        json: json!({
            "seeds": tally.seeds, "simulated_hours": hours, "turns": tally.turns,
            "operations": tally.operations, "starts": tally.starts, "spans": tally.spans,
            "hash": format!("{:016x}", tally.hash), "seen": tally.seen,
            "violations": tally.violations,
        }),
        violations,
    }
}

fn named<const N: usize>(rows: [(&str, Value); N]) -> Vec<(String, Value)> {
    rows.map(|(name, value)| (name.to_owned(), value)).into()
}

fn as_table(report: &Report, seconds: f64) -> String {
    let mut text = String::new();
    for (name, value) in &report.rows {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        text += &format!("{name:<44} {value:>16}\n");
    }
    text += &format!("{:<44} {:>16}\n", "violations", report.violations.len());
    text += &format!("{:<44} {seconds:>16.1}\n", "seconds");
    for (point, what) in report.violations.iter().take(20) {
        text += &format!("  {point}: {what}\n");
    }
    text
}
