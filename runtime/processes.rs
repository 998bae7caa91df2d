//! Programs that are started with all that they start: a group of processes of their own.

use std::process::{Child, Command};

/// What a group is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Farewell {
    /// To end.
    End,
    /// Nothing: it is ended.
    Kill,
}

/// Variables in which passwords and keys are told to this program, and to no other.
const SECRETS: [&str; 3] = ["EDGETL_TOKEN", "EDGETL_MQTT_PASSWORD", "EDGETL_WEBHOOK_SECRET"];

/// Keeps what this program alone is to know from the program.
pub fn without_secrets(command: &mut Command) {
    SECRETS.iter().for_each(|name| {
        command.env_remove(name);
    });
}

/// Makes the program the first of a group of processes.
#[cfg(unix)]
pub fn lead_a_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
pub fn lead_a_group(_: &mut Command) {}

/// To the whole group. Where nobody of it is left there is nothing to do.
#[cfg(unix)]
pub fn tell_group(process: &Child, farewell: Farewell) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let signal = match farewell {
        Farewell::End => Signal::TERM,
        Farewell::Kill => Signal::KILL,
    };
    let _ = kill_process_group(Pid::from_child(process), signal);
}

#[cfg(not(unix))]
pub fn tell_group(_: &Child, _: Farewell) {}
