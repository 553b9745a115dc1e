//! `seeds TARGET DIRECTORY`: write the inputs that a target begins with.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use tailsampler_fuzz::seeds::{TARGETS, of};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [target, directory] = arguments.as_slice() else {
        return failed("usage: seeds TARGET DIRECTORY");
    };
    if !TARGETS.contains(&target.as_str()) {
        return failed(&format!(
            "{target} is no target; there are {}",
            TARGETS.join(", ")
        ));
    }
    match write(target, Path::new(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("{directory}: {error}")),
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(2)
}

fn write(target: &str, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for (number, input) in of(target).iter().enumerate() {
        fs::write(directory.join(format!("seed-{number:03}")), input)?;
    }
    Ok(())
}
