//! Repair a data directory, so that what was damaged is told no more, and nothing else is lost.

use std::collections::HashMap;
use std::io::IoSlice;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{DataDirectory, InspectError, LOGS};
use crate::engine::{CHECKPOINT, stored_plan_names};
use crate::fs::guarded::{self, Guarded};
use crate::log::{Patch, patch};
use crate::tenants::TENANTS;

/// Bytes that are no record any longer, nor in the way.
#[derive(Clone, Debug, Serialize)]
pub struct Repaired {
    /// The file.
    pub path: String,
    /// Where they stand in it.
    pub offset: u64,
    /// How many were damaged.
    pub bytes: u64,
    /// What stood where a header stands now, in hexadecimal.
    pub was: String,
}

/// What cannot be repaired, since nothing of it is left.
#[derive(Clone, Debug, Serialize)]
pub struct Left {
    /// The file, or the one after which bytes are missing.
    pub path: String,
    /// Why.
    pub why: &'static str,
}

/// What a repair did, or would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Repairs {
    /// In the logs.
    pub repaired: Vec<Repaired>,
    /// Small files written anew from their other copy.
    pub rewritten: Vec<String>,
    /// What stays as it is.
    pub left: Vec<Left>,
}

impl Repairs {
    /// The name of the file that says what stood where, in the data directory.
    pub const JOURNAL: &str = "repairs.jsonl";
}

impl DataDirectory {
    /// Repair it. With `dry_run` nothing is written.
    ///
    /// What is written over stands in [`Repairs::JOURNAL`] first.
    ///
    /// # Errors
    /// [`InspectError`]; to repair once more goes on where this stopped.
    pub fn repair(&self, dry_run: bool) -> Result<Repairs, InspectError> {
        let mut repairs = Repairs::default();
        let mut patches = Vec::new();
        for log in LOGS {
            self.look(log, &mut repairs, &mut patches)?;
        }
        if !dry_run {
            if self.lock.is_none() {
                return Err(self.failed(std::io::ErrorKind::ReadOnlyFilesystem.into()));
            }
            self.write_down(&repairs)?;
            for (path, patch) in &patches {
                self.apply(path, patch)?;
            }
        }
        self.rewrite(dry_run, &mut repairs)?;
        Ok(repairs)
    }

    /// Find what is to be repaired in a log.
    fn look(
        &self,
        log: &'static str,
        repairs: &mut Repairs,
        patches: &mut Vec<(PathBuf, Patch)>,
    ) -> Result<(), InspectError> {
        let reader = self.reader(log)?;
        let mut records = reader.records(0);
        let mut headers = HashMap::new();
        while let Some(record) = records.next_found()? {
            if !record.whole {
                headers.insert(record.position, record.header);
            }
        }
        for damage in records.damage() {
            if damage.at_end && damage.cut_short {
                continue; // that is what a crash leaves; it is in nobody's way
            }
            let path = reader.path_of(damage.position);
            match patch(&reader, damage, headers.get(&damage.position).copied())? {
                Some(patch) => {
                    repairs.repaired.push(Repaired {
                        path,
                        offset: patch.position - patch.base,
                        bytes: damage.bytes,
                        was: patch.old.iter().map(|byte| format!("{byte:02x}")).collect(),
                    });
                    let name = reader.name_of(patch.base);
                    patches.push((self.path.join(log).join(name), patch));
                }
                None => repairs.left.push(Left {
                    path,
                    why: "what should stand behind it is gone",
                }),
            }
        }
        Ok(())
    }

    /// Add to the journal what is about to be written over.
    fn write_down(&self, repairs: &Repairs) -> Result<(), InspectError> {
        if repairs.repaired.is_empty() {
            return Ok(());
        }
        let path = self.path.join(Repairs::JOURNAL);
        let before = self.fs.read(&path).map_err(|error| self.failed(error))?;
        let mut lines = before.unwrap_or_default();
        for one in &repairs.repaired {
            lines.extend(serde_json::to_vec(one).unwrap_or_default());
            lines.push(b'\n');
        }
        let written = self.fs.replace(&path, &lines);
        written.map_err(|error| self.failed(error))
    }

    fn apply(&self, path: &Path, patch: &Patch) -> Result<(), InspectError> {
        let write = || {
            let file = self.fs.open(path)?;
            let mut parts = [IoSlice::new(&patch.new)];
            file.write_at(patch.position - patch.base, &mut parts)?;
            file.sync()
        };
        write().map_err(|error| InspectError::Io {
            path: path.display().to_string(),
            error,
        })
    }

    /// Bring both copies of the small files to what the whole one says.
    fn rewrite(&self, dry_run: bool, repairs: &mut Repairs) -> Result<(), InspectError> {
        let directory = self.path.as_path();
        let plans = directory.join("plans");
        let mut names = [CHECKPOINT, TENANTS]
            .map(|name| (directory, name.to_owned()))
            .to_vec();
        let stored = stored_plan_names(&*self.fs, directory).map_err(|error| self.failed(error))?;
        names.extend(stored.into_iter().map(|name| (plans.as_path(), name)));
        for (directory, name) in names {
            let path = directory.join(&name).with_extension("json");
            let path = path.display().to_string();
            let failed = |error| InspectError::Io {
                path: path.clone(),
                error,
            };
            // Whatever this version knows of its content.
            let found = guarded::look::<serde_json::Value>(&*self.fs, directory, &name);
            match found.map_err(failed)? {
                Guarded::Whole(_, true) => {
                    if !dry_run {
                        guarded::restore(&*self.fs, directory, &name).map_err(failed)?;
                    }
                    repairs.rewritten.push(path);
                }
                Guarded::Damaged => repairs.left.push(Left {
                    path,
                    why: "no whole copy of it is left",
                }),
                Guarded::Whole(_, false) | Guarded::Absent => {}
            }
        }
        Ok(())
    }

    fn failed(&self, error: std::io::Error) -> InspectError {
        InspectError::Io {
            path: self.path.display().to_string(),
            error,
        }
    }
}
