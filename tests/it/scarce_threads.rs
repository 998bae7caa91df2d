//! Where the system refuses threads: fewer of them do the work, or an error says what is wrong; nothing panics.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

use crate::common::{Device, backbone};

/// A user of whom no other process is.
const USER: u32 = 54_321;

/// Everything below the device's folder belongs to [`USER`] from here on, which only root can say.
fn give(device: &Device) {
    let all = walkdir::WalkDir::new(device.path("")).into_iter().map(|entry| entry.unwrap().into_path());
    all.into_iter().for_each(|path| chown(path, Some(USER), Some(USER)).unwrap());
}

/// Runs `edgetl` with at most `threads` threads beside its first.
fn run(device: &Device, threads: u32, arguments: &[&str]) -> Output {
    // Beyond the program's own folder, which another user may not enter.
    let program = device.path("edgetl");
    if !program.exists() {
        std::fs::copy(env!("CARGO_BIN_EXE_edgetl"), &program).unwrap();
    }
    let mut command = Command::new("prlimit");
    command.arg(format!("--nproc={}", threads + 1)).arg(program).args(arguments).uid(USER).gid(USER);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("EDGETL_STATE", device.state())
        .env("EDGETL_PROVIDER", "tract");
    command.env("RAYON_NUM_THREADS", "4").current_dir(device.path("")).output().unwrap()
}

#[test]
#[cfg_attr(not(is_root), ignore = "needs root")]
fn no_command_panics_however_few_threads_there_are_and_those_that_end_well_did_it_all() {
    let device = Device::taught();
    device.draw("more", 2, 50);
    give(&device);
    let commands: [&[&str]; 7] = [
        &["predict", "more", "--threads", "4"],
        &["collect", "more", "--threads", "4", "--backbone", backbone()],
        &["collect", "more", "--threads", "4", "--views", "2"],
        &["fit-head"],
        &["eval", "more", "--threads", "4"],
        &["samples", "doctor"],
        &["serve", "--address", "127.0.0.1:0"],
    ];
    for arguments in commands {
        for threads in 0..5 {
            if arguments[0] == "serve" && threads > 1 {
                continue;
            }
            let output = run(&device, threads, arguments);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(!stderr.contains("panicked"), "{arguments:?} with {threads}: {stderr}");
            match output.status.code() {
                Some(0) => {}
                Some(1) => assert!(
                    stderr.contains("Resource temporarily unavailable") && stderr.contains("TasksMax="),
                    "{arguments:?} with {threads}: {stderr}"
                ),
                other => panic!("{arguments:?} with {threads}: {other:?}: {stderr}"),
            }
        }
    }
    let fitted = run(&device, 0, &["fit-head"]);
    assert!(fitted.status.success(), "{}", String::from_utf8_lossy(&fitted.stderr));
    let predicted = run(&device, 2, &["predict", "more", "--threads", "4"]);
    assert!(predicted.status.success());
    assert_eq!(
        String::from_utf8_lossy(&predicted.stdout).lines().count(),
        run(&device, 20, &["predict", "more"]).stdout.split(|&b| b == b'\n').count() - 1
    );
}
