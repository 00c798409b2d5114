//! What the shape of the source promises: imports point down only, one module names the engine, and every operation stands
//! in its file with its specification beside it.

use std::fs;
use std::path::{Path, PathBuf};

use cognate::api::Op;

/// The modules of the crate, from the top: a module sees those of its own rank and below.
const RANKS: [&[&str]; 11] = [
    &["commands"],
    &["server", "config", "telemetry"],
    &["wire", "tasks", "control"],
    &["operations"],
    &["app"],
    &["backup", "fsck"],
    &["access"],
    &["context"],
    &["store", "delivery", "triggers", "outbound", "crypto"],
    &["domain"],
    &["clock", "rng", "live", "error"],
];

/// Modules that are seen by these alone, whatever their rank.
const SEEN_BY: [(&str, &[&str]); 2] = [
    ("api", &["wire", "operations", "app", "access", "commands", "server"]),
    ("config", &["context", "backup", "fsck", "wire", "server", "telemetry", "commands"]),
];

/// What the generated contract itself may see: why a request is refused, and no more.
const SEEN_BY_API: [&str; 1] = ["error"];

#[test]
fn imports_point_down_only() {
    let mut seen = 0;
    for file in sources() {
        let from = module_of(&file);
        for to in imported_modules(&file) {
            seen += 1;
            assert!(may_see(&from, &to), "{}: {from} must not see {to}", file.path);
        }
    }
    assert!(seen > 100, "only {seen} imports were found: this test no longer reads them");
}

#[test]
fn the_rule_itself_refuses_what_points_up() {
    for (from, to) in [
        ("domain", "store"),
        ("store", "context"),
        ("context", "api"),
        ("crypto", "api"),
        ("store", "api"),
        ("access", "operations"),
        ("operations", "wire"),
        ("operations", "config"),
        ("api", "domain"),
        ("error", "domain"),
        ("wire", "server"),
        ("tasks", "api"),
        ("app", "nonsense"),
    ] {
        assert!(!may_see(from, to), "{from} sees {to}");
    }
    for (from, to) in
        [("wire", "tasks"), ("commands", "clock"), ("context", "config"), ("app", "api"), ("store", "store")]
    {
        assert!(may_see(from, to), "{from} does not see {to}");
    }
}

#[test]
fn imports_are_read_in_every_form() {
    let text = "use crate::a::b;\npub use crate::{c, d::{e, f}, g};\nfn x() { crate::h::i(); } // crate::no\n\
                //! [`crate::no`]\n";
    let file = Source { path: "src/x/y.rs".to_owned(), code: code_of(text) };
    assert_eq!(imported_modules(&file), ["a", "c", "d", "g", "h"]);
    let climbing = "use super::super::z::w;\nuse super::near;\nmod tests {\n    use super::super::near;\n}\n";
    assert_eq!(imported_modules(&Source { path: "src/x/y.rs".to_owned(), code: code_of(climbing) }), ["z"]);
}

#[test]
fn one_module_names_the_engine() {
    let naming: Vec<(String, String)> = sources()
        .into_iter()
        .flat_map(|file| {
            let lines: Vec<String> = file.code.lines().filter(|line| names_sled(line)).map(str::to_owned).collect();
            lines.into_iter().map(move |line| (file.path.clone(), line.trim().to_owned()))
        })
        .filter(|(path, _)| path != "src/store/sled.rs" && !path.starts_with("src/store/sled/"))
        .collect();
    // The module is declared and its store passed on: that is no use of the engine.
    let expected = ["mod sled;", "pub use sled::{SledLoader, SledStore};"]
        .map(|line| ("src/store/mod.rs".to_owned(), line.to_owned()));
    assert_eq!(naming, expected);
}

#[test]
fn every_operation_runs_in_the_file_of_its_name() {
    // Rust's types have `Mfa` for `MFA`; the files tell where words begin.
    let mut expected: Vec<(String, String)> = Op::ALL
        .iter()
        .map(|op| (format!("src/operations/{}/{}.rs", op.area(), snake(op.name())), op.name().to_lowercase()))
        .collect();
    expected.sort();
    let mut found: Vec<(String, String)> = sources()
        .iter()
        .flat_map(|file| {
            let runs = file.code.split("impl Operation for api::").skip(1);
            let names = runs.filter_map(|rest| rest.split_once("Request").map(|(name, _)| name.to_lowercase()));
            names.map(|name| (file.path.clone(), name)).collect::<Vec<_>>()
        })
        .collect();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn every_folder_of_operations_is_an_area_of_the_contract() {
    for file in sources().iter().filter(|file| file.path.starts_with("src/operations/")) {
        let inside = file.path.trim_start_matches("src/operations/");
        let Some((area, _)) = inside.split_once('/') else { continue };
        assert!(Op::ALL.iter().any(|op| op.area() == area), "{}: no operation is of the area {area}", file.path);
    }
}

#[test]
fn every_operation_has_its_specification() {
    let read = |path: String| fs::read_to_string(root().join(path)).unwrap_or_default();
    let has_line = |text: &str, line: String| text.lines().any(|each| each.trim() == line);
    let missing: Vec<String> = Op::ALL
        .iter()
        .filter(|op| {
            let (area, name) = (op.area(), snake(op.name()));
            let specification = read(format!("tests/spec/{area}/{name}.rs"));
            let listed = has_line(&read(format!("tests/spec/{area}/mod.rs")), format!("mod {name};"))
                && has_line(&read("tests/spec/main.rs".to_owned()), format!("mod {area};"));
            !(specification.contains("spec! {") && listed)
        })
        .map(|op| format!("tests/spec/{}/{}.rs", op.area(), snake(op.name())))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "operations without a specification that is run");
}

// ---- the source, read as text ---------------------------------------------------------------------------------------

struct Source {
    /// From the root of the repository.
    path: String,
    /// The text without its comments.
    code: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let (mut files, mut folders) = (Vec::new(), vec![root().join("src")]);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(folder).unwrap();
        let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let code = code_of(&fs::read_to_string(&path).unwrap());
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                files.push(Source { path, code });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// A text without its comments. What follows `//` inside a string goes too, which hides no import.
fn code_of(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect()
}

/// The first folder or file below `src`: `src/wire/layers/limit.rs` is of `wire`.
fn module_of(file: &Source) -> String {
    let inside = file.path.trim_start_matches("src/").trim_end_matches(".rs");
    inside.split('/').next().unwrap_or_default().to_owned()
}

/// The modules of the crate that a file names, by `crate::` or by climbing to the root with `super::`.
fn imported_modules(file: &Source) -> Vec<String> {
    let mut modules = Vec::new();
    for (at, _) in file.code.match_indices("crate::") {
        modules.extend(heads(&file.code[at + "crate::".len()..]));
    }
    let depth = file.path.trim_end_matches("/mod.rs").matches('/').count();
    let climb = "super::".repeat(depth);
    for line in file.code.lines().filter(|line| line.starts_with("use ") || line.starts_with("pub use ")) {
        let path = line.trim_start_matches("pub ").trim_start_matches("use ");
        modules.extend(
            path.strip_prefix(&climb).filter(|rest| !rest.starts_with("super::")).map(heads).unwrap_or_default(),
        );
    }
    modules
}

/// The first segment of a path, or of each path in braces.
fn heads(path: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let (mut heads, mut depth) = (vec![word(group)], 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(word(&group[at + 1..]));
            }
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

fn may_see(from: &str, to: &str) -> bool {
    if from == to || from == "main" || from == "lib" {
        return true;
    }
    if from == "api" {
        return SEEN_BY_API.contains(&to);
    }
    if let Some((_, by)) = SEEN_BY.iter().find(|(module, _)| *module == to) {
        return by.contains(&from);
    }
    let rank = |module: &str| RANKS.iter().position(|rank| rank.contains(&module));
    matches!((rank(from), rank(to)), (Some(from), Some(to)) if from <= to)
}

fn names_sled(line: &str) -> bool {
    line.split(|character: char| !character.is_alphanumeric() && character != '_').any(|word| word == "sled")
}

/// `SetUserMFAPreference` → `set_user_mfa_preference`.
fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let follows_lower = at > 0 && letters[at - 1].is_lowercase();
        let precedes_lower = at > 0 && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (follows_lower || precedes_lower) {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
