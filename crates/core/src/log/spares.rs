//! Segments that nothing needs any more, kept to be written over: a file whose pages are in memory
//! and whose blocks are on the disk costs a fraction of a new one, and nothing to remove.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fs::{File, FileSystem};

/// Begins the names of the files.
const PREFIX: &str = "spare-";

/// The spare files of one log. Clones are the same ones.
#[derive(Clone, Debug)]
pub struct Spares(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Files at most.
    most: usize,
    files: VecDeque<PathBuf>,
    /// Files that the disk has failed on.
    unfit: Vec<PathBuf>,
    /// Files on their way here.
    coming: usize,
    /// No name is given twice: another thread may be about to take what bears it.
    next: u64,
}

impl Spares {
    /// Those of a log in this directory: none yet, and none wanted.
    pub(super) fn new(directory: &Path) -> Self {
        Self(Arc::new(Inner {
            directory: directory.to_owned(),
            state: Mutex::default(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn want(&self, most: usize) {
        self.state().most = most;
    }

    /// Remove what an earlier process left: whether its pages are in memory is not known.
    pub(super) fn remove_old(fs: &dyn FileSystem, directory: &Path, names: &[String]) {
        for name in names.iter().filter(|name| name.starts_with(PREFIX)) {
            let _ = fs.remove(&directory.join(name)); // or at the next start
        }
    }

    /// A file is not to be kept: the disk has failed on it.
    pub(super) fn refuse(&self, path: &Path) {
        self.state().unfit.push(path.to_owned());
    }

    /// Keep a file of this log, which is durable to be of no use; None if it is to be removed,
    /// since there are enough of them or it belongs elsewhere.
    pub fn keep(&self, fs: &dyn FileSystem, path: &Path) -> Option<io::Result<()>> {
        let mut state = self.state();
        if let Some(at) = state.unfit.iter().position(|unfit| unfit == path) {
            state.unfit.swap_remove(at);
            return None;
        }
        let wanted = state.files.len() + state.coming < state.most;
        if !wanted || path.parent() != Some(&self.0.directory) {
            return None;
        }
        state.coming += 1;
        state.next += 1;
        let spare = self.0.directory.join(format!("{PREFIX}{}", state.next));
        drop(state); // nobody who writes waits for the disk
        let kept = fs.retire(path, &spare);
        let mut state = self.state();
        state.coming -= 1;
        if kept.is_ok() {
            state.files.push_back(spare);
        }
        Some(kept)
    }

    /// A spare file under the name of a segment, to be written to from its begin; None if there is
    /// none, or the disk refused.
    pub(super) fn take(&self, fs: &dyn FileSystem, segment: &Path) -> Option<Arc<dyn File>> {
        let spare = self.state().files.pop_front()?;
        let taken = fs.reuse(&spare, segment);
        if taken.is_err() {
            let _ = fs.remove(&spare); // or at the next start
        }
        taken.ok()
    }

    /// Give their room back.
    pub fn clear(&self, fs: &dyn FileSystem) {
        let files = std::mem::take(&mut self.state().files);
        for path in files {
            let _ = fs.remove(&path); // or at the next start
        }
    }
}
