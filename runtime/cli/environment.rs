//! `EDGETL_*` variables: an empty one counts as not set, as a unit or a script clears one.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;

/// The variable `name`, unless it is empty.
pub fn variable(name: impl AsRef<OsStr>) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// `command`, and its sub-commands, with no flag that takes its value from an empty variable.
pub fn without_empty(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|flag| match flag.get_env() {
        Some(name) if std::env::var_os(name).is_some_and(|value| value.is_empty()) => flag.env(Resettable::Reset),
        _ => flag,
    });
    command.mut_subcommands(without_empty)
}
