//! The README stays true: what it says of settings, operations and files is compared with the code. Its commands are run
//! by `.ci/run`.

use std::path::Path;

use cognate::access::Principals;
use cognate::api::Op;
use cognate::config::{Config, Flags};
use cognate::crypto::sealing::Sealer;
use cognate::crypto::secret::Secret;
use cognate::live::Live;
use serde_json::Value;

const README: &str = include_str!("../README.md");
const SAMPLE: &str = include_str!("../deploy/cognate.toml");

/// The settings and their defaults, as text; a setting whose default depends on others has none.
fn settings() -> Vec<(String, Option<String>)> {
    let Value::Object(settings) = serde_json::to_value(Config::default()).unwrap() else { panic!("no settings") };
    let text = |value: Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    settings.into_iter().map(|(name, default)| (name, text(default))).collect()
}

/// The rows of the table under a heading, as cells without their backticks.
fn table(heading: &str) -> Vec<Vec<String>> {
    let section = README.split_once(&format!("\n## {heading}\n")).unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(|line| cells(&line.replace('`', ""))).skip(1).collect()
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

#[test]
fn the_table_of_settings_has_every_name_and_default() {
    let rows = table("Settings").into_iter().map(|row| {
        let [name, default, meaning] = row.try_into().unwrap();
        assert!(meaning.ends_with('.'), "{name}: {meaning}");
        (name, Some(default).filter(|default| !default.is_empty()))
    });
    assert_eq!(sorted(rows.collect()), sorted(settings()));
}

#[test]
fn the_table_of_operations_has_every_one() {
    let mut said = Vec::new();
    for row in table("What it does") {
        for operation in row[1].split(", ") {
            let served = Op::ALL.iter().find(|op| op.name() == operation);
            assert_eq!(served.map(|op| op.area()), Some(row[0].as_str()), "{operation}");
            said.push(operation.to_owned());
        }
    }
    let served: Vec<String> = Op::ALL.iter().map(|op| op.name().to_owned()).collect();
    assert_eq!(sorted(said), sorted(served));
    assert!(
        README.contains(&format!("[{} operations](#what-it-does)", Op::ALL.len())),
        "the count in the introduction"
    );
}

#[test]
fn every_link_leads_somewhere() {
    let anchors: Vec<String> = README
        .lines()
        .filter_map(|line| line.strip_prefix('#').map(|line| line.trim_start_matches('#').trim()))
        .map(|heading| heading.to_lowercase().replace(' ', "-").replace(['\'', ',', '?'], ""))
        .collect();
    for link in README.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        match link.strip_prefix('#') {
            Some(anchor) => assert!(anchors.iter().any(|known| known == anchor), "{link}"),
            None => assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(link).exists(), "{link}"),
        }
    }
}

#[test]
fn the_two_commands_are_what_the_gate_runs() {
    assert!(README.contains("```sh server\ncargo run --release -- serve\n```"));
    assert!(README.contains("```sh tests\ncargo test\n```"));
}

#[test]
fn the_sample_file_has_every_setting_and_is_accepted() {
    let commented = SAMPLE.lines().filter_map(|line| line.strip_prefix("# ")).filter(|line| line.contains(" = "));
    let lines: Vec<&str> = commented.collect();
    let named: Vec<String> = lines.iter().map(|line| line.trim().split(" = ").next().unwrap().to_owned()).collect();
    assert_eq!(sorted(named), sorted(settings().into_iter().map(|(name, _)| name).collect()));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cognate.toml");
    // What is said instead of others is indented.
    let together: Vec<&str> = lines.into_iter().filter(|line| !line.starts_with(' ')).collect();
    std::fs::write(&path, together.join("\n")).unwrap();
    let read = serde_json::to_value(Config::read(Some(&path), &Flags::default()).unwrap()).unwrap();
    let default = serde_json::to_value(Config::default()).unwrap();
    for (name, value) in default.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()) {
        assert_eq!(&read[name], value, "{name}");
    }
}

#[test]
fn the_sample_principals_and_policies_can_be_used() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/access");
    let sealer = Sealer::new(&Secret::new([7; 32]));
    let read = Live::read("samples", move |sources| Principals::read(&directory, &sealer, sources)).unwrap();
    assert_eq!(read.current().counts(), (3, 3));
    assert!(read.current().identified("support.example.org").is_some());
}
