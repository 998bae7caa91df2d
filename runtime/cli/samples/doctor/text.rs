//! The findings for people.

use super::findings::{Findings, SourceState};
use crate::cli::output::{count, percent, table};
use crate::cli::shell::Shell;

/// From this doubt on a label is called wrong rather than looked at again.
const CONVINCING: f32 = 0.7;

impl Findings {
    pub fn text(&self, show: usize, shell: &Shell) -> String {
        let parts = [
            self.suspects(show, shell),
            self.duplicates(show),
            self.outliers(show),
            self.tiny(show),
            self.classes(),
            self.sources(show),
        ];
        let mut parts: Vec<String> = parts.into_iter().flatten().collect();
        let clean = if parts.is_empty() { ": nothing looks wrong" } else { "" };
        parts.insert(0, format!("{} looked at with {}{clean}", count(self.samples, "sample"), self.backbone));
        if self.held_back() > 0 {
            parts.push(format!(
                "{} with no change proposed: it would leave a class empty, without half of its few pictures, or with fewer \
                 than five",
                count(self.held_back(), "finding")
            ));
        }
        parts.push(format!(
            "pictures that could not be decoded are not stored: `collect` names them each time; {:.2} s",
            self.seconds
        ));
        parts.join("\n\n")
    }

    fn suspects(&self, show: usize, shell: &Shell) -> Option<String> {
        let convincing = self.suspects.iter().filter(|suspect| suspect.doubt > CONVINCING).count();
        let rows = self.suspects.iter().take(show).map(|row| {
            let doubt = percent(f64::from(row.doubt));
            [row.label.to_string(), row.suggestion.to_string(), doubt, row.id.to_string(), row.path.clone()]
        });
        let all = shell.edgetl(["samples", "doctor", "--fix", "relabel", "--top", &convincing.to_string()]);
        let all = match self.suspects.iter().take(convincing).any(|row| !row.held_back) {
            true => format!("\nshow them all, and change them with --yes: {all}"),
            false => String::new(),
        };
        (!self.suspects.is_empty()).then(|| {
            format!(
                "labels that look wrong: {convincing} with more than {:.0} % doubt, {} in all\n{}\n{}{all}",
                CONVINCING * 100.0,
                self.suspects.len(),
                table(["label", "looks like", "doubt", "id", "picture"], rows),
                first(&self.suspects[0].command)
            )
        })
    }

    fn duplicates(&self, show: usize) -> Option<String> {
        let contradictions = self.duplicates.iter().filter(|row| !row.same_label).count();
        let rows = self.duplicates.iter().take(show).map(|row| {
            let labels = row.labels.clone().map(|label| label.map_or_else(String::new, |label| label.to_string()));
            let labels = if row.same_label { labels[0].clone() } else { labels.join(" / ") };
            let ids = row.ids.map(|id| id.to_string()).join(", ");
            [labels, format!("{:.4}", row.cosine), ids, row.paths[0].clone(), row.paths[1].clone()]
        });
        (!self.duplicates.is_empty()).then(|| {
            format!(
                "pairs that are nearly the same picture: {contradictions} under two labels, {} under one\n{}\n{}",
                self.duplicates.len() - contradictions,
                table(["label", "cosine", "ids", "picture", "and picture"], rows),
                first(&self.duplicates[0].command)
            )
        })
    }

    fn outliers(&self, show: usize) -> Option<String> {
        let rows =
            self.outliers.iter().take(show).map(|row| {
                [row.label.to_string(), format!("{:.1}", row.deviations), row.id.to_string(), row.path.clone()]
            });
        (!self.outliers.is_empty()).then(|| {
            format!(
                "unlike the rest of their class: {}\n{}\n{}",
                self.outliers.len(),
                table(["label", "deviations", "id", "picture"], rows),
                first(&self.outliers[0].command)
            )
        })
    }

    fn tiny(&self, show: usize) -> Option<String> {
        let expected = self.tiny.first()?.expected;
        let rows = self
            .tiny
            .iter()
            .take(show)
            .map(|row| [format!("{}x{}", row.width, row.height), row.id.to_string(), row.path.clone()]);
        Some(format!(
            "smaller than the {expected} pixels that the backbone sees: {}\n{}\n{}",
            self.tiny.len(),
            table(["pixels", "id", "picture"], rows),
            first(&self.tiny[0].command)
        ))
    }

    fn classes(&self) -> Option<String> {
        let mut lines: Vec<String> = Vec::new();
        if let Some(row) = &self.imbalance {
            lines.push(format!(
                "uneven classes: {} of `{}`, {} of `{}`; collect more of the small ones, or: {}",
                row.counts.largest, row.largest_label, row.counts.smallest, row.smallest_label, row.command
            ));
        }
        for row in &self.few {
            lines.push(format!("only {} of `{}`: {}", count(row.count, "picture"), row.label, row.command));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn sources(&self, show: usize) -> Option<String> {
        let state = |state| self.sources.iter().filter(|row| row.state == state).count();
        let rows = self.sources.iter().take(show).map(|row| {
            let state = if row.state == SourceState::Gone { "gone" } else { "changed" };
            [state.to_owned(), row.id.to_string(), row.path.clone()]
        });
        (!self.sources.is_empty()).then(|| {
            format!(
                "files that samples were made from: {} gone, {} changed; their features are kept\n{}\n{}",
                state(SourceState::Gone),
                state(SourceState::Changed),
                table(["file", "id", "picture"], rows),
                first(&self.sources[0].command)
            )
        })
    }
}

/// The command of the first row; those of the others differ in their numbers and labels.
fn first(command: &str) -> String {
    format!("for the first: {command}")
}
