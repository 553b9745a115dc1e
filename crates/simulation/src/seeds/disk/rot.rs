//! A disk that lies: bits flip.

use std::path::Path;

use super::{Disk, Inode, State};

/// What stands near the begin of a file: the marks of a segment of the outbox.
const HEAD: u64 = 2_000;

impl Disk {
    /// Flip bits of files in this directory or below it, as many as asked for; returns how many.
    pub fn rot(&self, flips: u64, directory: &Path) -> u64 {
        let mut state = self.state();
        let names = state.inside(directory);
        let mut done = 0;
        for _ in 0..flips {
            if !names.is_empty() {
                let file = names[state.dice.below(names.len() as u64) as usize];
                done += u64::from(state.flip(file, u64::MAX));
            }
        }
        done
    }

    /// Flip bits near the begin of every file in this directory; returns how many.
    pub fn rot_heads(&self, directory: &Path) -> u64 {
        let mut state = self.state();
        let names = state.inside(directory);
        let every = names.iter().flat_map(|file| [*file; 4]);
        every.map(|file| u64::from(state.flip(file, HEAD))).sum()
    }
}

impl State {
    /// The files in this directory or below it.
    fn inside(&self, directory: &Path) -> Vec<Inode> {
        let inside = self.names.iter();
        let inside = inside.filter(|(path, _)| path.starts_with(directory));
        inside.map(|(_, inode)| *inode).collect()
    }

    /// Flip a bit among the first so many bytes of a file; false if it has none.
    fn flip(&mut self, file: Inode, within: u64) -> bool {
        let Self { files, dice, .. } = self;
        let file = &mut files[file];
        let length = file.seen.len().min(file.durable.len()) as u64;
        if length == 0 {
            return false;
        }
        let at = dice.below(length.min(within)) as usize;
        let bit = 1 << dice.below(8);
        file.seen[at] ^= bit;
        file.durable[at] ^= bit;
        true
    }
}
