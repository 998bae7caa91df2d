//! What stands where at a broker.
//!
//! | topic | retained | what |
//! |---|---|---|
//! | `edgetl/DEVICE/available` | yes | `online`, `offline`: whether edgetl runs; `offline` is its last will |
//! | `edgetl/DEVICE/CAMERA/available` | yes | whether the camera gives frames |
//! | `edgetl/DEVICE/CAMERA/state` | yes | what was decided, and holds |
//! | `edgetl/DEVICE/CAMERA/status` | yes | how the camera is, which head answers |
//! | `edgetl/DEVICE/CAMERA/picture` | yes | what the network saw last, JPEG |
//! | `edgetl/DEVICE/CAMERA/event`, `edgetl/DEVICE/event` | no | each event, one JSON object |
//! | `edgetl/DEVICE/CAMERA/this_is` | yes | `-`, what the choice of a class in Home Assistant falls back to |
//! | `edgetl/DEVICE/CAMERA/this_is/set` | | taken: the class of what is before the camera now |
//! | `edgetl/DEVICE/CAMERA/teach`, `…/roll_back` | | taken: anything |

use super::Command;

/// The topics of a device.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    base: String,
    discovery: Option<String>,
}

/// No class, in a choice of classes.
pub(super) const NO_CHOICE: &str = "-";
/// The longest class that a command may name.
const LONGEST_CLASS: usize = 1024;

impl Topics {
    /// `discovery`: Home Assistant's prefix, or nothing.
    pub fn new(device: &str, discovery: &str) -> Self {
        let discovery = (!discovery.is_empty()).then(|| discovery.trim_end_matches('/').to_owned());
        Self { base: format!("edgetl/{device}"), discovery }
    }

    pub fn available(&self) -> String {
        format!("{}/available", self.base)
    }

    pub fn of(&self, camera: &str, what: &str) -> String {
        format!("{}/{camera}/{what}", self.base)
    }

    /// Of the whole device where no camera is named.
    pub fn event(&self, camera: Option<&str>) -> String {
        camera.map_or_else(|| format!("{}/event", self.base), |camera| self.of(camera, "event"))
    }

    /// Of the message by which Home Assistant finds a camera, where it is told.
    pub fn discovery(&self, id: &str) -> Option<String> {
        Some(format!("{}/device/{id}/config", self.discovery.as_ref()?))
    }

    /// All such messages, of whatever device.
    pub fn all_discovery(&self) -> Option<String> {
        self.discovery("+")
    }

    /// Everything retained of a camera.
    pub fn retained(&self, camera: &str) -> [String; 5] {
        ["available", "state", "status", "picture", "this_is"].map(|what| self.of(camera, what))
    }

    /// Where Home Assistant says that it is there.
    pub fn birth(&self) -> Option<String> {
        Some(format!("{}/status", self.discovery.as_ref()?))
    }

    /// Where commands come in.
    pub fn commands(&self) -> Vec<String> {
        ["this_is/set", "teach", "roll_back"].map(|what| self.of("+", what)).into()
    }

    /// The command that a message is.
    pub fn command(&self, topic: &str, payload: &[u8]) -> Option<Command> {
        let (camera, what) = topic.strip_prefix(&self.base)?.strip_prefix('/')?.split_once('/')?;
        let camera = camera.to_owned();
        match what {
            "teach" => Some(Command::Teach { camera }),
            "roll_back" => Some(Command::RollBack { camera }),
            "this_is/set" => {
                let label = std::str::from_utf8(payload).ok().filter(|label| label.len() <= LONGEST_CLASS)?;
                (label != NO_CHOICE && !label.trim().is_empty())
                    .then(|| Command::ThisIs { camera, label: label.to_owned() })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_known_by_its_topic_and_anything_else_is_none() {
        let topics = Topics::new("pi", "homeassistant/");
        assert_eq!(topics.discovery("edgetl-pi-gate").unwrap(), "homeassistant/device/edgetl-pi-gate/config");
        let this_is = Command::ThisIs { camera: "gate".to_owned(), label: "half open".to_owned() };
        assert_eq!(topics.command("edgetl/pi/gate/this_is/set", b"half open"), Some(this_is));
        let teach = Command::Teach { camera: "gate".to_owned() };
        assert_eq!(topics.command("edgetl/pi/gate/teach", b""), Some(teach));
        for (topic, payload) in [
            ("edgetl/pi/gate/this_is/set", &b"-"[..]),
            ("edgetl/pi/gate/this_is/set", b" "),
            ("edgetl/pi/gate/this_is/set", b"\xff"),
            ("edgetl/pi/gate/state", b"x"),
            ("edgetl/other/gate/teach", b""),
            ("edgetl/pi", b""),
            ("edgetl/pip/gate/teach", b""),
        ] {
            assert_eq!(topics.command(topic, payload), None, "{topic}");
        }
        assert!(Topics::new("pi", "").birth().is_none());
    }
}
