//! What a device's owner may set: the sections `[mqtt]`, `[webhook.NAME]`, `[program.NAME]` and `[log]` of the settings.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error};

/// An MQTT broker.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttSettings {
    /// `mqtt://HOST[:PORT]`, or `mqtts://…` over TLS.
    pub broker: BrokerAddress,
    #[serde(default)]
    pub user: Option<String>,
    /// A file with the password; else it is in `EDGETL_MQTT_PASSWORD`.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) to trust instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// What the device is called in topics; the name of the machine where nothing is said.
    #[serde(default, deserialize_with = "name")]
    pub name: Option<String>,
    /// Under which Home Assistant finds what there is; empty: it is not told.
    #[serde(default = "discovery")]
    pub discovery: String,
    /// Whether whoever reaches the broker may teach and roll back; where nothing is said, if the broker asks for a password or is
    /// this machine's own.
    #[serde(default)]
    pub commands: Option<bool>,
}

/// Where a broker is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerAddress {
    pub host: String,
    pub port: u16,
    pub tls: bool,
}

/// An address that is told over HTTP.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    #[serde(deserialize_with = "url")]
    pub url: String,
    /// A file with the key that signs; else it is in `EDGETL_WEBHOOK_SECRET`.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// Certificates (PEM) to trust instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// A program that is started for each event, and reads it on its standard input. No shell is involved.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramSettings {
    #[serde(deserialize_with = "words")]
    pub command: Vec<String>,
}

/// A file of events.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    pub file: PathBuf,
    /// A longer one becomes `FILE.1`.
    #[serde(default = "megabytes", deserialize_with = "at_least_one")]
    pub megabytes: u32,
}

/// What `device_class` of a binary sensor may be.
///
/// Source: <https://www.home-assistant.io/integrations/binary_sensor/#device-class>
pub const BINARY_CLASSES: [&str; 28] = [
    "battery",
    "battery_charging",
    "carbon_monoxide",
    "cold",
    "connectivity",
    "door",
    "garage_door",
    "gas",
    "heat",
    "light",
    "lock",
    "moisture",
    "motion",
    "moving",
    "occupancy",
    "opening",
    "plug",
    "power",
    "presence",
    "problem",
    "running",
    "safety",
    "smoke",
    "sound",
    "tamper",
    "update",
    "vibration",
    "window",
];

impl std::fmt::Debug for WebhookSettings {
    /// Its address may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSettings").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ProgramSettings {
    /// Its arguments may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProgramSettings").field("program", &self.command[0]).finish_non_exhaustive()
    }
}

impl WebhookSettings {
    /// Scheme, host and port: the rest of an address may be a secret.
    pub fn origin(&self) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        format!("{scheme}://{}", authority.rsplit_once('@').map_or(authority, |(_, host)| host))
    }
}

impl MqttSettings {
    /// Whether commands are taken, where the broker is told a password or not.
    pub fn takes_commands(&self, with_password: bool) -> bool {
        let host = self.broker.host.trim_matches(['[', ']']);
        let is_own = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        self.commands.unwrap_or(with_password || is_own)
    }
}

fn discovery() -> String {
    "homeassistant".to_owned()
}

fn megabytes() -> u32 {
    16
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let count = u32::deserialize(deserializer)?;
    if count > 0 { Ok(count) } else { Err(D::Error::custom("expected at least 1, got 0")) }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(deserializer)?;
    if is_plain(&name) {
        return Ok(Some(name));
    }
    Err(D::Error::custom(format!("expected letters, digits, - and _, at most 64, got `{name}`")))
}

/// Whether a name can stand in a topic, and in what Home Assistant calls an id.
pub fn is_plain(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    if host.is_some_and(|host| !host.is_empty() && !host.starts_with('/') && !url.contains(char::is_whitespace)) {
        return Ok(url);
    }
    Err(D::Error::custom("expected an address as https://HOST/… or http://HOST/…"))
}

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let words = shlex::split(&text).ok_or_else(|| D::Error::custom("a quotation mark without its second one"))?;
    if words.first().is_none_or(String::is_empty) {
        return Err(D::Error::custom("expected a program and its arguments, got nothing"));
    }
    Ok(words)
}

impl<'de> Deserialize<'de> for BrokerAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // It is not shown: some write a password into it.
        let expected = "expected a broker as mqtt://HOST, mqtt://HOST:PORT or mqtts://…; user and password have lines of their own";
        Self::new(&text).ok_or_else(|| D::Error::custom(expected))
    }
}

impl BrokerAddress {
    fn new(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let tls = match scheme {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" => true,
            _ => return None,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, behind) = rest.split_once(']')?;
                (host, behind.strip_prefix(':').or(behind.is_empty().then_some("")))
            }
            None => rest.split_once(':').map_or((rest, Some("")), |(host, port)| (host, Some(port))),
        };
        let usual = if tls { 8883 } else { 1883 };
        let port = match port? {
            "" => usual,
            port => port.parse().ok().filter(|port| *port > 0)?,
        };
        let is_host = !host.is_empty() && !host.contains(['@', '/', '?', '#', ' ']);
        is_host.then(|| Self { host: host.to_owned(), port, tls })
    }
}

impl std::fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        write!(f, "{host}:{}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct AnnounceSettings {
        mqtt: Option<MqttSettings>,
        webhook: BTreeMap<String, WebhookSettings>,
        program: BTreeMap<String, ProgramSettings>,
        log: Option<LogSettings>,
    }

    #[test]
    fn a_broker_is_read_in_all_its_forms_and_nothing_else_is() {
        let read = |text| BrokerAddress::new(text).map(|broker| (broker.to_string(), broker.tls));
        for (text, shown, tls) in [
            ("mqtt://10.0.0.2", "10.0.0.2:1883", false),
            ("mqtt://broker.lan:1884/", "broker.lan:1884", false),
            ("mqtts://broker.lan", "broker.lan:8883", true),
            ("mqtt://[::1]", "[::1]:1883", false),
            ("mqtts://[fe80::1]:1", "[fe80::1]:1", true),
        ] {
            assert_eq!(read(text), Some((shown.to_owned(), tls)), "{text}");
        }
        for text in [
            "10.0.0.2",
            "http://broker",
            "mqtt://",
            "mqtt://user:secret@broker",
            "mqtt://broker:0",
            "mqtt://broker:70000",
            "mqtt://broker/x",
            "mqtt://[::1",
            "mqtt://[::1]x",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn settings_are_read_and_mistakes_show_no_secret() {
        let text = r#"
            [mqtt]
            broker = "mqtts://broker.lan"
            user = "edgetl"
            password_file = "/etc/edgetl/mqtt-password"
            ca_file = "/etc/edgetl/ca.pem"
            name = "pi-4"
            discovery = ""
            [webhook.house]
            url = "https://hooks.example/T0/s3cret"
            secret_file = "/etc/edgetl/webhook-secret"
            [program.siren]
            command = "/usr/local/bin/siren --loud 's3cret word'"
            [log]
            file = "/var/lib/edgetl/events.jsonl"
        "#;
        let settings: AnnounceSettings = toml::from_str(text).unwrap();
        assert_eq!(settings.program["siren"].command, ["/usr/local/bin/siren", "--loud", "s3cret word"]);
        assert_eq!(settings.log.as_ref().unwrap().megabytes, 16);
        assert_eq!(settings.webhook["house"].origin(), "https://hooks.example");
        let with_login =
            WebhookSettings { url: "http://me:pw@host:1?x".to_owned(), ..settings.webhook["house"].clone() };
        assert_eq!(with_login.origin(), "http://host:1");
        assert!(!format!("{settings:?}").contains("s3cret"));
        for (text, expected) in [
            ("[mqtt]\nbroker = \"mqtt://user:s3cret@broker\"", "lines of their own"),
            ("[mqtt]\nbroker = \"mqtt://a\"\nname = \"a/b\"", "letters, digits"),
            ("[webhook.a]\nurl = \"ftp://s3cret\"", "expected an address"),
            ("[program.a]\ncommand = \"'s3cret\"", "quotation mark"),
            ("[log]\nfile = \"a\"\nmegabytes = 0", "at least 1"),
        ] {
            let error = toml::from_str::<AnnounceSettings>(text).unwrap_err();
            assert!(error.message().contains(expected) && !error.message().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn strangers_may_not_command_unless_it_is_said() {
        let of = |broker: &str, commands| MqttSettings {
            broker: BrokerAddress::new(broker).unwrap(),
            user: None,
            password_file: None,
            ca_file: None,
            name: None,
            discovery: String::new(),
            commands,
        };
        assert!(of("mqtt://localhost", None).takes_commands(false));
        assert!(of("mqtt://[::1]", None).takes_commands(false));
        assert!(!of("mqtt://10.0.0.2", None).takes_commands(false));
        assert!(of("mqtt://10.0.0.2", None).takes_commands(true));
        assert!(of("mqtt://10.0.0.2", Some(true)).takes_commands(false));
        assert!(!of("mqtt://127.0.0.1", Some(false)).takes_commands(true));
    }
}
