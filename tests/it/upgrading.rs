//! A state and a program of different ages.

use std::path::Path;

use predicates::prelude::*;
use predicates::str::contains;

use crate::common::Device;

fn set_schema(database: &Path, version: u32) {
    let sql = rusqlite::Connection::open(database).unwrap();
    sql.pragma_update(None, "user_version", version).unwrap();
    // All of it in the one file, as after a clean end.
    sql.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

/// What schema 6 added to 5, taken away again.
fn make_older(database: &Path) {
    let sql = rusqlite::Connection::open(database).unwrap();
    let added = include_str!("../../runtime/store/schema/6.sql");
    let tables: Vec<&str> = added
        .split("CREATE TABLE ")
        .skip(1)
        .map(|table| table.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap())
        .collect();
    assert!(!tables.is_empty() && !added.contains("ALTER TABLE"), "{tables:?}");
    for table in tables.iter().rev() {
        sql.execute_batch(&format!("DROP TABLE {table}")).unwrap();
    }
    drop(sql);
    set_schema(database, 5);
}

#[test]
fn an_older_state_is_brought_up_to_date_once_and_that_is_said() {
    let device = Device::taught();
    make_older(&device.state().join("samples.db"));
    let picture = ["predict", "photos/star/000.png", "--provider", "tract"];
    let list = ["samples", "list", "--count"];
    let said = contains("was brought from schema version 5 to 6; an older edgetl refuses it from now on");
    device.edgetl(&list).assert().success().stderr(said.clone());
    device.edgetl(&list).assert().success().stderr(said.not());
    device.edgetl(&picture).assert().success();
    assert_eq!(device.json(&["fit-head"])[0]["samples"], 48);
}

#[test]
fn a_state_of_a_newer_program_is_refused_by_every_command_and_left_as_it_is() {
    let device = Device::taught();
    let database = device.state().join("samples.db");
    set_schema(&database, 99);
    let before = std::fs::read(&database).unwrap();
    for command in [
        &["samples", "list"][..],
        &["collect", "photos"],
        &["fit-head"],
        &["advise"],
        &["backbone", "compare"],
        &["backup", "device.tar"],
    ] {
        let refused = device.edgetl(command).env("EDGETL_PROVIDER", "tract").assert().code(1);
        refused.stderr(
            contains("expected schema version 6 or older in `")
                .and(contains("got 99: a newer edgetl wrote it"))
                .and(contains("hint: update edgetl; or go on in another state directory")),
        );
    }
    assert!(!device.path("device.tar").exists());
    assert_eq!(std::fs::read(&database).unwrap(), before);
}
