//! Networks that are known by name: `models/catalog.toml`.

use serde::{Deserialize, Serialize};

use super::{HubError, Reference};
use crate::digest::Digest;
use crate::manifest::Preprocess;

const TEXT: &str = include_str!("../../models/catalog.toml");

/// One network of the catalogue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub name: String,
    /// What fetches it.
    pub from: String,
    /// Of its file, or nearly.
    pub bytes: u64,
    pub sha256: Option<Digest>,
    /// Pixels a side.
    pub input: u32,
    /// Numbers of its last map.
    pub features: usize,
    /// Percent right on ImageNet's validation pictures, as published.
    pub top1: Option<f32>,
    pub licence: String,
    pub good_for: String,
    /// What could not be held against the file when the entry was written.
    #[serde(default)]
    pub unchecked: Vec<String>,
    /// How it wants its pixels, where no file beside it says so.
    pub preprocess: Option<Preprocess>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    network: Vec<Entry>,
}

/// Every entry, the smallest file first.
pub fn entries() -> Vec<Entry> {
    let catalogue: Catalogue = toml::from_str(TEXT).expect("a test reads the catalogue");
    catalogue.network
}

/// The entry `name`, and what it refers to.
///
/// # Errors
/// When there is none.
pub fn entry(name: &str) -> Result<(Entry, Reference), HubError> {
    let found = entries().into_iter().find(|entry| entry.name == name);
    let entry = found.ok_or_else(|| HubError::NotInCatalogue { name: name.to_owned() })?;
    let reference = entry.from.parse().expect("a test parses every reference of the catalogue");
    Ok((entry, reference))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::hub::RepositoryFile;
    use crate::manifest::BackboneName;

    #[test]
    fn every_entry_is_a_file_of_a_repository_with_a_name_of_its_own_and_a_permissive_licence() {
        let entries = entries();
        assert!(entries.len() >= 8);
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names.len(), entries.len());
        for named in &entries {
            let (found, reference) = entry(&named.name).unwrap();
            assert_eq!(found, *named);
            assert!(matches!(reference, Reference::Repository(RepositoryFile { file: Some(_), .. })), "{}", named.from);
            assert!(named.name.parse::<BackboneName>().is_ok(), "{}", named.name);
            assert!(["Apache-2.0", "MIT", "BSD-3-Clause"].contains(&named.licence.as_str()), "{}", named.licence);
            assert!((4_000_000..=90_000_000).contains(&named.bytes), "{}", named.name);
            assert!(named.preprocess.as_ref().is_none_or(|preprocess| preprocess.check().is_ok()));
            assert!(named.sha256.is_some() || !named.unchecked.is_empty(), "{}", named.name);
        }
        assert!(entries.is_sorted_by_key(|entry| entry.bytes));
    }

    #[test]
    fn a_name_that_is_not_in_it_is_an_error() {
        assert!(matches!(entry("mobilenet-v9"), Err(HubError::NotInCatalogue { .. })));
    }
}
