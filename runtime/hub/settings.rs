//! The variables that users of the hub know.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How this machine reaches the hub.
#[derive(Clone)]
pub struct Settings {
    /// `HF_ENDPOINT`, without a slash at its end.
    pub endpoint: String,
    /// `HF_TOKEN`, else what the file `HF_TOKEN_PATH` or `$HF_HOME/token` holds.
    pub token: Option<String>,
    /// `HF_HUB_CACHE`, else `$HF_HOME/hub`; read, never written.
    pub cache: Option<PathBuf>,
    /// `HF_HUB_OFFLINE`: nothing but the cache.
    pub offline: bool,
    /// `HF_HUB_DOWNLOAD_TIMEOUT`: how long a server may say nothing.
    pub patience: Duration,
}

const ENDPOINT: &str = "https://huggingface.co";
const PATIENCE: Duration = Duration::from_secs(10);
/// A token has 37 bytes.
const TOKEN_LIMIT: u64 = 4096;

impl Settings {
    /// By the variables that `variable` gives.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| {
            let value = variable(name)?.to_string_lossy().trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let caches = || path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")));
        let home = path("HF_HOME").or_else(|| Some(caches()?.join("huggingface")));
        let in_home = |name: &str| home.as_ref().map(|home| home.join(name));
        let token_file = path("HF_TOKEN_PATH").or_else(|| in_home("token"));
        let seconds = text("HF_HUB_DOWNLOAD_TIMEOUT").and_then(|seconds| seconds.parse().ok());
        let is_on = |value: String| ["1", "ON", "YES", "TRUE"].contains(&value.to_ascii_uppercase().as_str());
        Self {
            endpoint: text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned()).trim_end_matches('/').to_owned(),
            token: text("HF_TOKEN").or_else(|| token_in(&token_file?)),
            cache: path("HF_HUB_CACHE").or_else(|| in_home("hub")),
            offline: text("HF_HUB_OFFLINE").is_some_and(is_on),
            patience: seconds.filter(|seconds| *seconds > 0).map_or(PATIENCE, Duration::from_secs),
        }
    }
}

fn token_in(file: &std::path::Path) -> Option<String> {
    let bytes = crate::files::read(file, TOKEN_LIMIT).ok()?;
    let token = String::from_utf8(bytes).ok()?.trim().to_owned();
    (!token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let variables: HashMap<&str, &str> = variables.iter().copied().collect();
        Settings::from_variables(|name| variables.get(name).map(OsString::from))
    }

    #[test]
    fn what_is_not_set_is_as_the_hubs_own_tools_have_it() {
        let plain = settings(&[("HOME", "/home/ada")]);
        assert_eq!((plain.endpoint.as_str(), plain.token, plain.offline), (ENDPOINT, None, false));
        assert_eq!(plain.cache.unwrap(), PathBuf::from("/home/ada/.cache/huggingface/hub"));
        assert_eq!(settings(&[]).cache, None);
    }

    #[test]
    fn every_variable_counts_and_an_empty_one_does_not() {
        let set = settings(&[
            ("HF_ENDPOINT", "http://127.0.0.1:9/"),
            ("HF_TOKEN", " good "),
            ("HF_HOME", "/hf"),
            ("HF_HUB_OFFLINE", "yes"),
            ("HF_HUB_DOWNLOAD_TIMEOUT", "3"),
        ]);
        assert_eq!((set.endpoint.as_str(), set.token.as_deref()), ("http://127.0.0.1:9", Some("good")));
        assert_eq!((set.cache.unwrap(), set.offline, set.patience.as_secs()), ("/hf/hub".into(), true, 3));
        let empty =
            settings(&[("HF_ENDPOINT", ""), ("HF_HUB_OFFLINE", "0"), ("HF_HUB_CACHE", "/c"), ("HF_HOME", "/h")]);
        assert_eq!((empty.endpoint.as_str(), empty.offline, empty.cache.unwrap()), (ENDPOINT, false, "/c".into()));
    }

    #[test]
    fn a_token_may_lie_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "good\n").unwrap();
        let home = folder.path().to_str().unwrap();
        assert_eq!(settings(&[("HF_HOME", home)]).token.as_deref(), Some("good"));
        assert_eq!(settings(&[("HF_HOME", home), ("HF_TOKEN", "mine")]).token.as_deref(), Some("mine"));
        assert_eq!(
            settings(&[("HF_HOME", "/none"), ("HF_TOKEN_PATH", &format!("{home}/token"))]).token.as_deref(),
            Some("good")
        );
    }
}
