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

/// Numbers begin here where the file was damaged: no earlier tenant had one of them.
const BEYOND: u16 = 1 << 15;

/// The tenants that have ever been configured.
#[derive(Clone, Debug, Default)]
pub struct Tenants {
    /// By position in the configuration.
    numbers: Vec<u16>,
    names: BTreeMap<u16, String>,
}

impl Tenants {
    /// Read who has which number, and give one to those who are new; whether the file was damaged.
    /// `configured` begins with the default tenant, or is empty.
    ///
    /// # Errors
    /// Whatever the disk says; or there are no numbers left.
    pub(crate) fn open(
        fs: &dyn FileSystem,
        directory: &Path,
        configured: &[String],
    ) -> io::Result<(Self, bool)> {
        let read = guarded::read::<BTreeMap<u16, String>>(fs, directory, TENANTS)?;
        let damaged = matches!(read, Guarded::Damaged);
        let mut tenants = Self::default();
        if let Guarded::Whole(names, _) = read {
            tenants.names = names;
        }
        let known = tenants.names.len();
        let least = if damaged { BEYOND } else { 1 };
        for name in configured {
            let number = tenants.number_of(name, least)?;
            tenants.numbers.push(number);
        }
        if tenants.names.len() > known {
            guarded::write(fs, directory, TENANTS, &tenants.names)?;
        }
        Ok((tenants, damaged))
    }

    fn number_of(&mut self, name: &str, least: u16) -> io::Result<u16> {
        if name == DEFAULT {
            return Ok(0);
        }
        if let Some((number, _)) = self.names.iter().find(|(_, other)| *other == name) {
            return Ok(*number);
        }
        let last = self.names.keys().next_back();
        let next = last.map_or(Some(least), |last| last.max(&(least - 1)).checked_add(1));
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
            _ => self.names.get(&number).map_or("unknown", |name| name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemoryDisk;

    fn open(fs: &MemoryDisk, names: &[&str]) -> (Tenants, bool) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        Tenants::open(fs, Path::new("data"), &names).unwrap()
    }

    /// A tenant keeps its number in whatever order, and while it is not configured at all.
    #[test]
    fn numbers_stay() {
        let disk = MemoryDisk::default();
        let (first, _) = open(&disk, &["default", "shop", "search"]);
        assert_eq!([0, 1, 2].map(|at| first.number(at)), [0, 1, 2]);
        let (next, damaged) = open(&disk, &["default", "search", "new"]);
        assert_eq!([0, 1, 2].map(|at| next.number(at)), [0, 2, 3]);
        assert_eq!(
            [0, 1, 3, 9].map(|n| next.name(n)),
            ["default", "shop", "new", "unknown"]
        );
        assert!(!damaged);
    }

    /// Where nobody knows any more who had which number, nobody gets one that was another's.
    #[test]
    fn damage_mixes_up_nobody() {
        let disk = MemoryDisk::default();
        open(&disk, &["default", "shop"]);
        for name in ["data/tenants.json", "data/tenants.copy.json"] {
            disk.replace(Path::new(name), b"{}").unwrap();
        }
        let (tenants, damaged) = open(&disk, &["default", "search"]);
        assert!(damaged);
        assert_eq!(tenants.number(1), BEYOND);
        assert_eq!(tenants.name(1), "unknown");
        let (tenants, damaged) = open(&disk, &["default", "shop", "search"]);
        assert!(!damaged);
        assert_eq!([1, 2].map(|at| tenants.number(at)), [BEYOND + 1, BEYOND]);
    }
}
