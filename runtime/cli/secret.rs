//! Passwords, tokens and keys: from a file or a variable, never from a flag, since every user of a machine can read command lines.

use std::path::Path;

use anyhow::Context as _;

#[cfg(feature = "announce")]
use super::environment;

/// What the file says, else the variable, where there is one of them.
#[cfg(feature = "announce")]
pub fn secret(what: &str, file: Option<&Path>, variable: &str) -> anyhow::Result<Option<String>> {
    match file {
        Some(file) => read(what, file).map(Some),
        None => Ok(environment::variable(variable).map(|value| value.to_string_lossy().trim().to_owned())),
    }
}

/// What the file says.
pub fn read(what: &str, file: &Path) -> anyhow::Result<String> {
    let failed = || format!("cannot read the {what} in `{}`", file.display());
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).with_context(failed)?.permissions()) & 0o007 > 0
    {
        tracing::warn!("every user of this machine can read the {what} in `{}`", file.display());
    }
    Ok(crate::files::read_to_string(file, 1 << 16).with_context(failed)?.trim().to_owned())
}
