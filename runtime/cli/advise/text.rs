//! Advice in words that need no knowledge of the field.

use super::{Report, Untried};
use crate::advice::{Advice, ClassProjection, Evidence, Interval, Projection, Similarity, Size, Strategy};
use crate::cli::next_class;
use crate::cli::output::{are_uneven, count, percent, table};
use crate::cli::shell::Shell;

/// How many classes the text names.
const SHOWN: usize = 12;
/// Accuracy from twice the pictures that makes a class worth naming.
const WORTH: f64 = 0.01;

/// What to type, by the advice.
pub fn commands(advice: &Advice, evidence: &Evidence, untried: &Untried, shell: &Shell) -> Vec<String> {
    let mut commands = Vec::new();
    let compare = shell.edgetl(["backbone", "compare"]);
    for strategy in std::iter::once(&advice.strategy).chain(&advice.also) {
        match (strategy, &advice.backbone) {
            (Strategy::TrainHead, _) => commands.push(shell.edgetl(["fit-head"])),
            (Strategy::DeeperHead, _) => commands.push(shell.edgetl(["fit-head", "--head", "mlp"])),
            (Strategy::OtherBackbone, Some(name)) => {
                commands.push(shell.edgetl(["backbone", "use", name]));
                commands.push(shell.edgetl(["fit-head"]));
            }
            // Below.
            (Strategy::OtherBackbone, None) => {}
            (Strategy::CollectMore, _) => {
                let most = evidence.projection.as_ref().and_then(|projection| projection.classes.first());
                let (missed, next) = (evidence.missed.first(), evidence.next_class.as_ref());
                let class = missed.map(|class| &class.label).or(next.map(|class| &class.label));
                let label = class.or(most.map(|class| &class.label)).map(|label| format!("--label={label}"));
                commands.push(shell.edgetl(["collect", "FOLDER"].into_iter().chain(label.as_deref())));
                if let Some(class) = missed.filter(|class| are_uneven(&[class.pictures, evidence.median_class])) {
                    let wanted = format!("{}={}", class.label, evidence.target);
                    commands.push(shell.edgetl(["fit-head", "--recall", &wanted]));
                }
            }
        }
    }
    let wants_another = [&[advice.strategy][..], &advice.also].concat().contains(&Strategy::OtherBackbone);
    if !untried.kept.is_empty() {
        commands.push(compare);
    } else if untried.built_in_falls_short || (wants_another && advice.backbone.is_none()) {
        commands.push(shell.edgetl(["backbone", "fetch", "--list"]));
        commands.push(compare);
    }
    commands.push(shell.edgetl(["samples", "doctor"]));
    commands.dedup();
    commands
}

impl Untried {
    fn text(&self) -> Option<String> {
        if !self.kept.is_empty() {
            let kept = self.kept.join(", ");
            return Some(format!(
                "Kept, and not tried on these pictures yet: {kept}; `edgetl backbone compare` tries them."
            ));
        }
        let short = "The backbone in the box is small: `edgetl backbone fetch --list` shows others, and `edgetl backbone compare` \
                     tries them on these pictures.";
        self.built_in_falls_short.then(|| short.to_owned())
    }
}

impl Report {
    pub fn text(&self) -> String {
        let mut parts = vec![self.verdict(), self.measured()];
        if let Some(projection) = &self.evidence.projection {
            parts.push(self.more_pictures(projection));
        }
        parts.extend(self.baseline.as_ref().map(super::baseline::text));
        parts.push(self.next());
        parts.join("\n\n")
    }

    fn verdict(&self) -> String {
        let mut lines = vec![format!("Advice: {}", self.named(self.advice.strategy))];
        lines.push(sentence(&self.advice.reasons[0]));
        for (strategy, reason) in self.advice.also.iter().zip(&self.advice.reasons[1..]) {
            lines.push(format!("Also worth it: {}. {}", self.named(*strategy), sentence(reason)));
        }
        lines.join("\n")
    }

    fn named(&self, strategy: Strategy) -> String {
        match (strategy, &self.advice.backbone) {
            (Strategy::TrainHead, _) => format!("train the head ({})", self.evidence.head),
            (Strategy::DeeperHead, _) => "train a deeper head (mlp)".to_owned(),
            (Strategy::CollectMore, _) => "collect more pictures".to_owned(),
            (Strategy::OtherBackbone, Some(name)) => format!("use the other backbone, {name}"),
            (Strategy::OtherBackbone, None) => "try a different backbone".to_owned(),
        }
    }

    fn measured(&self) -> String {
        let evidence = &self.evidence;
        let size = match self.advice.size {
            Size::Small => "a small set",
            Size::Medium => "a set of medium size",
            Size::Large => "a large set",
        };
        let mut lines = vec![format!(
            "How many: {} of {} classes, {} of the smallest, {}, {} of the middle one: {size}.",
            count(evidence.samples, "picture"),
            evidence.classes,
            evidence.smallest_class,
            evidence.smallest_label,
            evidence.median_class
        )];
        lines.push(self.accuracy());
        lines.push(self.similarity());
        lines.push(self.heads());
        for other in &evidence.backbones {
            lines.push(format!(
                "Another backbone, {}: {} right on the same {}, {:+.1} ± {:.1} points.",
                other.name,
                percent(other.comparison.accuracy),
                count(other.comparison.samples, "picture"),
                other.comparison.gain * 100.0,
                other.comparison.error * 100.0
            ));
        }
        lines.extend(self.untried.text());
        lines.push(format!(
            "By the book, {size} of pictures {} calls for: {}.",
            likeness(self.advice.similarity),
            self.by_the_book()
        ));
        lines.join("\n")
    }

    fn by_the_book(&self) -> &'static str {
        match self.advice.by_the_book {
            Strategy::TrainHead => "train the head alone",
            Strategy::DeeperHead => "a deeper head",
            Strategy::CollectMore => "collect more",
            Strategy::OtherBackbone => "a different backbone",
        }
    }

    fn accuracy(&self) -> String {
        let evidence = &self.evidence;
        match (evidence.accuracy, evidence.error, evidence.leave_one_out) {
            (Some(accuracy), Some(error), Some(one_out)) => format!(
                "How good: {} right (± {:.1} points{}) on pictures held out of a {} head, {} when one at a time is held \
                 out of a ridge head.",
                percent(accuracy),
                error * 100.0,
                evidence
                    .balanced_accuracy
                    .filter(|_| self.is_uneven())
                    .map_or_else(String::new, |balanced| format!("; {} as the mean of the classes", percent(balanced))),
                evidence.head,
                percent(one_out)
            ),
            _ => "How good: not known, since no class has pictures of two groups to hold one out.".to_owned(),
        }
    }

    fn is_uneven(&self) -> bool {
        are_uneven(&[self.evidence.smallest_class, self.evidence.median_class])
    }

    fn similarity(&self) -> String {
        let familiarity = &self.evidence.familiarity;
        let features = format!(
            "before anything is trained, the nearest class mean names {} right (guessing: {})",
            percent(familiarity.nearest_mean),
            percent(familiarity.chance)
        );
        let known = match &familiarity.source {
            Some(source) => {
                let called = source
                    .called
                    .iter()
                    .take(3)
                    .map(|(label, name, share)| format!("{label} mostly \"{name}\" ({:.0} %)", share * 100.0));
                format!(
                    "its own classifier of {} classes is {} sure of these pictures on average; it calls {}; {features}",
                    source.classes,
                    percent(source.confidence),
                    called.collect::<Vec<_>>().join(", ")
                )
            }
            None => format!(
                "no classifier of its own was kept; {features}; {} of the variance lies between classes, spread over \
                 {:.0} of {} directions",
                percent(familiarity.between_classes),
                familiarity.effective_rank,
                self.evidence.dim
            ),
        };
        format!("How familiar to {}: {}; {known}.", self.backbone_in_use, likeness(self.advice.similarity))
    }

    fn heads(&self) -> String {
        match &self.evidence.deeper {
            Some(deeper) => format!(
                "A deeper head (mlp): {} right, {:+.1} ± {:.1} points against {}.",
                percent(deeper.accuracy),
                deeper.gain * 100.0,
                deeper.error * 100.0,
                self.evidence.head
            ),
            None => "A deeper head (mlp): not tried, since it takes long here; --thorough tries it.".to_owned(),
        }
    }

    fn more_pictures(&self, projection: &Projection) -> String {
        let curve = self.evidence.curve.iter().flat_map(|curve| &curve.points);
        let points: Vec<String> =
            curve.map(|point| format!("{:.0}: {}", point.pictures, percent(point.accuracy))).collect();
        let ahead = |interval: &Interval| {
            format!("{} ({} to {})", percent(interval.middle), percent(interval.low), percent(interval.high))
        };
        format!(
            "How many more images would help, and of which class?\n\
             Right, by pictures of a class learned from: {}.\n\
             Extrapolated: twice as many of every class {}, four times as many {}.\n{}\n\n{}",
            points.join(", "),
            ahead(&projection.doubled),
            ahead(&projection.quadrupled),
            self.answer(projection),
            self.class_table(projection)
        )
    }

    fn class_table(&self, projection: &Projection) -> String {
        let rows = projection.classes.iter().take(SHOWN).map(|class| {
            let doubled = &class.doubled;
            [
                class.label.to_string(),
                class.pictures.to_string(),
                percent(class.now),
                percent(doubled.middle),
                format!("{:.0} to {:.0} %", doubled.low * 100.0, doubled.high * 100.0),
                needed(class),
                percent(class.share_of_errors),
            ]
        });
        let goal = format!("more for {:.0} %", self.evidence.target * 100.0);
        let header = ["label", "pictures", "right", "with twice", "likely", goal.as_str(), "of all errors"];
        let hidden = projection.classes.len().saturating_sub(SHOWN);
        let rest = if hidden > 0 { format!("\nand {hidden} more classes, in --json") } else { String::new() };
        format!("{}{rest}", table(header, rows))
    }

    /// The classes that gain from more pictures, in a sentence.
    fn answer(&self, projection: &Projection) -> String {
        let target = self.evidence.target;
        if let Some(next) = self.evidence.next_class.as_ref().filter(|next| next.then.is_none()) {
            return next_class::text(Some(next));
        }
        let gaining = projection.classes.iter().filter(|class| class.gain() >= WORTH && class.now < target);
        let named: Vec<String> = gaining.take(3).map(|class| named(class, target)).collect();
        if named.is_empty() {
            return "No class below the target gains a point from twice its pictures: more of the same would hardly help."
                .to_owned();
        }
        let first = self.evidence.next_class.as_ref();
        format!("Begin with {}.\n{}", named.join(", then "), next_class::text(first))
    }

    fn next(&self) -> String {
        format!("Next:\n  {}\n{:.2} s", self.commands.join("\n  "), self.seconds)
    }
}

/// A class with what it takes.
fn named(class: &ClassProjection, target: f64) -> String {
    let goal = match class.more_for_target {
        Some(more) => format!("about {more} more for {:.0} %", target * 100.0),
        None => format!("as many again for about {}", percent(class.doubled.middle)),
    };
    format!("{} ({} now, {} right; {goal})", class.label, class.pictures, percent(class.now))
}

fn needed(class: &ClassProjection) -> String {
    match class.more_for_target {
        Some(0) => "none".to_owned(),
        Some(more) => more.to_string(),
        None => "out of reach".to_owned(),
    }
}

fn likeness(similarity: Similarity) -> &'static str {
    match similarity {
        Similarity::Near => "like what the backbone knows",
        Similarity::Between => "somewhat like what the backbone knows",
        Similarity::Far => "unlike what the backbone knows",
    }
}

/// `reason` as a sentence.
fn sentence(reason: &str) -> String {
    let mut characters = reason.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}
