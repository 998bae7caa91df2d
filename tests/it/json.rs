//! Holds `docs/json.md`: what commands print with `--json` and what the service answers is documented, field by field.

mod keeping;
mod learning;
mod networks;
mod schemas;

use std::collections::BTreeSet;

pub use schemas::Documented;

/// The commands that can be run, as `samples list`.
fn commands() -> BTreeSet<String> {
    fn below(command: &clap::Command, words: &str, found: &mut BTreeSet<String>) {
        for sub in command.get_subcommands() {
            let words = format!("{words} {}", sub.get_name());
            below(sub, &words, found);
            if !sub.is_subcommand_required_set() {
                found.insert(words.trim_start().to_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    below(&edgetl::cli::command(), "", &mut found);
    assert!(found.contains("samples list") && !found.contains("samples"), "{found:?}");
    found
}

#[test]
fn every_command_has_a_section_and_every_section_a_command() {
    let documented = Documented::read();
    let (commands, sections) = (commands(), documented.sections());
    let missing: Vec<_> = commands.difference(&sections).collect();
    assert!(missing.is_empty(), "docs/json.md has no section for {missing:?}");
    let unknown: Vec<_> = sections.difference(&commands).collect();
    assert!(unknown.is_empty(), "docs/json.md has sections for {unknown:?}, which are no commands");
}

#[test]
fn every_command_prints_and_the_service_answers_what_is_documented_and_nothing_else() {
    let documented = &Documented::read();
    let scenes: [fn(&Documented); 13] = [
        learning::collecting,
        learning::fitting,
        learning::fitting_carefully,
        learning::asking,
        learning::other_tasks,
        keeping::editing,
        keeping::examining,
        networks::importing,
        networks::fetching,
        networks::serving,
        networks::pairing,
        networks::watching,
        networks::reviewing,
    ];
    std::thread::scope(|scope| {
        scenes.map(|scene| scope.spawn(move || scene(documented))).map(|run| run.join().unwrap())
    });
    assert_eq!(documented.unchecked(), Vec::<&str>::new(), "no output was held against these schemas");
}
