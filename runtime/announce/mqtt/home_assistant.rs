//! The message by which Home Assistant finds a camera and all that there is to it.
//!
//! Source: <https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload>; `tools/home-assistant/check` puts what this
//! makes through Home Assistant's own schemas.

use serde_json::{Map, Value, json};

use super::topics::{NO_CHOICE, Topics};

/// A camera, for Home Assistant.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct About {
    pub camera: String,
    /// The classes of the head that answers; empty where there is none, or it names several labels at once.
    pub classes: Vec<String>,
    /// What can be taught: also where classes are not told apart one from another.
    pub labels: Vec<String>,
    pub backbone: Option<String>,
    /// The class that turns a binary sensor on, and what kind of sensor that is.
    pub on: Option<(String, Option<String>)>,
}

/// Home Assistant takes `None` for a state that is not known.
pub fn state_of(label: &str) -> String {
    if label == "None" || label.is_empty() { format!("{label} (class)") } else { label.to_owned() }
}

/// The part of a topic by which Home Assistant knows a camera. `key` is of a fixed length, and no other device has it.
pub(super) fn id(key: &str, camera: &str) -> String {
    format!("edgetl-{key}-{camera}")
}

pub(super) fn message(key: &str, topics: &Topics, about: &About, commands: bool) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let camera = &about.camera;
    json!({
        "dev": {
            "ids": [id(key, camera)],
            "name": camera,
            "mf": "edgetl",
            "mdl": about.backbone.as_deref().unwrap_or("no head yet"),
            "sw": version,
        },
        "o": {"name": "edgetl", "sw": version},
        "avty": [{"t": topics.available()}],
        "qos": 1,
        "cmps": Components { key, topics, about, all: Map::new() }.all(commands),
    })
}

struct Components<'a> {
    key: &'a str,
    topics: &'a Topics,
    about: &'a About,
    all: Map<String, Value>,
}

impl Components<'_> {
    fn all(mut self, commands: bool) -> Value {
        self.answers();
        self.diagnostics();
        if commands {
            self.commands();
        } else {
            for (key, platform) in [("this_is", "select"), ("teach", "button"), ("roll_back", "button")] {
                self.remove(key, platform);
            }
        }
        self.all.into()
    }

    /// Home Assistant keeps what a message no longer names, and takes away what has a platform and nothing else.
    fn remove(&mut self, key: &str, platform: &str) {
        self.all.insert(key.to_owned(), json!({ "p": platform }));
    }

    fn topic(&self, what: &str) -> String {
        self.topics.of(&self.about.camera, what)
    }

    /// With what all have.
    fn add(&mut self, key: &str, platform: &str, mut component: Value) {
        component["p"] = json!(platform);
        component["uniq_id"] = json!(format!("{}-{key}", id(self.key, &self.about.camera)));
        self.all.insert(key.to_owned(), component);
    }

    /// Not known as long as the camera gives no frames.
    fn add_seen(&mut self, key: &str, platform: &str, mut component: Value) {
        component["avty"] = json!([{"t": self.topics.available()}, {"t": self.topic("available")}]);
        component["avty_mode"] = json!("all");
        self.add(key, platform, component);
    }

    fn answers(&mut self) {
        let state = self.topic("state");
        let mut sensor = json!({
            "name": "State",
            "stat_t": state,
            "val_tpl": "{{ value_json.state }}",
            "json_attr_t": state,
            "def_ent_id": format!("sensor.{}_state", self.about.camera.to_lowercase().replace('-', "_")),
        });
        if !self.about.classes.is_empty() {
            sensor["dev_cla"] = json!("enum");
            sensor["ops"] = self.about.classes.iter().map(|class| state_of(class)).collect();
        }
        self.add_seen("state", "sensor", sensor);
        if let Some((class, kind)) = &self.about.on {
            let mut binary = json!({
                "name": class,
                "stat_t": state,
                "val_tpl": "{{ {true: 'ON', false: 'OFF'}.get(value_json.on, 'None') }}",
            });
            if let Some(kind) = kind {
                binary["dev_cla"] = json!(kind);
            }
            self.add_seen("on", "binary_sensor", binary);
        } else {
            self.remove("on", "binary_sensor");
        }
        let score = json!({
            "name": "Score",
            "unit_of_meas": "%",
            "stat_cla": "measurement",
            "sug_dsp_prc": 0,
            "stat_t": state,
            "val_tpl": "{{ (value_json.score * 100) | round(1) if value_json.score is not none else 'None' }}",
            "ent_cat": "diagnostic",
        });
        self.add_seen("score", "sensor", score);
        let picture = json!({"name": "Last picture", "img_t": self.topic("picture"), "cont_type": "image/jpeg"});
        self.add("picture", "image", picture);
    }

    fn diagnostics(&mut self) {
        let status = self.topic("status");
        let camera = json!({
            "name": "Camera",
            "dev_cla": "enum",
            "ops": ["connecting", "live", "stale", "failed", "frozen", "poor", "ended", "off"],
            "stat_t": status,
            "val_tpl": "{{ value_json.camera }}",
            "json_attr_t": status,
            "ent_cat": "diagnostic",
        });
        self.add("camera", "sensor", camera);
        let head = json!({
            "name": "Head",
            "stat_t": status,
            "val_tpl": "{{ value_json.head_version if value_json.head_version is not none else 'None' }}",
            "ent_cat": "diagnostic",
        });
        self.add("head", "sensor", head);
    }

    fn commands(&mut self) {
        let labels = self.about.labels.iter().filter(|label| *label != NO_CHOICE).map(|label| state_of(label));
        let options: Vec<String> = std::iter::once(NO_CHOICE.to_owned()).chain(labels).collect();
        let select = json!({
            "name": "This is",
            "ops": options,
            "stat_t": self.topic("this_is"),
            "cmd_t": self.topic("this_is/set"),
            "ent_cat": "config",
        });
        self.add_seen("this_is", "select", select);
        let teach = json!({"name": "Teach", "cmd_t": self.topic("teach"), "ent_cat": "config"});
        self.add("teach", "button", teach);
        let roll_back = json!({"name": "Roll back", "cmd_t": self.topic("roll_back"), "ent_cat": "config"});
        self.add("roll_back", "button", roll_back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        let classes: Vec<String> = ["open", "None", "{{ 7 }}"].map(str::to_owned).into();
        About {
            camera: "Gate-1".to_owned(),
            labels: classes.clone(),
            classes,
            backbone: None,
            on: Some(("open".to_owned(), Some("door".to_owned()))),
        }
    }

    #[test]
    fn no_state_is_called_none_and_no_class_is_part_of_a_template() {
        let message = message("0123abcd", &Topics::new("pi", "homeassistant"), &about(), true);
        let all = &message["cmps"];
        assert_eq!(all["state"]["ops"], json!(["open", "None (class)", "{{ 7 }}"]));
        assert_eq!(all["this_is"]["ops"], json!(["-", "open", "None (class)", "{{ 7 }}"]));
        assert_eq!(all["on"]["dev_cla"], "door");
        for component in all.as_object().unwrap().values() {
            assert!(!component["val_tpl"].to_string().contains('7'));
        }
        assert_eq!(all["state"]["def_ent_id"], "sensor.gate_1_state");
    }

    #[test]
    fn strangers_are_offered_no_command() {
        let message = message("0123abcd", &Topics::new("pi", "homeassistant"), &about(), false);
        assert!(message["cmps"].as_object().unwrap().values().all(|component| component.get("cmd_t").is_none()));
        assert_eq!(message["cmps"]["teach"], json!({"p": "button"}), "one that was there before is taken away");
    }
}
