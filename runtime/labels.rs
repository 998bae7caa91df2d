//! Class names and their order.

mod alike;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

pub use alike::look_alikes;

use crate::printable::{is_hidden, is_joiner};

/// Labels, in any case, that mean "none of the others".
const NAMES_OF_NOTHING: [&str; 3] = ["none", "background", "unknown"];

/// The position of a class in a [`Labels`] list; also the column of its logit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClassIndex(pub usize);

/// A class name: not empty, no control characters, no surrounding white space, in Unicode's composed form (NFC).
///
/// File systems and programs write `ä` as one character or as two; both read as one label, whoever wrote them.
///
/// A new one has no hidden character either, or two classes could look the same; what was stored or published before that
/// was asked for is still read.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    #[error("expected a label of at least one character, got an empty one")]
    Empty,
    #[error("expected a label without control characters, got {0:?}")]
    ControlCharacter(String),
    #[error("expected a label without characters that cannot be seen, got `{0}`")]
    Hidden(String),
    #[error("expected a label in UTF-8, got `{0}`")]
    NotUnicode(String),
    #[error("expected labels that differ, got `{0}` twice")]
    Repeated(Label),
}

impl Label {
    /// Trims `text` and makes a label of it.
    pub fn new(text: &str) -> Result<Self, LabelError> {
        let label = Self::known(text)?;
        match has_hidden(&label.0) {
            true => Err(LabelError::Hidden(spelt_out(&label.0))),
            false => Ok(label),
        }
    }

    /// A label that may have been given before hidden characters were refused.
    pub fn known(text: &str) -> Result<Self, LabelError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(LabelError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(LabelError::ControlCharacter(text.to_owned()));
        }
        Ok(Self(composed(text).into_owned()))
    }

    /// The name of a file or folder as a label.
    pub fn of_name(name: &OsStr) -> Result<Self, LabelError> {
        let unreadable = || LabelError::NotUnicode(name.as_encoded_bytes().escape_ascii().to_string());
        Self::new(name.to_str().ok_or_else(unreadable)?)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `none`, `background` or `unknown`, in any case.
    pub fn means_nothing(&self) -> bool {
        NAMES_OF_NOTHING.iter().any(|name| self.0.eq_ignore_ascii_case(name))
    }
}

/// `text` in Unicode's composed form (NFC), in which labels are compared.
pub fn composed(text: &str) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        _ => Cow::Owned(text.nfc().collect()),
    }
}

/// `text` in Unicode's decomposed form (NFD), in which some systems write the names of files.
pub fn decomposed(text: &str) -> String {
    text.nfd().collect()
}

/// Whether `text` has a character that is not seen. A joiner is one unless scripts need it: beyond Latin, Greek, Cyrillic
/// and Hebrew, from Arabic on, between two characters.
fn has_hidden(text: &str) -> bool {
    let joins = |c: Option<&char>| c.is_some_and(|&c| c >= '\u{600}' && !is_joiner(c));
    let characters: Vec<char> = text.chars().collect();
    characters.iter().enumerate().any(|(at, &c)| {
        let beside = || joins(at.checked_sub(1).and_then(|at| characters.get(at))) && joins(characters.get(at + 1));
        is_hidden(c) || (is_joiner(c) && !beside())
    })
}

/// `text` with everything spelt out that is not seen.
fn spelt_out(text: &str) -> String {
    let spelt = |c: char| if is_hidden(c) || is_joiner(c) { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(spelt).collect()
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Label {
    type Error = LabelError;

    /// For what was written to a file earlier.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::known(&text)
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

impl std::str::FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

/// The classes of a dataset or a head, in the order of their logits; no label occurs twice.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<Label>")]
pub struct Labels(Vec<Label>);

impl Labels {
    /// Keeps the order given.
    pub fn new(labels: Vec<Label>) -> Result<Self, LabelError> {
        let mut sorted: Vec<&Label> = labels.iter().collect();
        sorted.sort();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(LabelError::Repeated(pair[0].clone()));
        }
        Ok(Self(labels))
    }

    /// The distinct labels of `all`, sorted.
    pub fn distinct<'a>(all: impl IntoIterator<Item = &'a Label>) -> Self {
        let set: std::collections::BTreeSet<&Label> = all.into_iter().collect();
        Self(set.into_iter().cloned().collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, index: ClassIndex) -> Option<&Label> {
        self.0.get(index.0)
    }

    pub fn index_of(&self, label: &Label) -> Option<ClassIndex> {
        self.0.iter().position(|known| known == label).map(ClassIndex)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Label> {
        self.0.iter()
    }

    pub fn as_slice(&self) -> &[Label] {
        &self.0
    }
}

impl TryFrom<Vec<String>> for Labels {
    type Error = LabelError;

    /// For what was written to a file earlier. Labels that differ in their Unicode form alone were two classes then, and
    /// stay so.
    fn try_from(texts: Vec<String>) -> Result<Self, Self::Error> {
        let labels = texts.iter().map(|text| Label::known(text)).collect::<Result<_, _>>()?;
        let as_written = || texts.iter().map(|text| Label(text.trim().to_owned())).collect();
        Self::new(labels).or_else(|_| Self::new(as_written()))
    }
}

impl From<Labels> for Vec<Label> {
    fn from(labels: Labels) -> Self {
        labels.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Label {
        Label::new(text).unwrap()
    }

    #[test]
    fn distinct_labels_are_sorted_and_indexed() {
        let labels = Labels::distinct(&[label("b"), label("a"), label("b")]);
        assert_eq!(labels.as_slice(), [label("a"), label("b")]);
        assert_eq!(labels.index_of(&label("b")), Some(ClassIndex(1)));
        assert_eq!(labels.index_of(&label("c")), None);
    }

    #[test]
    fn a_repeated_label_is_refused() {
        let error = Labels::new(vec![label("a"), label("b"), label("a")]).unwrap_err();
        assert_eq!(error.to_string(), "expected labels that differ, got `a` twice");
    }

    #[test]
    fn labels_are_trimmed_and_may_not_be_empty_or_hold_control_characters() {
        assert_eq!(label(" red ant ").as_str(), "red ant");
        assert!(Label::new("  ").is_err());
        assert!(Label::new("a\nb").is_err());
    }

    #[test]
    fn a_label_reads_the_same_in_whichever_unicode_form_it_was_written() {
        for text in ["Ka\u{308}fer", "K\u{e4}fer"] {
            assert_eq!((label(text), Label::known(text).unwrap()), (label("K\u{e4}fer"), label("K\u{e4}fer")));
            assert_eq!(serde_json::from_value::<Label>(text.into()).unwrap(), label("K\u{e4}fer"));
        }
        assert_eq!(label("\u{1112}\u{1161}\u{11ab}").as_str(), "\u{d55c}");
    }

    #[test]
    fn classes_of_an_older_file_that_differ_in_their_unicode_form_alone_stay_two() {
        let read = |texts: [&str; 2]| serde_json::from_value::<Labels>(serde_json::json!(texts));
        let (one, two) = ("K\u{e4}fer", "Ka\u{308}fer");
        for texts in [[one, two], [two, one]] {
            let labels = read(texts).unwrap();
            assert_eq!(labels.iter().map(Label::as_str).collect::<Vec<_>>(), texts);
        }
        assert_eq!(read([two, "Biene"]).unwrap().as_slice(), [label(one), label("Biene")]);
        assert!(read([one, one]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_utf8_is_refused_by_name() {
        use std::os::unix::ffi::OsStrExt as _;
        let error = Label::of_name(OsStr::from_bytes(b"K\xe4fer")).unwrap_err();
        assert_eq!(error.to_string(), "expected a label in UTF-8, got `K\\xe4fer`");
        assert_eq!(Label::of_name(OsStr::new("ant ")).unwrap(), label("ant"));
    }

    proptest::proptest! {
        #[test]
        fn composing_changes_nothing_twice(text in proptest::prelude::any::<String>()) {
            let once = composed(&text).into_owned();
            proptest::prop_assert_eq!(composed(&once), once.as_str());
            let apart = decomposed(&text);
            proptest::prop_assert_eq!(composed(&apart), once.as_str());
        }
    }

    #[test]
    fn a_new_label_has_nothing_hidden_and_a_known_one_may() {
        for text in [
            "cat\u{200b}",
            "\u{feff}cat",
            "c\u{ad}at",
            "\u{202e}tac",
            "c\u{200d}at",
            "cat\u{200c}",
            "虎\u{200d}\u{200d}虎",
        ] {
            let error = Label::new(text).unwrap_err();
            assert!(matches!(error, LabelError::Hidden(_)) && error.to_string().contains("\\u{"), "{error}");
            assert_eq!(Label::known(text).unwrap().as_str(), text);
            let read: Label = serde_json::from_str(&serde_json::to_string(text).unwrap()).unwrap();
            assert_eq!(read.as_str(), text, "as published");
        }
        for text in ["Käfer", "می\u{200c}خواهم", "👩\u{200d}🔬", "虎"] {
            assert_eq!(label(text).as_str(), text);
        }
        assert!(Label::known("a\nb").is_err());
    }
}
