//! Commands for the user to paste.

use std::path::Path;

use super::context::Context;
use super::environment;

/// Writes `edgetl …` commands that find the state directory of this run.
pub struct Shell {
    state: Option<String>,
}

impl Shell {
    pub fn new(context: &Context) -> Self {
        let state = context.state.path();
        let found_anyway = context.config.state.as_deref() == Some(state)
            || environment::variable("EDGETL_STATE").is_some_and(|named| Path::new(&named) == state)
            || super::context::unnamed_state() == state;
        Self { state: (!found_anyway).then(|| state.to_string_lossy().into_owned()) }
    }

    /// `arguments` as words of a POSIX shell.
    pub fn edgetl<'a>(&'a self, arguments: impl IntoIterator<Item = &'a str>) -> String {
        let state = self.state.as_deref().map(|state| ["--state", state]);
        let words = std::iter::once("edgetl").chain(arguments).chain(state.into_iter().flatten());
        // A path with a NUL does not exist, and a label has no control characters.
        shlex::Quoter::new().allow_nul(true).join(words).expect("NUL is allowed, and nothing else is refused")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_and_a_state_directory_of_its_own_is_named() {
        let here = Shell { state: None };
        assert_eq!(here.edgetl(["samples", "relabel", "red ant"]), "edgetl samples relabel 'red ant'");
        let there = Shell { state: Some("/srv/a b".into()) };
        assert_eq!(there.edgetl(["advise"]), "edgetl advise --state '/srv/a b'");
    }
}
