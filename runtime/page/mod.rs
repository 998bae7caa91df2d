//! What was measured, as one HTML file: nothing outside it is loaded, no script runs, and it reads on a phone, by day
//! and by night.

mod charts;
mod classes;
mod learned;
mod plot;
mod sheet;
mod store_map;
#[cfg(test)]
mod tests;
mod training;
mod worst;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub use learned::{Learned, LearnedChannel, LearnedLayer, LearnedPatch, PatchImage};
pub use sheet::{Sheet, SheetClass, SheetNeighbour, SheetPicture};
pub use store_map::{MapPoint, StoreMap};
pub use worst::{Thumbnail, WorstPicture};

use crate::advice::{LearningCurve, Projection};
use crate::head::{Answers, Candidate, TrainingReport};
use crate::labels::ClassIndex;
use crate::metrics::Confusion;

const STYLE: &str = include_str!("style.css");

/// All that a page shows. Parts without content are left out of it.
pub struct Page<'a> {
    pub title: String,
    /// What was asked of whom.
    pub subtitle: String,
    /// The numbers at the top: what, how much.
    pub figures: Vec<(&'static str, String)>,
    /// What was said about each picture, and what is true.
    pub answers: &'a Answers,
    pub candidates: &'a [Candidate],
    pub curve: Option<&'a LearningCurve>,
    pub projection: Option<&'a Projection>,
    /// The class whose thresholds are drawn, with recall and precision as the head decides.
    pub watched: Option<(ClassIndex, Option<(f64, f64)>)>,
    /// Where all this comes from: program, date, head, backbone, data.
    pub origin: Vec<(&'static str, String)>,
    /// How a perceptron was trained.
    pub training: Option<&'a TrainingReport>,
    /// Where the stored pictures lie.
    pub map: Option<StoreMap>,
    /// The worst first.
    pub worst: Vec<WorstPicture>,
}

impl Page<'_> {
    /// The whole document.
    pub fn html(&self) -> String {
        document(&self.title, self.body())
    }

    fn body(&self) -> Markup {
        let confusion = Confusion::new(self.answers.labels.len(), &self.answers.truth, &self.answers.predicted());
        let measured = !self.answers.truth.is_empty();
        html! {
            header {
                h1 { (self.title) }
                p.quiet { (self.subtitle) }
                dl.figures {
                    @for (what, value) in &self.figures {
                        div { dt { (what) } dd { (value) } }
                    }
                }
            }
            main {
                @if measured {
                    (classes::bars(&self.answers.labels, &confusion))
                    div.stack {
                        (charts::calibration(self.answers))
                        @if let Some((class, chosen)) = self.watched { (charts::precision_recall(self.answers, class, chosen)) }
                        @if let Some(curve) = self.curve { (charts::learning_curve(curve, self.projection)) }
                        (classes::candidates(self.candidates))
                    }
                    (classes::confusion(&self.answers.labels, &confusion))
                } @else {
                    (section("Nothing measured", html! { p { "No picture of a known class could be asked: collect more of each." } }))
                }
                @if let Some(training) = self.training { (training::training(training)) }
                @if let Some(map) = &self.map { (map.section()) }
                (worst::worst(&self.worst))
            }
            footer { dl.origin { @for (what, value) in &self.origin { div { dt { (what) } dd { (value) } } } } }
        }
    }
}

/// A page by itself, which loads nothing and runs no script.
fn document(title: &str, body: Markup) -> String {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; img-src data:; style-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    document.into_string()
}

/// A titled block of the page.
fn section(title: &str, content: Markup) -> Markup {
    html! { section { h2 { (title) } (content) } }
}

/// A section that takes the whole width where others stand side by side.
fn wide(title: &str, content: Markup) -> Markup {
    html! { section.wide { h2 { (title) } (content) } }
}

/// `0.9561` as `95.6 %`.
fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
