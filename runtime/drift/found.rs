//! What was noticed.

use serde::{Deserialize, Serialize};

/// What changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Pictures are farther from those that the head was taught with.
    Distance,
    /// More pictures are unknown.
    Unknown,
    /// The classes come in other shares. That is usual, and no fault of the head.
    Mix,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Distance, Self::Unknown, Self::Mix];

    pub fn word(self) -> &'static str {
        match self {
            Self::Distance => "distance",
            Self::Unknown => "unknown",
            Self::Mix => "mix",
        }
    }
}

/// A change that was noticed, in numbers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Found {
    pub kind: Kind,
    /// Looks that counted until then.
    pub looks: u64,
    /// Over how many of them the share was taken.
    pub of: u64,
    /// Since about when, in milliseconds since 1970; `None` for the mix, which is of all looks.
    #[serde(skip)]
    pub since: Option<u64>,
    /// Of distance: looks that lie as far as one in ten should; of unknown: unknown ones; of the mix: answers that name `label`.
    pub share: f64,
    /// What it would be if nothing had changed.
    pub expected: f64,
    /// Of the mix: the class whose share grew most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl Found {
    /// In words.
    pub fn sentence(&self) -> String {
        let Self { of, .. } = self;
        let (share, expected) = (percent(self.share), percent(self.expected));
        match (self.kind, &self.label) {
            (Kind::Distance, _) => format!(
                "pictures are stranger than those that the head was taught with: {share} of the last {of} looks lie as far from \
                 them as {expected} should"
            ),
            (Kind::Unknown, _) => format!(
                "{share} of the last {of} looks are unknown; of the pictures held out at the fit about {expected} were"
            ),
            (Kind::Mix, Some(label)) => format!("{label} is {share} of the answers, {expected} of the fitted pictures"),
            (Kind::Mix, None) => "the classes come in other shares than at the fit".to_owned(),
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_says_what_it_saw_and_what_was_expected() {
        let found = |kind, label: Option<&str>, expected| Found {
            kind,
            looks: 40,
            of: 12,
            since: None,
            share: 0.95,
            expected,
            label: label.map(str::to_owned),
        };
        assert_eq!(
            found(Kind::Mix, Some("closed"), 0.5).sentence(),
            "closed is 95 % of the answers, 50 % of the fitted pictures"
        );
        assert!(found(Kind::Unknown, None, 0.05).sentence().contains("95 % of the last 12 looks are unknown; of"));
        assert!(found(Kind::Distance, None, 0.1).sentence().contains("95 % of the last 12 looks"));
    }
}
