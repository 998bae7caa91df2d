//! `tools/gpu/bring` and `check` as far as they go without a GPU.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use predicates::prelude::*;
use predicates::str::contains;

const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/gpu");

struct Desk {
    root: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn run(&self, tool: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new("python3");
        command.arg(Path::new(TOOLS).join(tool)).args(arguments).current_dir(self.root.path());
        // No GPU, whatever this machine has.
        let nothing = self.path("bin/nvidia-smi");
        std::fs::create_dir_all(nothing.parent().unwrap()).unwrap();
        std::fs::write(&nothing, "#!/bin/sh\nexit 9\n").unwrap();
        std::fs::set_permissions(&nothing, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        command.env("XDG_CACHE_HOME", self.path("cache")).env("PATH", path).env_remove("EDGETL_ONNXRUNTIME");
        command.output().unwrap()
    }

    /// Two files, in pieces of at most 30,000 bytes.
    fn bring(&self) -> Vec<PathBuf> {
        let bytes = |count: u32| (0..count).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>();
        std::fs::write(self.path("one.whl"), bytes(70_000)).unwrap();
        std::fs::write(self.path("two.txt"), bytes(20_001)).unwrap();
        let flags = ["--only-added", "--add", "one.whl", "--add", "two.txt", "--piece", "30000", "--to", "pieces"];
        let output = self.run("bring", &flags);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| self.path(line.split_whitespace().next().unwrap())).collect()
    }
}

#[test]
#[cfg_attr(not(has_python), ignore = "needs python3")]
fn pieces_travel_one_by_one_and_are_put_together_by_their_sums() {
    let desk = Desk::new();
    let pieces = desk.bring();
    assert_eq!(pieces.len(), 4);
    assert!(pieces.iter().all(|piece| std::fs::metadata(piece).unwrap().len() <= 30_000));
    for (number, piece) in pieces.iter().enumerate() {
        let one = desk.path("one piece");
        std::fs::create_dir_all(&one).unwrap();
        std::fs::copy(desk.path("pieces/bundle.json"), one.join("bundle.json")).unwrap();
        std::fs::copy(piece, one.join(piece.file_name().unwrap())).unwrap();
        let taken = String::from_utf8(desk.run("check", &["--take", "one piece"]).stdout).unwrap();
        let said = if number < 3 { "missing: piece." } else { "missing: none" };
        assert!(contains(said).eval(&taken), "{taken}");
        std::fs::remove_dir_all(&one).unwrap();
    }
    let stored = desk.path("cache/edgetl-gpu");
    let mut piece = std::fs::read(stored.join("piece.001")).unwrap();
    piece[17] ^= 1;
    std::fs::write(stored.join("piece.001"), &piece).unwrap();
    let refused = desk.run("check", &[]);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(contains("error: expected SHA-256").and(contains("piece.001")).eval(&stderr), "{stderr}");
}

#[test]
#[cfg_attr(not(has_python), ignore = "needs python3")]
fn what_cannot_be_tried_is_not_passed() {
    let desk = Desk::new();
    let output = desk.run("check", &["--edgetl", env!("CARGO_BIN_EXE_edgetl")]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{stdout}");
    for line in [
        "ok        refusals",
        "not run   golden vectors",
        "no NVIDIA GPU",
        "ok        serve on tract",
        "no program `tools`",
    ] {
        assert!(contains(line).eval(&stdout), "expected `{line}` in: {stdout}");
    }
}
