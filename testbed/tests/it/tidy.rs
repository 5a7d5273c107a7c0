//! Checks the sources themselves. Each failure names the file, the rule and what to do instead.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const LINES_MAX: usize = 600;
const FORBIDDEN_STEMS: [&str; 6] = ["utils", "util", "helpers", "common", "manager", "misc"];
const SCENE_DEPENDENCIES: [&str; 6] = [
    "libm",
    "pathfinding",
    "schemars",
    "serde",
    "strsim",
    "thiserror",
];
const PROTO_DEPENDENCIES: [&str; 8] = [
    "base64",
    "ed25519-dalek",
    "prost",
    "scene",
    "sha2",
    "thiserror",
    "tonic",
    "tonic-prost",
];
const CRATES: [&str; 5] = ["scene", "proto", "edge-agent", "aggregator", "testbed"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// Every file below `folder` with one of the endings, build outputs left out.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries.flatten() {
        let (path, name) = (
            entry.path(),
            entry.file_name().to_string_lossy().into_owned(),
        );
        if name.starts_with('.') || ["target", "node_modules", "dist"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn fail_if_any(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn files_are_small_and_named_for_what_they_hold() {
    let mut faults = Vec::new();
    for path in files(&root(), &[".rs", ".ts", ".tsx", ".py", ".css"]) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!(
                "{}: {lines} lines, split it by purpose",
                path.display()
            ));
        }
        let stem = path.file_stem().unwrap().to_string_lossy().to_lowercase();
        if FORBIDDEN_STEMS.contains(&stem.as_str()) {
            faults.push(format!(
                "{}: name the file for the noun it defines",
                path.display()
            ));
        }
    }
    fail_if_any(faults);
}

#[test]
fn nothing_unfinished_is_in_the_tree() {
    // Spelt apart, so that this file does not accuse itself.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]].map(|parts| parts.concat());
    let mut faults = Vec::new();
    for path in files(
        &root(),
        &[
            ".rs", ".ts", ".tsx", ".py", ".sql", ".proto", ".toml", ".md",
        ],
    ) {
        for (index, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let words = line.split(|c: char| !c.is_ascii_alphanumeric());
            if words
                .into_iter()
                .any(|word| marks.iter().any(|mark| mark == word))
            {
                faults.push(format!(
                    "{}:{}: file an issue instead",
                    path.display(),
                    index + 1
                ));
            }
            if line.contains("#[ignore]") && !path.ends_with("tidy.rs") {
                faults.push(format!(
                    "{}:{}: no ignored tests",
                    path.display(),
                    index + 1
                ));
            }
        }
    }
    fail_if_any(faults);
}

#[test]
fn pure_crates_depend_on_little() {
    let mut faults = Vec::new();
    for (name, allowed) in [
        ("scene", &SCENE_DEPENDENCIES[..]),
        ("proto", &PROTO_DEPENDENCIES),
    ] {
        let path = root().join(name).join("Cargo.toml");
        let manifest: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        let dependencies = manifest["dependencies"].as_table().unwrap();
        for dependency in dependencies
            .keys()
            .filter(|key| !allowed.contains(&key.as_str()))
        {
            faults.push(format!(
                "{name} must not depend on {dependency}: it is pure"
            ));
        }
    }
    fail_if_any(faults);
}

/// `docs/architecture.md`: crate → room → the rooms it may use.
fn allowed_edges() -> BTreeMap<(String, String), BTreeSet<String>> {
    let text = fs::read_to_string(root().join("docs/architecture.md")).expect("the table of edges");
    let mut edges = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [krate, room, uses] = cells[..] else {
            continue;
        };
        let uses = uses
            .split(',')
            .map(|name| name.trim().trim_matches('`').to_owned());
        let key = (
            krate.trim_matches('`').to_owned(),
            room.trim_matches('`').to_owned(),
        );
        edges.insert(
            key,
            uses.filter(|name| !name.is_empty() && name != "–")
                .collect(),
        );
    }
    edges
}

#[test]
fn rooms_use_only_the_rooms_they_may() {
    let edges = allowed_edges();
    let mut faults = Vec::new();
    for krate in CRATES {
        let source = root().join(krate).join("src");
        let test_rooms = test_rooms(&fs::read_to_string(source.join("lib.rs")).unwrap());
        for path in files(&source, &[".rs"]) {
            let inside = path.strip_prefix(&source).unwrap();
            let room = inside
                .iter()
                .next()
                .unwrap()
                .to_string_lossy()
                .replace(".rs", "");
            let is_test = path.ends_with("tests.rs") || inside.iter().any(|part| part == "tests");
            if ["lib", "main", "bin"].contains(&room.as_str()) || is_test {
                continue;
            }
            if test_rooms.contains(&room) {
                continue;
            }
            let Some(allowed) = edges.get(&(krate.to_owned(), room.clone())) else {
                faults.push(format!(
                    "{krate}::{room} is missing in docs/architecture.md"
                ));
                continue;
            };
            for used in used_rooms(&fs::read_to_string(&path).unwrap()) {
                let is_room =
                    source.join(format!("{used}.rs")).exists() || source.join(&used).is_dir();
                let may = used == room || allowed.contains(&used) || test_rooms.contains(&used);
                if is_room && !may {
                    faults.push(format!(
                        "{}: {krate}::{room} may not use {used}; turn the dependency round, or \
                         add the edge to docs/architecture.md",
                        path.display()
                    ));
                }
            }
        }
    }
    faults.dedup();
    fail_if_any(faults);
}

/// Rooms of tests alone: `#[cfg(test)] mod NAME;`.
fn test_rooms(lib: &str) -> BTreeSet<String> {
    let marked = lib.split("#[cfg(test)]\nmod ").skip(1);
    marked
        .filter_map(|rest| rest.split_once(';'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// The first segment after `crate::`, braces opened.
fn used_rooms(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rooms = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let group = rest
            .strip_prefix('{')
            .map_or(rest.split([';', ' ']).next(), |inner| {
                inner.split_once("};").map(|(group, _)| group)
            });
        let mut depth = 0_usize;
        let mut start = true;
        let mut word = String::new();
        for c in group.unwrap_or_default().chars().chain([',']) {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if start && is_word(c) {
                word.push(c);
            } else if !word.is_empty() {
                rooms.insert(std::mem::take(&mut word));
                start = false;
            }
            start |= depth == 0 && c == ',' && rest.starts_with('{');
        }
    }
    rooms
}

#[test]
fn room_edges_have_no_circle() {
    let edges = allowed_edges();
    for krate in CRATES {
        let mut left: BTreeMap<&str, BTreeSet<&str>> = edges
            .iter()
            .filter(|((name, _), _)| name == krate)
            .map(|((_, room), uses)| (room.as_str(), uses.iter().map(String::as_str).collect()))
            .collect();
        while let Some(leaf) = left
            .iter()
            .find(|(_, uses)| uses.iter().all(|used| !left.contains_key(used)))
            .map(|(room, _)| *room)
        {
            left.remove(leaf);
        }
        assert!(left.is_empty(), "{krate}: a circle among {:?}", left.keys());
    }
}

#[test]
fn every_column_is_explained_and_every_named_document_exists() {
    let mut faults = Vec::new();
    for path in files(&root(), &[".sql"]) {
        for (index, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let types = [" INTEGER", " TEXT", " BLOB", " REAL"];
            if types.iter().any(|kind| line.contains(kind)) && !line.contains("--") {
                faults.push(format!(
                    "{}:{}: say what the column holds",
                    path.display(),
                    index + 1
                ));
            }
        }
    }
    for path in files(&root(), &[".rs", ".toml", ".md", ".proto"]) {
        for word in fs::read_to_string(&path)
            .unwrap()
            .split(|c: char| c.is_whitespace() || "`()\"".contains(c))
        {
            let name = word.trim_end_matches(['.', ',', ';', ':']);
            let is_page = name.starts_with("docs/") && Path::new(name).extension().is_some();
            if is_page && !root().join(name).exists() {
                faults.push(format!("{}: {name} does not exist", path.display()));
            }
        }
    }
    fail_if_any(faults);
}
