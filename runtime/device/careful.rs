//! A head that takes the place of the live one only where it is not worse.

use super::changes::Since;
use super::error::DeviceError;
use super::fit::{FitRequest, Fitted, Published, Read};
use super::heads::PublishedHead;
use super::refit::Refit;
use super::{Device, Heads};
use crate::backbone::Package;
use crate::head::{
    Changes, CompareError, Compared, ComparisonReport, FitOptions, HeadArtifact, HeadKind, Measure, Recipes, Verdict,
    compare,
};
use crate::store::{HeadVersion, Settling};

/// Which head to fit where it may be published only if it is not worse than the live one.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CarefulRequest {
    /// `None`: as the live head was fitted.
    pub recipe: Option<FitRequest>,
    /// For whoever looks at heads.
    pub note: Option<String>,
}

/// What came of it.
pub enum Careful {
    /// This head was fitted in the same way on the same pictures.
    NothingNew {
        head: HeadVersion,
        /// Whether it waits for review, and another is live.
        waits: bool,
    },
    Fitted(Box<CarefulFit>),
}

/// A head, compared with the live one, that is not written yet.
pub struct CarefulFit {
    pub fitted: Fitted,
    live: Option<HeadVersion>,
    settling: Settling,
}

impl CarefulFit {
    /// `None` where no head was live.
    pub fn comparison(&self) -> Option<&ComparisonReport> {
        self.fitted.head.report().comparison.as_deref()
    }

    /// The same, waiting until somebody makes it the live head, where there is one already.
    pub fn for_somebody(self) -> Self {
        let settling = if self.live.is_some() { Settling::Kept } else { self.settling };
        Self { settling, ..self }
    }

    /// Whether it becomes the live head; else it is kept for review.
    pub fn is_published(&self) -> bool {
        self.settling == Settling::Published
    }
}

impl Device {
    /// Fits a head as [`fit`](Self::fit) does, and compares its recipe with that of the live head on pictures that neither
    /// had seen; writes nothing. `stopped` is asked between two fits.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), when the live head cannot be read or fitted again, and when `stopped` says so.
    pub fn fit_carefully(&self, request: &CarefulRequest, stopped: &dyn Fn() -> bool) -> Result<Careful, DeviceError> {
        let store = self.existing_store()?;
        let package = self.backbones().in_use_of(&store)?;
        let live = self.heads().live()?;
        let recipe = recipe(request, live.as_ref());
        let read = self.read_for(&recipe, &store, &package)?;
        if let Some((head, waits)) = self.same_head(live.as_ref(), (&recipe, &read))? {
            return Ok(Careful::NothingNew { head, waits });
        }
        let mut fitted = self.fit_read(&read, &recipe, &package)?;
        let Some(live) = live else {
            return Ok(Careful::Fitted(Box::new(CarefulFit { fitted, live: None, settling: Settling::Published })));
        };
        let sides = Sides { live: &live, recipe: &recipe, read: &read, package: &package };
        let (comparison, settling) = self.compare_with(&sides, &fitted, stopped)?;
        fitted.head = fitted.head.noting_comparison(comparison);
        Ok(Careful::Fitted(Box::new(CarefulFit { fitted, live: Some(live.version), settling })))
    }

    /// Makes the head the live one, or keeps it for review, as its comparison came out.
    ///
    /// # Errors
    /// When samples were forgotten or another head was published since; when it cannot be written.
    pub fn settle(&self, CarefulFit { fitted, live, settling }: &CarefulFit) -> Result<Published, DeviceError> {
        self.write(fitted, |folder, bytes, store| folder.settle_fitted(bytes, (*settling, *live), store, fitted.read))
    }

    /// The live head or one that waits for review, if it was fitted by this recipe on these pictures; and whether it waits.
    fn same_head(
        &self,
        live: Option<&PublishedHead>,
        (recipe, read): (&FitRequest, &Read),
    ) -> Result<Option<(HeadVersion, bool)>, DeviceError> {
        let is_same = |head: &HeadArtifact| {
            let learned = head.learned_from().filter(|_| head.fingerprint() == read.dataset.fingerprint());
            learned.is_some_and(|learned| Since::new(learned, &read.pictures).changes.is_none())
                && is_same_recipe(&FitRequest::of(head), recipe)
        };
        if let Some(live) = live.filter(|live| is_same(&live.artifact)) {
            return Ok(Some((live.version, false)));
        }
        let waiting = waiting(&self.heads())?;
        Ok(waiting.into_iter().rfind(|head| is_same(&head.artifact)).map(|head| (head.version, true)))
    }

    fn compare_with(
        &self,
        sides: &Sides,
        fitted: &Fitted,
        stopped: &dyn Fn() -> bool,
    ) -> Result<(ComparisonReport, Settling), DeviceError> {
        let Sides { live, recipe, read, .. } = sides;
        let since = live.artifact.learned_from().map(|learned| Since::new(learned, &read.pictures));
        let (changes, fresh) = since.map_or_else(Default::default, |since| (Some(since.changes), since.fresh));
        let not_compared =
            |reason| ComparisonReport::none(live.version.0, Measure::of(&recipe.options), changes, reason);
        if let Some((reason, settling)) = sides.why_not(changes) {
            return Ok((not_compared(reason), settling));
        }
        let (backbones, memory) = (self.backbones(), self.within_memory(&recipe.options).memory);
        let mut old =
            Refit::of(&live.artifact, &backbones, memory).map_err(|error| DeviceError::NoRefit(error.into()))?;
        let mut new = Refit::of(&fitted.head, &backbones, memory)?;
        // Trying a perceptron takes ten times as long as all others, and where neither is one, no fold would choose it but by chance.
        if ![&live.artifact, &fitted.head].iter().any(|head| head.report().head == HeadKind::Mlp) {
            (old, new) = (old.without_perceptron(), new.without_perceptron());
        }
        let (old, new) = (|data: &_| old.without_guesses(data), |data: &_| new.without_guesses(data));
        let recipes = Recipes { options: &recipe.options, old: &old, new: &new };
        let compared = compare(&read.dataset, &fresh, recipes, stopped)?;
        if let Some((reason, settling)) = why_nothing(&compared) {
            return Ok((not_compared(reason), settling));
        }
        let report = ComparisonReport::new(live.version.0, compared, changes);
        let settling = if report.verdict == Verdict::Worse { Settling::Kept } else { Settling::Published };
        Ok((report, settling))
    }
}

/// Why nothing was compared: in one word, and in words.
type Reason = (&'static str, &'static str);

/// What is compared.
struct Sides<'a> {
    live: &'a PublishedHead,
    recipe: &'a FitRequest,
    read: &'a Read,
    package: &'a Package,
}

impl Sides<'_> {
    /// Why there is nothing to compare, and where the new head goes then; `None` where there is something.
    fn why_not(&self, changes: Option<Changes>) -> Option<(Reason, Settling)> {
        let is_same = is_same_recipe(&FitRequest::of(&self.live.artifact), self.recipe);
        match changes {
            _ if self.live.artifact.fingerprint() != self.package.fingerprint() => {
                Some((("other-backbone", "it was fitted on another backbone"), Settling::Kept))
            }
            None if is_same => {
                let unknown =
                    "its file does not say which pictures it was fitted on, and the new one is fitted in the same way";
                Some((("unknown-pictures", unknown), Settling::Published))
            }
            Some(changes) if is_same && changes.fresh() == 0 => {
                Some((("no-new-picture", "no picture is new to it"), Settling::Published))
            }
            _ => None,
        }
    }
}

/// Why nothing came of a comparison, and where the new head goes then; `None` where something did.
fn why_nothing(compared: &Compared) -> Option<(Reason, Settling)> {
    match compared.all {
        Some(_) => None,
        None if compared.old_unfit => {
            Some((("old-unfit", "its recipe could not be fitted on the old pictures alone"), Settling::Kept))
        }
        None => Some((("too-few", "too few pictures could be held out"), Settling::Published)),
    }
}

fn recipe(request: &CarefulRequest, live: Option<&PublishedHead>) -> FitRequest {
    let of_live = || live.map(|live| FitRequest::of(&live.artifact));
    let recipe = request.recipe.clone().or_else(of_live).unwrap_or_default();
    FitRequest { options: FitOptions { note: request.note.clone(), ..recipe.options }, ..recipe }
}

/// Whether both fit in the same way, whatever they may take for it and say about it.
fn is_same_recipe(one: &FitRequest, other: &FitRequest) -> bool {
    let told = |request: &FitRequest| FitOptions { note: None, memory: None, ..request.options.clone() };
    one.mode == other.mode && told(one) == told(other)
}

/// The heads that wait for review and can be read, the oldest first.
pub(super) fn waiting(heads: &Heads) -> Result<Vec<PublishedHead>, DeviceError> {
    let versions = heads.folder().for_review()?;
    Ok(versions.into_iter().filter_map(|version| heads.read(Some(version)).ok()).collect())
}

impl From<CompareError> for DeviceError {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Fit(error) => error.into(),
            error => Self::Compare(error),
        }
    }
}
