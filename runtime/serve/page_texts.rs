//! What the tests hold of the texts of the page: each language says the same, and no other file says anything.

use std::collections::{BTreeMap, BTreeSet};

use super::FILES;

/// The forms of each text: one, or those of a plural.
type Texts = BTreeMap<String, Vec<String>>;

fn file(name: &str) -> &'static str {
    FILES.iter().find(|file| file.name == name).unwrap().text
}

/// Lines `'key': 'text',` and `'key': { one: 'text', other: 'text' },`.
fn texts(name: &str) -> Texts {
    let mut texts = Texts::new();
    for line in file(name).lines().map(str::trim).filter(|line| line.starts_with('\'')) {
        let quoted: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
        assert_eq!(line.matches('\'').count(), 2 * quoted.len(), "{name}: a quote too many, write ’ for one: {line}");
        let [key, forms @ ..] = &quoted[..] else { unreachable!() };
        assert!(!forms.is_empty(), "{name}: `{key}` has no text on its line");
        let plural = line.contains(": { one: '") && line.contains("', other: '") && forms.len() == 2;
        assert!(plural || forms.len() == 1, "{name}: `{key}` is neither one text nor `one` and `other`: {line}");
        let forms = forms.iter().map(|&form| form.to_owned()).collect();
        assert!(texts.insert((*key).to_owned(), forms).is_none(), "{name}: `{key}` is there twice");
    }
    assert!(!texts.is_empty(), "{name}");
    texts
}

/// The names of the values in any form of a text.
fn values(forms: &[String]) -> BTreeSet<&str> {
    forms.iter().flat_map(|form| form.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))).collect()
}

/// What stands in single quotes or up to the first value in back quotes, in all files but the languages.
fn literals() -> (BTreeSet<&'static str>, BTreeSet<&'static str>) {
    let (mut whole, mut begun) = (BTreeSet::new(), BTreeSet::new());
    for file in FILES.iter().filter(|file| file.name.ends_with(".js") && !["en.js", "de.js"].contains(&file.name)) {
        for line in file.text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            whole.extend(line.split('\'').skip(1).step_by(2));
            begun.extend(line.split('`').skip(1).step_by(2).filter_map(|text| Some(text.split_once("${")?.0)));
        }
    }
    (whole, begun)
}

/// The keys that are written out: arguments of `say` and `tell`, and whatever begins as a key does.
fn asked(texts: &Texts) -> BTreeSet<&'static str> {
    let groups: BTreeSet<&str> = texts.keys().filter_map(|key| Some(key.split_once('.')?.0)).collect();
    let is_key = |text: &&str| text.split_once('.').is_some_and(|(group, _)| groups.contains(group));
    let alike = literals().0.into_iter().filter(is_key).filter(|text| !text.contains([' ', '/']));
    let files = FILES.iter().filter(|file| file.name.ends_with(".js"));
    let calls = files.flat_map(|file| ["say('", "tell('"].iter().flat_map(|call| after(file.text, call)));
    calls.chain(alike).collect()
}

/// What is quoted after each `call` that is no method of something.
fn after(text: &'static str, call: &str) -> Vec<&'static str> {
    let is_function = |at: usize| !text[..at].ends_with(|before: char| before == '.' || before.is_alphanumeric());
    let found = text.match_indices(call).filter(|&(at, _)| is_function(at));
    found.filter_map(|(at, _)| Some(text[at + call.len()..].split_once('\'')?.0)).collect()
}

#[test]
fn both_languages_have_the_same_texts_with_the_same_values() {
    let (english, german) = (texts("en.js"), texts("de.js"));
    assert_eq!(english.keys().collect::<Vec<_>>(), german.keys().collect::<Vec<_>>());
    for (key, forms) in &english {
        assert_eq!(values(forms), values(&german[key]), "{key}");
        assert_eq!(forms.len() > 1, german[key].len() > 1, "{key}: a plural in one language only");
        let has_number = values(forms).contains("n");
        assert!(forms.len() == 1 || has_number, "{key}: a plural without {{n}}");
        for form in forms.iter().chain(&german[key]) {
            assert!(!form.trim().is_empty() && !form.contains("  "), "{key}: `{form}`");
        }
    }
}

#[test]
#[cfg(feature = "fetch")]
fn what_networks_are_good_for_is_said_as_in_the_catalogue() {
    let mut english = texts("en.js");
    english.retain(|key, _| key.starts_with("network."));
    let said = |entry: crate::hub::catalogue::Entry| {
        (format!("network.{}", entry.name), vec![entry.good_for.replace('\'', "’")])
    };
    assert_eq!(english, crate::hub::catalogue::entries().into_iter().map(said).collect());
}

#[test]
fn each_text_that_is_asked_for_is_there_and_each_that_is_there_is_asked_for() {
    let (english, (whole, begun)) = (texts("en.js"), literals());
    let missing: Vec<_> = asked(&english).into_iter().filter(|key| !english.contains_key(*key)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    let groups: BTreeSet<&str> = FILES.iter().flat_map(|file| after(file.text, "ofCode('")).collect();
    let in_group = |key: &str| key.split_once('.').is_some_and(|(group, _)| groups.contains(group));
    let is_begun =
        |key: &str| in_group(key) || begun.iter().any(|start| start.ends_with('.') && key.starts_with(start));
    let unused: Vec<_> = english.keys().filter(|key| !whole.contains(&key[..]) && !is_begun(key)).collect();
    assert_eq!(unused, Vec::<&String>::new());
}

#[test]
fn no_other_file_of_the_page_says_anything() {
    let is_said = |text: &&str| {
        let begins = text.starts_with(char::is_uppercase) && text.contains(' ');
        begins || text.contains('…') || text.ends_with(". ")
    };
    let (whole, begun) = literals();
    let said: Vec<_> = whole.into_iter().chain(begun).filter(|text| *text != "Bearer ").filter(is_said).collect();
    assert_eq!(said, Vec::<&str>::new());
}

/// A name or a word may be the same in both; a sentence that is was not translated.
#[test]
fn every_sentence_is_another_one_in_german() {
    let (english, german) = (texts("en.js"), texts("de.js"));
    let is_sentence = |text: &String| text.split(' ').filter(|word| word.starts_with(char::is_alphabetic)).count() >= 3;
    let same: Vec<_> = english
        .iter()
        .filter(|(key, forms)| german[*key].iter().any(|form| forms.contains(form) && is_sentence(form)))
        .collect();
    assert!(same.is_empty(), "{same:?}");
}
