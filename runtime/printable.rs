//! Text from strangers (names of files, of classes, of what is in a network), made fit to be shown.
//!
//! A terminal obeys control characters, and marks that cannot be seen make two names look alike or turn a line around.
//! Here is the one list of such characters; whoever writes for people passes what it has through [`printable`].

use std::borrow::Cow;

/// Whether `c` is not seen itself but changes what is seen: controls, ends of lines, marks of direction, and what has no
/// width. The two joiners, without which some scripts and emoji cannot be written, are not meant.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether `c` joins or parts its neighbours without being seen.
pub fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// `text` on one line, each hidden character as Rust writes it: `\n`, `\u{1b}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden)
}

/// Like [`printable`], but `text` keeps its lines.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_hidden(c))
}

/// The first `most` of `names` in backticks, and how many more there are.
pub fn listed<T: AsRef<str>>(names: &[T], most: usize) -> String {
    let shown: Vec<String> = names.iter().take(most).map(|name| format!("`{}`", printable(name.as_ref()))).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn escaped(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hidden(c) { escaped.extend(c.escape_default()) } else { escaped.push(c) }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_line_ends_and_marks_of_direction_are_spelt_out_and_all_else_stays() {
        assert_eq!(printable("\u{1b}]52;c;eA==\u{7}\n\u{9b}2J"), "\\u{1b}]52;c;eA==\\u{7}\\n\\u{9b}2J");
        assert_eq!(
            printable("gpj.\u{202e}exe \u{200b}\u{2028}\u{feff}"),
            "gpj.\\u{202e}exe \\u{200b}\\u{2028}\\u{feff}"
        );
        assert_eq!(printable_lines("a\r\nb\tc"), "a\\r\nb\\tc");
        for text in ["Käfer", "虎 7", "می\u{200c}خواهم", "👩\u{200d}🔬", "a\\b"] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        assert_eq!(listed(&["a", "b\n"], 2), "`a`, `b\\n`");
        assert_eq!(listed(&["a", "b", "c"], 1), "`a` and 2 more");
        assert_eq!(listed::<&str>(&[], 1), "");
    }

    proptest! {
        #[test]
        fn nothing_that_is_printable_has_a_hidden_character(text in any::<String>()) {
            prop_assert!(!printable(&text).chars().any(is_hidden));
            prop_assert!(!printable_lines(&text).chars().any(|c| c != '\n' && is_hidden(c)));
            prop_assert_eq!(printable_lines(&text).lines().count(), text.split('\n').count() - usize::from(text.is_empty() || text.ends_with('\n')));
        }
    }
}
