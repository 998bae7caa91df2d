//! What the looks of one camera came to, as long as one head answers.

use std::collections::BTreeMap;

use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

use super::bets::Bets;
use super::found::{Found, Kind};
use super::mix::Mix;
use super::ranks::Ranks;
use super::reference::Reference;

/// A look is called far where at most this share of those that it is compared with lie farther.
const FAR: f64 = 0.1;

/// A look that counts.
pub struct Look<'a> {
    /// In milliseconds since 1970.
    pub at: u64,
    /// `[C]`, of [`Reference::channels_of`].
    pub feature: ArrayView1<'a, f32>,
    /// Whether the head's rule calls it unknown; `None` where it has none.
    pub unknown: Option<bool>,
    /// The likeliest class, of a picture that is not unknown.
    pub class: Option<&'a str>,
}

/// One camera's looks with one head. It is kept as JSON, and goes on where it was.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Of the reference that it began with.
    digest: String,
    looks: u64,
    /// When the last one was, in milliseconds since 1970.
    last: Option<u64>,
    distance: Stream<BTreeMap<usize, Ranks>>,
    unknown: Option<Stream<Ranks>>,
    mix: Option<Mix>,
    /// What was told.
    told: Vec<Kind>,
}

/// Values, and the bets on their places.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Stream<R> {
    ranks: R,
    bets: Bets,
}

impl Record {
    /// Before the first look.
    pub fn new(reference: &Reference) -> Self {
        Self {
            digest: reference.digest().to_owned(),
            looks: 0,
            last: None,
            distance: Stream { ranks: reference.distance_ranks(), bets: Bets::default() },
            unknown: reference.unknown_ranks().map(|ranks| Stream { ranks, bets: Bets::default() }),
            mix: reference.answer_counts().map(Mix::new),
            told: Vec::new(),
        }
    }

    /// Whether it began with `reference`, and can be what this program wrote.
    pub fn fits(&self, reference: &Reference) -> bool {
        let classes = reference.answer_counts().map(<[u64]>::len);
        self.digest == reference.digest()
            && self.distance.ranks.values().all(Ranks::is_whole)
            && self.distance.bets.is_whole()
            && self.unknown.is_some() == reference.tells_unknown()
            && self.unknown.as_ref().is_none_or(|stream| stream.ranks.is_whole() && stream.bets.is_whole())
            && match (&self.mix, classes) {
                (Some(mix), Some(classes)) => mix.is_whole(classes),
                (None, None) => true,
                _ => false,
            }
    }

    pub fn looks(&self) -> u64 {
        self.looks
    }

    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// The logarithm of the evidence for each kind that is watched.
    pub fn evidence(&self) -> Vec<(Kind, f64)> {
        let unknown = self.unknown.as_ref().map(|stream| (Kind::Unknown, stream.bets.evidence()));
        let mix = self.mix.as_ref().map(|mix| (Kind::Mix, mix.evidence()));
        [Some((Kind::Distance, self.distance.bets.evidence())), unknown, mix].into_iter().flatten().collect()
    }

    /// The logarithm of the evidence from which on something is told: shared by all kinds, so that the chance that anything is ever
    /// told, although nothing changed, is at most `false_alarms`.
    pub fn enough(false_alarms: f64) -> f64 {
        (Kind::ALL.len() as f64 / false_alarms).ln()
    }

    /// Counts a look, and gives what was not told before.
    pub fn count(&mut self, reference: &Reference, look: &Look, false_alarms: f64) -> Vec<Found> {
        self.looks += 1;
        self.last = Some(look.at);
        let place = reference.place(look.feature);
        let slot =
            self.distance.ranks.entry(place.category).or_insert_with(|| Ranks::of(Vec::new())).take(place.distance);
        self.distance.bets.take(slot, slot.middle() <= FAR, look.at);
        if let (Some(stream), Some(unknown)) = (&mut self.unknown, look.unknown) {
            let slot = stream.ranks.take(f32::from(u8::from(unknown)));
            stream.bets.take(slot, unknown, look.at);
        }
        let class = look.class.and_then(|class| reference.labels().iter().position(|own| own == class));
        if let (Some(mix), Some(class)) = (&mut self.mix, class) {
            mix.take(class);
        }
        self.news(reference, Self::enough(false_alarms))
    }

    fn news(&mut self, reference: &Reference, enough: f64) -> Vec<Found> {
        let reached = self.evidence().into_iter().filter(|(_, evidence)| *evidence >= enough).map(|(kind, _)| kind);
        let news: Vec<Kind> = reached.filter(|kind| !self.told.contains(kind)).collect();
        self.told.extend(&news);
        news.into_iter().map(|kind| self.found(kind, reference)).collect()
    }

    fn found(&self, kind: Kind, reference: &Reference) -> Found {
        let looks = self.looks;
        let rise = match kind {
            Kind::Unknown => self.unknown.as_ref().map_or(&self.distance.bets.rise, |stream| &stream.bets.rise),
            Kind::Distance | Kind::Mix => &self.distance.bets.rise,
        };
        let found =
            Found { kind, looks, of: rise.looks, since: rise.since, share: rise.share(), expected: FAR, label: None };
        match kind {
            Kind::Distance => found,
            Kind::Unknown => Found { expected: reference.expected_unknown(), ..found },
            Kind::Mix => {
                let grown = self.mix.as_ref().and_then(|mix| mix.most_grown(reference.shares()));
                let (class, share) = grown.unwrap_or((0, 0.0));
                let expected = reference.shares().get(class).copied().unwrap_or(0.0);
                Found {
                    of: looks,
                    since: None,
                    share,
                    expected,
                    label: reference.labels().get(class).cloned(),
                    ..found
                }
            }
        }
    }
}
