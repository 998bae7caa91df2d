//! Man pages and completions know every sub-command.

use std::path::Path;
use std::process::Command;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}

#[test]
fn every_subcommand_has_a_man_page_and_is_completed_in_every_shell() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_edgetl-tools")).arg("documents").arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let completions = ["bash/edgetl.bash", "zsh/_edgetl", "fish/edgetl.fish"];
    let completions = completions.map(|name| read(&folder.path().join("completions").join(name)));
    let names: Vec<String> =
        edgetl::cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    assert!(names.contains(&"collect".to_owned()), "{names:?}");
    for name in names {
        let page = read(&folder.path().join(format!("man/edgetl-{name}.1")));
        assert!(page.contains(".SH SYNOPSIS") && page.contains(".SH OPTIONS"), "{name}: {page}");
        for text in &completions {
            assert!(text.contains(&name), "{name}");
        }
    }
    assert!(read(&folder.path().join("man/edgetl.1")).contains("edgetl\\-fit\\-head(1)"));
}
