//! The names of files: which there are, and which of them would survive.

use std::io;
use std::path::{Path, PathBuf};

use super::{Inode, State};

/// A change that is not durable.
#[derive(Clone)]
pub(super) enum Naming {
    Create(PathBuf, Inode),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl Naming {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Create(path, _) | Self::Remove(path) | Self::Rename(_, path) => path,
        }
    }
}

impl State {
    pub(super) fn settle_names(&mut self, directory: &Path) {
        for naming in std::mem::take(&mut self.fresh_names) {
            if naming.path().parent() == Some(directory) {
                self.name_for_good(&naming);
            } else {
                self.fresh_names.push(naming);
            }
        }
    }

    pub(super) fn name_for_good(&mut self, naming: &Naming) {
        match naming {
            Naming::Create(path, inode) => drop(self.durable_names.insert(path.clone(), *inode)),
            Naming::Remove(path) => drop(self.durable_names.remove(path)),
            Naming::Rename(from, to) => {
                if let Some(inode) = self.durable_names.remove(from) {
                    self.durable_names.insert(to.clone(), inode);
                }
            }
        }
    }

    /// A file has another name from now on, which is not durable yet.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<Inode> {
        let inode = self.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.names.insert(to.to_owned(), inode);
        let naming = Naming::Rename(from.to_owned(), to.to_owned());
        self.fresh_names.push(naming);
        Ok(inode)
    }
}
