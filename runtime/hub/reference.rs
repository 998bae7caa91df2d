//! What a user names: an entry of the catalogue, a repository of the hub, or an address.

use std::fmt;
use std::str::FromStr;

/// One network, wherever it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reference {
    /// A name out of the catalogue.
    Catalogue(String),
    Repository(RepositoryFile),
    /// `https://…` or `http://…`.
    Address(String),
}

/// `hf:OWNER/REPOSITORY[@REVISION][:FILE]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RepositoryFile {
    /// `OWNER/REPOSITORY`.
    pub repository: String,
    /// A branch, a tag, `refs/pr/N` or a commit; `main` by default.
    pub revision: Option<String>,
    /// Its path in the repository; found by default.
    pub file: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("expected a name of the catalogue, hf:OWNER/REPOSITORY[@REVISION][:FILE] or https://…, got `{0}`")]
pub struct ParseReferenceError(String);

/// What pages of the hub begin with.
const PAGES: [&str; 2] = ["https://huggingface.co/", "https://hf.co/"];

impl FromStr for Reference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseReferenceError(text.to_owned());
        if let Some(named) = text.strip_prefix("hf:") {
            return repository_file(named).map(Self::Repository).ok_or_else(error);
        }
        if let Some(page) = PAGES.iter().find_map(|start| text.strip_prefix(start)) {
            return page_of(page).map(Self::Repository).ok_or_else(error);
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            let named = text.splitn(4, '/').nth(3).is_some_and(|path| !file_name(path).is_empty());
            return named.then(|| Self::Address(text.to_owned())).ok_or_else(error);
        }
        let word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name = !text.is_empty() && text.chars().all(word);
        name.then(|| Self::Catalogue(text.to_owned())).ok_or_else(error)
    }
}

impl fmt::Display for RepositoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hf:{}", self.repository)?;
        self.revision.iter().try_for_each(|revision| write!(f, "@{revision}"))?;
        self.file.iter().try_for_each(|file| write!(f, ":{file}"))
    }
}

/// The last part of a path or an address, without what follows a `?` or `#`.
pub(super) fn file_name(path: &str) -> &str {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

fn repository_file(named: &str) -> Option<RepositoryFile> {
    let (repository, file) = split(named, ':');
    let (repository, revision) = split(repository, '@');
    checked(repository, revision, file)
}

/// `OWNER/REPOSITORY`, then perhaps `/blob/REVISION/FILE` or `/resolve/REVISION/FILE` or `/tree/REVISION`.
fn page_of(page: &str) -> Option<RepositoryFile> {
    let page = page.split(['?', '#']).next()?.trim_end_matches('/');
    let parts: Vec<&str> = page.splitn(5, '/').collect();
    let repository = parts.get(..2)?.join("/");
    let kind = parts.get(2).copied();
    if !matches!(kind, None | Some("blob" | "resolve" | "tree" | "raw")) {
        return None;
    }
    let file = parts.get(4).copied().filter(|_| kind != Some("tree"));
    checked(&repository, parts.get(3).copied(), file)
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn checked(repository: &str, revision: Option<&str>, file: Option<&str>) -> Option<RepositoryFile> {
    let word = |part: &str| {
        let fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !part.is_empty() && part.chars().all(fine) && !part.starts_with('.')
    };
    let path = |path: &str| {
        path.split('/').all(|part| !part.is_empty() && part != "." && part != "..") && !path.contains(char::is_control)
    };
    let (owner, name) = repository.split_once('/')?;
    let fine = word(owner) && word(name) && revision.is_none_or(path) && file.is_none_or(path);
    fine.then(|| RepositoryFile {
        repository: repository.to_owned(),
        revision: revision.map(str::to_owned),
        file: file.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(repository: &str, revision: Option<&str>, file: Option<&str>) -> Reference {
        Reference::Repository(checked(repository, revision, file).unwrap())
    }

    #[test]
    fn every_form_is_told_apart() {
        let cases = [
            ("mobilenet-v2", Reference::Catalogue("mobilenet-v2".into())),
            ("hf:o/r.x", repository("o/r.x", None, None)),
            ("hf:o/r@refs/pr/1:onnx/model.onnx", repository("o/r", Some("refs/pr/1"), Some("onnx/model.onnx"))),
            ("hf:o/r:a@b.onnx", repository("o/r", None, Some("a@b.onnx"))),
            ("https://huggingface.co/o/r", repository("o/r", None, None)),
            ("https://huggingface.co/o/r/tree/main", repository("o/r", Some("main"), None)),
            ("https://hf.co/o/r/blob/v1/onnx/m.onnx?x=1", repository("o/r", Some("v1"), Some("onnx/m.onnx"))),
            ("https://example.org/a/m.onnx?x=1", Reference::Address("https://example.org/a/m.onnx?x=1".into())),
        ];
        for (text, wanted) in cases {
            assert_eq!(text.parse::<Reference>().unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_none_of_them_is_refused() {
        for text in [
            "",
            "hf:",
            "hf:repository",
            "hf:o/r/x",
            "hf:../r",
            "hf:o/r:../x",
            "hf:o/r@",
            "hf:o/r:",
            "models/m.onnx",
            "a b",
            "https://",
            "https://example.org",
            "https://example.org/",
            "https://huggingface.co/o",
            "ftp://x/y.onnx",
            "https://huggingface.co/o/r/discussions/1",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_repository_is_written_as_it_is_typed() {
        for text in ["hf:o/r", "hf:o/r@v1", "hf:o/r:m.onnx", "hf:o/r@v1:onnx/m.onnx"] {
            let Ok(Reference::Repository(file)) = text.parse() else { panic!("{text}") };
            assert_eq!(file.to_string(), text);
        }
    }
}
