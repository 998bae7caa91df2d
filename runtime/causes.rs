//! An error with what led to it, on one line.

use std::error::Error;

/// `error` and its causes, with colons between; a cause that its parent already quotes is left out.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    join(std::iter::successors(Some(error), |error| (*error).source()))
}

/// The texts of a chain of errors, the outermost first, as [`causes`] puts them.
pub fn join<'a>(chain: impl Iterator<Item = &'a (dyn Error + 'static)>) -> String {
    let mut line = String::new();
    for cause in chain {
        // ONNX Runtime ends some of its lines itself.
        let text = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() {
            line = text;
        } else if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
    }
    line
}
