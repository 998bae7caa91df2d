//! What is said of pictures that are near-twins.

use crate::cli::output::{count, percent};
use crate::head::{FitReport, NearTwinsReport};

/// How many stood together and what that does to the number; and of which classes nothing else could be held out.
pub fn text(fit: &FitReport) -> Vec<String> {
    let Some(NearTwinsReport { pictures, groups, accuracy_without, alike, .. }) = &fit.near_twins else {
        return Vec::new();
    };
    let without = accuracy_without.map_or_else(String::new, |without| {
        format!("; accuracy would seem to be {} had they not been", percent(without))
    });
    let together = (*pictures > 0).then(|| {
        let (all, groups) = (count(fit.samples, "picture"), count(*groups, "group"));
        format!("near-twins (frames of one burst, copies): {pictures} of {all} were held out in {groups}{without}")
    });
    let alike = (!alike.is_empty()).then(|| {
        let labels: Vec<String> = alike.iter().map(|label| format!("`{label}`")).collect();
        format!(
            "all pictures of {} are near-twins of one another: measured on pictures like those that were learned from; add \
             some of other scenes",
            labels.join(", ")
        )
    });
    together.into_iter().chain(alike).collect()
}
