//! Labels that were probably meant to be one.

use std::collections::BTreeMap;

use super::Label;

/// Groups of labels that differ in case, white space (`_` and `-` count as such) or a plural alone.
pub fn look_alikes<'a>(labels: impl IntoIterator<Item = &'a Label>) -> Vec<Vec<&'a Label>> {
    let mut by_word = BTreeMap::<String, Vec<&Label>>::new();
    for label in labels {
        by_word.entry(word(label.as_str())).or_default().push(label);
    }
    let mut groups = BTreeMap::<&str, Vec<&Label>>::new();
    for (word, labels) in &by_word {
        let singular = singulars(word).into_iter().flatten().find_map(|one| by_word.get_key_value(&one));
        let group = singular.map_or(word.as_str(), |(one, _)| one);
        groups.entry(group).or_default().extend(labels);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// `text` in small letters, without white space; a number is itself.
fn word(text: &str) -> String {
    if text.parse::<f64>().is_ok() {
        return text.to_owned();
    }
    let parts = text.to_lowercase();
    parts.chars().filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-')).collect()
}

/// What `word` may be the English plural of; one letter has none.
fn singulars(word: &str) -> [Option<String>; 3] {
    let without = |ending: &str| {
        let stem = word.strip_suffix(ending)?;
        stem.chars().nth(1).filter(|_| stem.ends_with(char::is_alphabetic)).map(|_| stem.to_owned())
    };
    [without("s"), without("es"), without("ies").map(|stem| stem + "y")]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> Vec<Vec<String>> {
        let labels: Vec<Label> = names.iter().map(|name| Label::new(name).unwrap()).collect();
        look_alikes(&labels).into_iter().map(|group| group.into_iter().map(Label::to_string).collect()).collect()
    }

    #[test]
    fn case_white_space_and_plurals_make_no_other_word() {
        assert_eq!(groups(&["cat", "Cat", "dog"]), [["cat", "Cat"]]);
        assert_eq!(groups(&["red ant", "red_ant", "Red-Ants", "bee"]), [["red ant", "red_ant", "Red-Ants"]]);
        assert_eq!(groups(&["boxes", "box", "flies", "fly"]), [["box", "boxes"], ["flies", "fly"]]);
        assert_eq!(groups(&["bus", "buses"]), [["bus", "buses"]]);
    }

    #[test]
    fn other_words_and_numbers_stay_apart() {
        assert!(
            groups(&["as", "a", "glass", "glas s1", "3.5", "3.5s", "35", "1", "-1", "bus", "buzz", "ok", "not ok"])
                .is_empty()
        );
    }
}
