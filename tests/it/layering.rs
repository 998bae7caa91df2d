//! Holds the layer table of `docs/design.md`: a module sees only the layers below its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// From the top down; modules of one layer do not see each other.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["serve"],
    &["watch"],
    &["device"],
    &["page", "explain"],
    &["predictor", "sources", "demo", "advice", "hub", "camera", "announce", "drift"],
    &["backbone", "preprocess", "store", "head"],
    &["manifest", "dataset", "metrics"],
    &["atomic_file", "digest", "labels", "memory", "panics", "processes", "tensor", "threads", "tls", "trust"],
    &["causes", "clock", "files", "printable"],
];

/// The floors inside `head`, from the top down; what shares a floor does not see each other.
const HEAD_FLOORS: &[&[&str]] = &[
    &["extra"],
    &["fit"],
    &["task"],
    &["solve"],
    &["design", "folds", "twins"],
    &["file"],
    &["report", "unknown", "calibration"],
    &["error", "options"],
    &["models"],
];

/// Crates that one place alone names, so that replacing one touches that place alone.
const OWNED_CRATES: &[(&str, &[&str])] = &[
    ("ort", &["backbone/onnxruntime"]),
    ("rusqlite", &["store/"]),
    ("crc32fast", &["store/"]),
    (
        "rustix",
        &[
            "atomic_file/",
            "memory",
            "trust",
            "store/share",
            "files",
            "algebra/",
            "camera/",
            "processes",
            "threads",
            "serve/listen",
        ],
    ),
    ("fast_image_resize", &["preprocess/"]),
    ("zune_jpeg", &["preprocess/"]),
    ("tiff", &["preprocess/"]),
    ("clap", &["cli/"]),
    ("clap_complete", &["cli/"]),
    ("clap_mangen", &["cli/"]),
    ("anyhow", &["cli/", "main.rs"]),
    ("indicatif", &["cli/"]),
    ("safetensors", &["head/", "backbone/"]),
    ("faer", &["algebra/"]),
    ("edgetl_algebra", &["head/"]),
    ("csv", &["sources/", "device/export"]),
    ("tar", &["device/backup"]),
    ("flate2", &["serve/live_page"]),
    ("strsim", &["cli/"]),
    ("terminal_size", &["cli/"]),
    ("encoding_rs", &["sources/"]),
    ("unicode_normalization", &["labels"]),
    ("maud", &["page/"]),
    ("moq_v4l", &["camera/v4l2/kernel"]),
    ("base64", &["page/", "camera/http", "announce/signature", "serve/api/explain"]),
    ("font8x8", &["explain/"]),
    ("shlex", &["cli/", "camera/source", "announce/settings"]),
    ("ureq", &["hub/", "camera/http", "announce/webhook", "tls"]),
    ("rustls", &["tls", "serve/tls/"]),
    ("tokio_rustls", &["serve/tls/"]),
    ("rcgen", &["serve/tls/"]),
    ("qrcode", &["serve/qr"]),
    ("mdns_sd", &["serve/mdns"]),
    ("if_addrs", &["serve/machine"]),
    ("rustls_platform_verifier", &["tls"]),
    ("axum", &["serve/"]),
    ("futures_util", &["serve/"]),
    ("utoipa", &["serve/"]),
    ("utoipa_axum", &["serve/"]),
    ("hyper", &["serve/"]),
    ("hyper_util", &["serve/"]),
    ("tokio", &["serve/", "announce/mqtt/"]),
    ("rumqttc", &["announce/mqtt/"]),
    ("hmac", &["announce/signature"]),
    ("prometheus_client", &["serve/"]),
    ("sd_notify", &["serve/"]),
    ("subtle", &["digest"]),
];

fn runtime() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("runtime")
}

/// Every source file below `runtime`, as (path from there, text without comments).
fn sources() -> Vec<(String, String)> {
    let root = runtime();
    walkdir::WalkDir::new(&root)
        .into_iter()
        .map(|entry| entry.expect("the source tree can be read"))
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"))
        .map(|entry| {
            let text = std::fs::read_to_string(entry.path()).expect("sources are text");
            let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let path = entry.path().strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            (path, code.join("\n"))
        })
        .collect()
}

/// The module at the top of `path`: `store/schema.rs` and `store.rs` are both `store`.
fn top_module(path: &str) -> &str {
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The modules that `code` names as `crate::module`.
fn named_modules(code: &str) -> BTreeSet<String> {
    code.match_indices("crate::")
        .filter(|(at, _)| !code[..*at].ends_with(['$', '_']))
        .map(|(at, path)| code[at + path.len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

/// Whether `code` names the crate `name` in a path: `name::` not preceded by a longer path or word.
fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(&format!("{name}::"))
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn every_module_has_a_layer_and_sees_only_lower_ones() {
    let mut faults = Vec::new();
    for (path, code) in sources() {
        let module = top_module(&path);
        if ["lib", "main", "algebra", "fuzzing"].contains(&module) {
            continue;
        }
        let Some(own) = layer_of(module) else {
            faults.push(format!("{path}: module `{module}` has no layer"));
            continue;
        };
        for seen in named_modules(&code).iter().filter(|seen| *seen != module) {
            match layer_of(seen) {
                Some(layer) if layer > own => {}
                Some(_) => faults.push(format!("{path}: `{module}` may not see `{seen}`")),
                None => faults.push(format!("{path}: `crate::{seen}` has no layer")),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The floors that a file of `head` names as `crate::head::floor`, or as `super::floor` where it lies directly in `head`.
fn named_floors(path: &str, code: &str) -> BTreeSet<String> {
    let depth = path.matches('/').count() - usize::from(path.ends_with("/mod.rs"));
    let own = if depth == 1 { "super::" } else { "crate::head::" };
    let names = ["crate::head::", own].into_iter().flat_map(|start| {
        let after = code.match_indices(start).map(move |(at, _)| &code[at + start.len()..]);
        after.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>())
    });
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn inside_head_every_floor_sees_only_lower_ones_and_never_the_roof() {
    let floor_of = |name: &str| HEAD_FLOORS.iter().position(|floor| floor.contains(&name));
    let mut faults = Vec::new();
    for (path, code) in sources().into_iter().filter(|(path, _)| path.starts_with("head/") && path != "head/mod.rs") {
        let own = path["head/".len()..].split('/').next().unwrap().trim_end_matches(".rs");
        let Some(floor) = floor_of(own) else {
            faults.push(format!("{path}: `{own}` has no floor"));
            continue;
        };
        if code.contains("crate::head::{") {
            faults.push(format!("{path}: names what it uses past its floor"));
        }
        for seen in named_floors(&path, &code).iter().filter(|seen| *seen != own && *seen != "super") {
            match floor_of(seen) {
                Some(other) if other > floor => {}
                Some(_) => faults.push(format!("{path}: `{own}` may not see `{seen}`")),
                None => faults.push(format!("{path}: `{seen}` is named past its floor")),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_crate_behind_a_boundary_is_named_in_one_place() {
    let mut faults = Vec::new();
    for (path, code) in sources() {
        for (name, places) in OWNED_CRATES {
            if names_crate(&code, name) && !places.iter().any(|place| path.starts_with(place)) {
                faults.push(format!("{path} names `{name}`, which belongs to {places:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// `code` without the tests that a module ends with.
fn without_tests(code: &str) -> &str {
    code.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

#[test]
fn a_file_is_read_whole_in_one_place_which_has_a_bound() {
    const UNBOUNDED: [&str; 6] = [
        "fs::read(",
        "fs::read_to_string(",
        ".read_to_end(",
        ".read_to_string(",
        "BufReader::new(",
        "io::read_to_string(",
    ];
    let is_test = |path: &str| path.contains("tests") || path.ends_with("checks.rs");
    let mut faults = Vec::new();
    for (path, code) in sources().into_iter().filter(|(path, _)| path != "files.rs" && !is_test(path)) {
        let lines = without_tests(&code).lines().filter(|line| !line.contains(".take("));
        let reads = lines.filter(|line| UNBOUNDED.iter().any(|read| line.contains(read)));
        faults.extend(reads.map(|line| format!("{path}: {}", line.trim())));
    }
    assert!(faults.is_empty(), "read through `files`, which has a bound:\n{}", faults.join("\n"));
}

/// What stands between the parentheses of each `tracing` macro in `code`.
fn log_arguments(code: &str) -> Vec<&str> {
    let calls = code.match_indices("tracing::").filter_map(|(at, _)| {
        let call = &code[at..];
        let open =
            call.find("!(").filter(|&open| call[..open].chars().all(|c| c.is_alphanumeric() || "_:".contains(c)))?;
        let mut depth = 0;
        let close = call[open..].find(|c: char| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            c == ')' && depth == 0
        });
        close.map(|close| &call[open..open + close])
    });
    calls.collect()
}

#[test]
fn a_line_of_the_log_does_no_work_since_a_quiet_log_leaves_it_out() {
    let mut faults = Vec::new();
    for (path, code) in sources() {
        let working = log_arguments(&code)
            .into_iter()
            .filter(|arguments| arguments.contains(")?") || arguments.contains("&mut "));
        faults.extend(working.map(|arguments| format!("{path}: {arguments}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(log_arguments("a(); tracing::info!(\"{}\", install(x)?.y()); b()?"), ["!(\"{}\", install(x)?.y()"]);
}

/// The names under which the API describes types, twice where two types have one.
fn described(code: &str) -> Vec<String> {
    let derived = code.split("#[derive(").skip(1).filter(|part| part.split(")]").next().unwrap().contains("ToSchema"));
    let name = |part: &str| {
        let mut words = part.split_whitespace().skip_while(|word| !matches!(*word, "struct" | "enum"));
        words.nth(1).map(|name| name.split(['<', '(', '{', ';']).next().unwrap().to_owned())
    };
    derived.filter_map(name).collect()
}

#[test]
fn every_type_of_the_api_has_a_name_of_its_own() {
    let mut names: Vec<String> = sources().iter().flat_map(|(_, code)| described(code)).collect();
    assert!(names.len() > 50, "{names:?}");
    names.sort();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "one would be described as the other: {twice:?}");
    assert_eq!(described("#[derive(Debug, ToSchema)]\n/// It.\npub(super) struct One<T> {"), ["One"]);
}

#[test]
fn the_reader_of_use_lines_finds_what_it_looks_for() {
    let code = "use crate::store::Store;\nlet x = crate::head::fit(); $crate::labels::x; foo::ort::bar; ort::init()";
    assert_eq!(named_modules(code), BTreeSet::from(["head".to_owned(), "store".to_owned()]));
    assert!(names_crate(code, "ort"));
    assert!(!names_crate("import::x; a::ort::b", "ort"));
}

#[test]
fn every_layered_module_exists() {
    let missing: Vec<_> = LAYERS
        .iter()
        .flat_map(|layer| layer.iter())
        .filter(|module| !runtime().join(format!("{module}.rs")).exists() && !runtime().join(module).is_dir())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
