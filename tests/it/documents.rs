//! Man pages and completions know every command.

use std::path::PathBuf;

use crate::common::Device;

fn printed(device: &Device, arguments: &[&str]) -> String {
    let output = device.edgetl(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The words of every command and of what is below it, as `["samples", "list"]`.
fn commands() -> Vec<Vec<String>> {
    fn below(command: &clap::Command, words: &[String], found: &mut Vec<Vec<String>>) {
        for sub in command.get_subcommands() {
            let words = [words, &[sub.get_name().to_owned()]].concat();
            found.push(words.clone());
            below(sub, &words, found);
        }
    }
    let mut found = Vec::new();
    below(&edgetl::cli::command(), &[], &mut found);
    assert!(found.contains(&vec!["samples".to_owned(), "list".to_owned()]), "{found:?}");
    found
}

#[test]
fn completions_of_every_shell_know_every_command() {
    let device = Device::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&device, &["completions", shell]);
        for words in commands() {
            assert!(script.contains(words.last().unwrap()), "{shell}: {words:?}");
        }
    }
    device.edgetl(&["completions", "cobol"]).assert().code(2);
}

#[test]
fn man_prints_one_page_and_writes_one_for_every_command_into_a_folder() {
    let device = Device::new();
    let page = printed(&device, &["man"]);
    assert!(page.contains(".SH SYNOPSIS") && page.contains("edgetl\\-fit\\-head(1)"), "{page}");
    printed(&device, &["man", "new/pages"]);
    let folder: PathBuf = device.path("new/pages");
    assert_eq!(std::fs::read_to_string(folder.join("edgetl.1")).unwrap(), page);
    for words in commands() {
        let file = folder.join(format!("edgetl-{}.1", words.join("-")));
        let page = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("`{}`: {error}", file.display()));
        assert!(page.contains(".SH SYNOPSIS") && page.contains(".SH OPTIONS"), "{words:?}: {page}");
    }
}
