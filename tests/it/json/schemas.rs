//! The blocks of `docs/json.md`, to hold outputs against.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use jsonschema::Validator;
use serde_json::Value;

use crate::common::Device;

const SHARED: &str = "Shared";

/// A heading, how deep it stands, and the schema below it.
struct Block {
    title: String,
    depth: usize,
    schema: Value,
}

pub struct Documented {
    validators: BTreeMap<String, Validator>,
    sections: BTreeSet<String>,
    checked: Mutex<BTreeSet<String>>,
}

fn blocks(text: &str) -> Vec<Block> {
    let (mut blocks, mut heading) = (Vec::new(), (String::new(), 0));
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with('#') {
            let title = line.trim_start_matches('#');
            heading = (title.trim().replace('`', ""), line.len() - title.len());
        } else if line == "```json-schema" {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let (title, depth) = heading.clone();
            let schema = serde_json::from_str(&block.join("\n")).unwrap_or_else(|error| panic!("{title}: {error}"));
            blocks.push(Block { title, depth, schema });
        }
    }
    blocks
}

impl Documented {
    pub fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
        let mut blocks = blocks(&std::fs::read_to_string(path).unwrap());
        let shared = blocks.pop().filter(|block| block.title == SHARED).expect("the last block is the shared one");
        let sections = blocks.iter().filter(|block| block.depth == 2).map(|block| block.title.clone()).collect();
        let validator = |Block { title, mut schema, .. }: Block| {
            schema["$defs"] = shared.schema["$defs"].clone();
            let validator = jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{title}: {error}"));
            (title, validator)
        };
        let number = blocks.len();
        let validators: BTreeMap<String, Validator> = blocks.into_iter().map(validator).collect();
        assert_eq!(validators.len(), number, "two blocks have one heading");
        Self { validators, sections, checked: Mutex::default() }
    }

    /// The headings of the second depth, each of which is a command.
    pub fn sections(&self) -> BTreeSet<String> {
        self.sections.clone()
    }

    /// Headings under which nothing was checked.
    pub fn unchecked(&self) -> Vec<&str> {
        let checked = self.checked.lock().unwrap();
        self.validators.keys().filter(|title| !checked.contains(*title)).map(String::as_str).collect()
    }

    /// Runs a command, holds each line that it prints against the section `title`, and gives the lines.
    pub fn run(&self, title: &str, device: &Device, arguments: &[&str]) -> Vec<Value> {
        let printed = device.json(arguments);
        printed.iter().for_each(|value| self.check(title, value));
        printed
    }

    /// The one line of a command that is documented under its own words.
    pub fn run_one(&self, title: &str, device: &Device, arguments: &[&str]) -> Value {
        let mut printed = self.run(title, device, arguments);
        assert_eq!(printed.len(), 1, "{title}: {printed:?}");
        printed.remove(0)
    }

    /// Holds `value` against the section `title`, as it is and with a field too many in each of its objects.
    pub fn check(&self, title: &str, value: &Value) {
        let validator = self.validators.get(title).unwrap_or_else(|| panic!("docs/json.md has no block `{title}`"));
        let faults: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(faults.is_empty(), "{title}: {}\nin {value}", faults.join("\n"));
        for place in objects(value) {
            let mut longer = value.clone();
            longer.pointer_mut(&place).unwrap()["undocumented"] = Value::Array(vec![Value::Null]);
            assert!(!validator.is_valid(&longer), "{title}: a field that is not documented passes at `{place}`");
        }
        self.checked.lock().unwrap().insert(title.to_owned());
    }
}

/// Where objects stand in `value`, as JSON Pointers.
fn objects(value: &Value) -> Vec<String> {
    let below = |name: &str, value: &Value| {
        let name = name.replace('~', "~0").replace('/', "~1");
        objects(value).into_iter().map(move |place| format!("/{name}{place}")).collect::<Vec<_>>()
    };
    match value {
        Value::Object(fields) => {
            let inner = fields.iter().flat_map(|(name, value)| below(name, value));
            std::iter::once(String::new()).chain(inner).collect()
        }
        // What items have, the first and the last have.
        Value::Array(items) => {
            let ends = items.iter().enumerate().filter(|(at, _)| *at == 0 || *at + 1 == items.len());
            ends.flat_map(|(at, value)| below(&at.to_string(), value)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn objects_are_found_where_they_stand() {
    let value = serde_json::json!({ "a/b": [{ "c": {} }, 1], "d": 1 });
    assert_eq!(objects(&value), ["", "/a~1b/0", "/a~1b/0/c"]);
}
