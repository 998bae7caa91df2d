//! Flags and variables do what they say whatever else is said: quiet commands work, empty variables are not set.

use predicates::prelude::*;
use predicates::str::contains;

use crate::common::Device;

/// Every variable that a flag reads, and the token's.
fn variables() -> Vec<String> {
    fn of(command: &clap::Command, found: &mut Vec<String>) {
        let names = command.get_arguments().filter_map(|flag| flag.get_env());
        found.extend(names.map(|name| name.to_str().unwrap().to_owned()));
        command.get_subcommands().for_each(|command| of(command, found));
    }
    let mut found = vec!["EDGETL_TOKEN".to_owned()];
    of(&edgetl::cli::command(), &mut found);
    found.sort();
    found.dedup();
    found
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let device = Device::new();
    let variables = variables();
    assert!(variables.len() >= 10 && variables.iter().all(|name| name.starts_with("EDGETL_")), "{variables:?}");
    let run = |arguments: &[&str], empty: bool| {
        let mut command = device.edgetl(arguments);
        command.env_remove("EDGETL_STATE");
        if empty {
            command.envs(variables.iter().map(|name| (name, "")));
        }
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    // Else the service would go on.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for arguments in [
        &["samples", "list"][..],
        &["serve", "--address", &address],
        &["serve", "--address", "0.0.0.0:0"],
        &["predict", "nothing.png"],
        &["collect", "nothing"],
    ] {
        assert_eq!(run(arguments, true), run(arguments, false), "{arguments:?}");
    }
    assert_eq!(run(&["doctor", "--provider", "tract"], true).0, Some(0));
    assert!(run(&["serve", "--help"], false).1.contains("EDGETL_ADDRESS"), "what is not set is still told of");
}

#[test]
fn a_variable_that_is_not_empty_is_obeyed_and_one_that_is_wrong_is_named() {
    let device = Device::new();
    let wrong = device.edgetl(&["doctor"]).env("EDGETL_PROVIDER", "abacus").assert();
    wrong.code(2).stderr(contains("abacus"));
    let elsewhere = device.edgetl(&["doctor", "--provider", "tract"]).env("EDGETL_STATE", "elsewhere").assert();
    elsewhere.success().stdout(contains("state `elsewhere`"));
}

#[test]
#[cfg(unix)]
fn quiet_or_not_doctor_installs_onnx_runtime() {
    use std::os::unix::fs::PermissionsExt as _;
    for quiet in [&[][..], &["-q"], &["-qq"], &["--json"]] {
        let device = Device::new();
        let python = device.path("bin/python3");
        std::fs::create_dir(device.path("bin")).unwrap();
        std::fs::write(&python, "#!/bin/sh\necho \"$@\" >installed\necho /somewhere/libonnxruntime.so\n").unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        let arguments = [&["doctor", "--provider", "tract", "--install-onnxruntime=lib"], quiet].concat();
        device.edgetl(&arguments).env("PATH", device.path("bin")).assert().success();
        let asked = std::fs::read_to_string(device.path("installed")).expect("the script was run");
        assert!(contains("--to lib").eval(&asked), "{asked}");
    }
}
