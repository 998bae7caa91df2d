//! `tools/archive/install.sh`, run for real in folders of its own on archives that `tools/archive/build` makes of a stand-in program.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use predicates::prelude::*;
use predicates::str::contains;
use sha2::{Digest, Sha256};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const X86: &str = "x86_64-unknown-linux-gnu";
const ARM: &str = "aarch64-unknown-linux-gnu";

/// A folder as a release has it, a place to install to, and programs that tell another machine than this one.
struct Release {
    root: tempfile::TempDir,
}

impl Release {
    fn new() -> Self {
        let release = Self { root: tempfile::tempdir().unwrap() };
        for (program, says) in [("uname", "case $1 in -s) echo Linux ;; *) echo x86_64 ;; esac"), ("getconf", GLIBC)] {
            release.script(&format!("machine/{program}"), says);
        }
        fs::create_dir(release.path("release")).unwrap();
        fs::copy(format!("{ROOT}/tools/archive/install.sh"), release.path("release/install.sh")).unwrap();
        release
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn script(&self, name: &str, commands: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{commands}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Adds the archive of a program which says that it is of `version`, and writes the sums anew.
    fn add(&self, version: &str, target: &str) -> PathBuf {
        self.add_program(version, target, &format!("echo edgetl {version}"))
    }

    fn add_program(&self, version: &str, target: &str, commands: &str) -> PathBuf {
        self.script("built/edgetl", commands);
        let documents = self.path("documents");
        for file in
            [format!("man/edgetl-{version}.1.gz"), "completions/edgetl.bash".into(), "completions/edgetl.zsh".into()]
        {
            fs::create_dir_all(documents.join(&file).parent().unwrap()).unwrap();
            fs::write(documents.join(&file), b"").unwrap();
        }
        fs::write(documents.join("completions/edgetl.fish"), b"").unwrap();
        let made = Command::new(format!("{ROOT}/tools/archive/build"))
            .args([self.path("built/edgetl"), version.into(), target.into(), self.path("release")])
            .env("EDGETL_DOCUMENTS", &documents)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        fs::remove_dir_all(documents.join("man")).unwrap();
        self.sum();
        PathBuf::from(String::from_utf8(made.stdout).unwrap().trim())
    }

    fn sum(&self) {
        let files = fs::read_dir(self.path("release")).unwrap().map(|entry| entry.unwrap().path());
        let archives = files.filter(|path| path.extension().is_some_and(|end| end == "gz"));
        let line = |path: PathBuf| {
            let digest: String =
                Sha256::digest(fs::read(&path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{digest}  {}\n", path.file_name().unwrap().to_str().unwrap())
        };
        fs::write(self.path("release/SHA256SUMS"), archives.map(line).collect::<String>()).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let path = format!("{}:{}", self.path("machine").display(), std::env::var("PATH").unwrap());
        Command::new("sh")
            .arg(self.path("release/install.sh"))
            .args(arguments)
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .output()
            .unwrap()
    }

    fn succeeds(&self, arguments: &[&str], says: &str) {
        let output = self.run(arguments);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && stderr.is_empty(), "{stderr}");
        assert!(contains(says).eval(&stdout), "expected `{says}` in: {stdout}");
    }

    /// Holds that it is refused with `words`, and that nothing is in the place.
    fn refuses(&self, arguments: &[&str], words: &[&str]) {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        for words in ["error: "].iter().chain(words) {
            assert!(contains(*words).eval(&stderr), "expected `{words}` in: {stderr}");
        }
        assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
        assert!(files(&self.path("to")).is_empty(), "{:?}", files(&self.path("to")));
    }

    fn to(&self) -> String {
        self.path("to").to_str().unwrap().to_owned()
    }
}

const GLIBC: &str = "case $1 in LONG_BIT) echo 64 ;; *) echo glibc 2.36 ;; esac";

/// Every file below `folder`, by its path from there.
fn files(folder: &Path) -> Vec<String> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok);
    let files = entries.filter(|entry| !entry.file_type().is_dir());
    files.map(|entry| entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn a_release_is_installed_again_upgraded_and_taken_away() {
    let release = Release::new();
    let to = release.to();
    let flags = ["--prefix", to.as_str()];
    release.add("1.9.0", X86);
    release.add("1.9.0", ARM);
    release.succeeds(&flags, &format!("installed edgetl 1.9.0 in {to}\n"));
    let first = files(Path::new(&to));
    for file in [
        "bin/edgetl",
        "share/man/man1/edgetl-1.9.0.1.gz",
        "share/edgetl/install-onnxruntime",
        "share/doc/edgetl/LICENSE-MIT",
    ] {
        assert!(first.iter().any(|name| name == file), "{file} in {first:?}");
    }
    let ran = Command::new(Path::new(&to).join("bin/edgetl")).output().unwrap();
    assert_eq!(ran.stdout, b"edgetl 1.9.0\n");
    release.succeeds(&flags, "installed edgetl 1.9.0 in");
    assert_eq!(files(Path::new(&to)), first, "the second run changes nothing");
    // What is another's stays.
    fs::write(Path::new(&to).join("bin/other"), b"").unwrap();
    release.add("1.10.0", X86);
    release.succeeds(&flags, "installed edgetl 1.10.0 in");
    let second = files(Path::new(&to));
    assert!(second.contains(&"share/man/man1/edgetl-1.10.0.1.gz".to_owned()), "{second:?}");
    assert!(!second.contains(&"share/man/man1/edgetl-1.9.0.1.gz".to_owned()), "{second:?}");
    release.succeeds(&["--prefix", &to, "--uninstall"], "removed edgetl from");
    assert_eq!(files(Path::new(&to)), ["bin/other"]);
    let again = release.run(&["--prefix", &to, "--uninstall"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(contains("that this script installed, got none").eval(&String::from_utf8_lossy(&again.stderr)));
}

#[test]
fn without_root_it_goes_into_the_users_own_folder() {
    let release = Release::new();
    release.add("1.0.0", X86);
    release.script("machine/id", "echo 1000");
    release.refuses(&[], &["expected root, which /usr/local belongs to", "--user"]);
    release.succeeds(&["--user"], &format!("installed edgetl 1.0.0 in {}/.local", release.path("home").display()));
    assert!(release.path("home/.local/bin/edgetl").is_file());
    release.succeeds(&["--user", "--uninstall"], "removed edgetl");
    assert!(files(&release.path("home")).is_empty());
}

#[test]
fn a_flipped_byte_another_release_and_a_program_that_does_not_run_are_refused() {
    let release = Release::new();
    let to = release.to();
    let flags = ["--prefix", to.as_str()];
    let archive = release.add("1.0.0", X86);
    let whole = fs::read(&archive).unwrap();
    for place in [0, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        fs::write(&archive, damaged).unwrap();
        release.refuses(&flags, &["expected the SHA-256", "the file is damaged or another", "hint: "]);
    }
    fs::write(&archive, &whole[..whole.len() - 1]).unwrap();
    release.refuses(&flags, &["expected the SHA-256"]);
    fs::write(&archive, &whole).unwrap();
    let sums = fs::read_to_string(release.path("release/SHA256SUMS")).unwrap();
    fs::write(release.path("release/SHA256SUMS"), sums.replace("1.0.0", "0.9.0")).unwrap();
    release.refuses(&flags, &["expected a line for", "both must be of one release"]);
    fs::remove_file(release.path("release/SHA256SUMS")).unwrap();
    release.refuses(&flags, &["SHA256SUMS`, got none"]);
    release.add_program("1.0.0", X86, "echo 'no such instruction' >&2; exit 132");
    release.refuses(&flags, &["the program does not run here: no such instruction"]);
}

#[test]
fn a_machine_that_no_archive_is_for_is_refused_with_the_reason() {
    let release = Release::new();
    let to = release.to();
    let flags = ["--prefix", to.as_str()];
    release.add("1.0.0", X86);
    let machine = |system: &str, machine: &str| {
        release.script("machine/uname", &format!("case $1 in -s) echo {system} ;; *) echo {machine} ;; esac"));
    };
    machine("Linux", "aarch64");
    release.refuses(&flags, &["expected edgetl-VERSION-aarch64-unknown-linux-gnu.tar.gz", "got edgetl-1.0.0-x86_64"]);
    release.script("machine/getconf", "case $1 in LONG_BIT) echo 32 ;; *) echo glibc 2.36 ;; esac");
    release.refuses(&flags, &["expected edgetl-VERSION-armv7-unknown-linux-gnueabihf.tar.gz"]);
    machine("Linux", "riscv64");
    release.refuses(&flags, &["expected an x86_64, aarch64 or armv7 processor", "got riscv64"]);
    machine("Darwin", "x86_64");
    release.refuses(&flags, &["expected Linux, got Darwin"]);
    machine("Linux", "x86_64");
    release.script("machine/getconf", "case $1 in LONG_BIT) echo 64 ;; *) echo glibc 2.27 ;; esac");
    release.refuses(&flags, &["expected glibc 2.28 or newer, got 2.27", "cargo install"]);
    release.script("machine/getconf", "case $1 in LONG_BIT) echo 64 ;; *) exit 1 ;; esac");
    release.refuses(&flags, &["expected glibc 2.28 or newer, got another C library"]);
    release.script("machine/getconf", GLIBC);
    fs::remove_file(release.path(&format!("release/edgetl-1.0.0-{X86}.tar.gz"))).unwrap();
    release.refuses(&flags, &["got no archive"]);
    release.refuses(&["--what"], &["got `--what`"]);
}

#[test]
fn the_script_asks_for_the_c_library_that_the_programs_are_built_for() {
    let floor = |file: &str| {
        let text = fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
        text.lines().find_map(|line| Some(line.strip_prefix("GLIBC_FLOOR=")?.to_owned())).unwrap()
    };
    assert_eq!(floor("tools/archive/install.sh"), floor("tools/cross/targets.sh"));
}
