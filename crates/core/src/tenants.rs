//! Which tenant a number in the logs means.
//!
//! Configurations name tenants in an order that may change; what is held on the disk must not
//! change hands with it. So a name gets a number once, and keeps it for as long as the data
//! directory lives.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::fs::FileSystem;
use crate::fs::guarded::{self, Guarded};
use crate::intake::Tenant;

/// The file in the data directory, without what ends its name.
pub(crate) const TENANTS: &str = "tenants";

/// Spans of no tenant in particular.
const DEFAULT: &str = "default";

/// Whose name is lost; nobody can be called so.
const UNKNOWN: &str = "_unknown";

/// The tenants that have ever been configured.
#[derive(Clone, Debug, Default)]
pub struct Tenants {
    /// By position in the configuration.
    numbers: Vec<u16>,
    names: BTreeMap<u16, String>,
}

impl Tenants {
    /// Read who has which number; whether the file is damaged.
    ///
    /// # Errors
    /// Whatever the disk says.
    pub(crate) fn read(fs: &dyn FileSystem, directory: &Path) -> io::Result<(Self, bool)> {
        let read = guarded::read::<BTreeMap<u16, String>>(fs, directory, TENANTS)?;
        let damaged = matches!(read, Guarded::Damaged);
        let mut tenants = Self::default();
        if let Guarded::Whole(names, _) = read {
            tenants.names = names;
        }
        Ok((tenants, damaged))
    }

    /// Give those who are new a number: behind all that are known, and behind `most`, the largest in
    /// the logs, whose name may be lost. `configured` begins with the default tenant, or is empty.
    ///
    /// # Errors
    /// Whatever the disk says of writing down somebody new; or there are no numbers left.
    pub(crate) fn number_all(
        &mut self,
        fs: &dyn FileSystem,
        directory: &Path,
        configured: &[String],
        most: u16,
    ) -> io::Result<()> {
        let known = self.names.len();
        for name in configured {
            let number = self.number_of(name, most)?;
            self.numbers.push(number);
        }
        if configured.is_empty() {
            return Ok(());
        }
        // Also where nobody is new: a copy may be damaged, or older than the other one.
        let written = guarded::write(fs, directory, TENANTS, &self.names);
        if self.names.len() > known {
            written?;
        }
        Ok(())
    }

    fn number_of(&mut self, name: &str, most: u16) -> io::Result<u16> {
        if name == DEFAULT {
            return Ok(0);
        }
        if let Some((number, _)) = self.names.iter().find(|(_, other)| *other == name) {
            return Ok(*number);
        }
        let last = self.names.keys().next_back().copied().unwrap_or(0);
        let next = last.max(most).checked_add(1);
        let number = next.ok_or_else(|| io::Error::other("more tenants than there are numbers"))?;
        self.names.insert(number, name.to_owned());
        Ok(number)
    }

    /// The number in the logs of the tenant at this position of the configuration.
    #[must_use]
    pub fn number(&self, position: Tenant) -> u16 {
        let number = self.numbers.get(usize::from(position));
        number.copied().unwrap_or(0)
    }

    /// Whom a number in the logs means.
    #[must_use]
    pub fn name(&self, number: u16) -> &str {
        match number {
            0 => DEFAULT,
            _ => self.names.get(&number).map_or(UNKNOWN, |name| name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemoryDisk;

    fn open(fs: &MemoryDisk, names: &[&str], most: u16) -> (Tenants, bool) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let (mut tenants, damaged) = Tenants::read(fs, Path::new("data")).unwrap();
        tenants
            .number_all(fs, Path::new("data"), &names, most)
            .unwrap();
        (tenants, damaged)
    }

    /// A tenant keeps its number in whatever order, and while it is not configured at all.
    #[test]
    fn numbers_stay() {
        let disk = MemoryDisk::default();
        let (first, _) = open(&disk, &["default", "shop", "search"], 0);
        assert_eq!([0, 1, 2].map(|at| first.number(at)), [0, 1, 2]);
        let (next, damaged) = open(&disk, &["default", "search", "new"], 2);
        assert_eq!([0, 1, 2].map(|at| next.number(at)), [0, 2, 3]);
        assert_eq!(
            [0, 1, 3, 9].map(|number| next.name(number)),
            ["default", "shop", "new", "_unknown"]
        );
        assert!(!damaged);
    }

    /// Where nobody knows any more who had which number, nobody gets one that stands in the logs,
    /// however often that happens.
    #[test]
    fn damage_mixes_up_nobody() {
        let disk = MemoryDisk::default();
        open(&disk, &["default", "shop"], 0);
        let mut most = 1;
        for round in 0..3 {
            for name in ["data/tenants.json", "data/tenants.copy.json"] {
                disk.replace(Path::new(name), b"{}").unwrap();
            }
            let (tenants, damaged) = open(&disk, &["default", "search", "shop"], most);
            assert!(damaged, "round {round}");
            assert_eq!([1, 2].map(|at| tenants.number(at)), [most + 1, most + 2]);
            assert_eq!(tenants.name(most), "_unknown");
            most += 2;
        }
    }
}
