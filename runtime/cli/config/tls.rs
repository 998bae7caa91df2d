//! How the service is to speak TLS.

use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// Without one there is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TlsConfig {
    Off,
    SelfSigned,
    /// In PEM.
    Files {
        certificate: PathBuf,
        key: PathBuf,
    },
}

#[derive(Debug, thiserror::Error)]
#[error("expected `self-signed`, `off`, or the files CERTIFICATE,KEY, got `{0}`")]
pub struct ParseTlsError(String);

impl FromStr for TlsConfig {
    type Err = ParseTlsError;

    fn from_str(text: &str) -> Result<Self, ParseTlsError> {
        match text.split_once(',') {
            None if text == "self-signed" => Ok(Self::SelfSigned),
            None if text == "off" => Ok(Self::Off),
            Some((certificate, key)) if !certificate.is_empty() && !key.is_empty() => {
                Ok(Self::Files { certificate: certificate.into(), key: key.into() })
            }
            _ => Err(ParseTlsError(text.to_owned())),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected \"self-signed\", \"off\" or { certificate = \"FILE\", key = \"FILE\" }")]
enum Written {
    Word(Word),
    Files(Files),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Off,
    SelfSigned,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl<'de> Deserialize<'de> for TlsConfig {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Word(Word::Off) => Self::Off,
            Written::Word(Word::SelfSigned) => Self::SelfSigned,
            Written::Files(Files { certificate, key }) => Self::Files { certificate, key },
        })
    }
}

#[cfg(feature = "serve")]
impl TlsConfig {
    /// `None` where there is to be none.
    pub fn wanted(self) -> Option<crate::serve::Tls> {
        match self {
            Self::Off => None,
            Self::SelfSigned => Some(crate::serve::Tls::SelfSigned),
            Self::Files { certificate, key } => Some(crate::serve::Tls::Files { certificate, key }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_or_two_files_are_meant_and_nothing_else() {
        let files = TlsConfig::Files { certificate: "a.pem".into(), key: "b.pem".into() };
        let words = [("self-signed", TlsConfig::SelfSigned), ("off", TlsConfig::Off)];
        for (word, meant) in words {
            assert_eq!(word.parse::<TlsConfig>().unwrap(), meant);
            assert_eq!(read(&format!("tls = \"{word}\"")).unwrap(), meant);
        }
        assert_eq!("a.pem,b.pem".parse::<TlsConfig>().unwrap(), files);
        assert_eq!(read("[tls]\ncertificate = \"a.pem\"\nkey = \"b.pem\"").unwrap(), files);
        for wrong in ["", "on", "a.pem", "a.pem,", ",b.pem"] {
            assert!(wrong.parse::<TlsConfig>().unwrap_err().to_string().contains(&format!("`{wrong}`")));
        }
        for wrong in ["tls = true", "tls = \"on\"", "tls = { certificate = \"a.pem\" }"] {
            assert!(read(wrong).unwrap_err().to_string().contains("self-signed"), "{wrong}");
        }
    }

    fn read(text: &str) -> Result<TlsConfig, toml::de::Error> {
        #[derive(Deserialize)]
        struct Section {
            tls: TlsConfig,
        }
        toml::from_str::<Section>(text).map(|section| section.tls)
    }
}
