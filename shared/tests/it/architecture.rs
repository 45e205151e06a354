//! Who may know whom, and how long things may be: the tables are in `rules`, what is read is this repository.

mod paths;
mod rules;
mod samples;
mod source;

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::process::Command;
use std::{fs, io};

use rules::{DOORS, Door, FILE_LINES_MAX, FUNCTION_LINES_MAX, MAIN_LINES_MAX, PACKAGES, Paths, WALLS};

/// A source file: its name from the root of the repository, and what is in it.
struct File {
    name: String,
    text: String,
}

impl File {
    /// Tells whether the file is the module at this place or one below it; a place that ends in `/` is a folder.
    fn is_in(&self, place: &str) -> bool {
        let Some(rest) = self.name.strip_prefix(place) else {
            return false;
        };
        place.ends_with('/') || rest.starts_with('/') || rest == ".rs"
    }

    fn is_in_any(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.is_in(place))
    }

    /// The file's own module, without `crate`.
    fn module(&self) -> Vec<String> {
        let inside = self.name.split_once("/src/").map_or("", |(_, inside)| inside);
        let module = inside.strip_suffix(".rs").unwrap_or(inside);
        module.split('/').filter(|part| !matches!(*part, "" | "lib" | "main")).map(str::to_owned).collect()
    }

    /// Tells whether all of the file is test code.
    fn is_test(&self) -> bool {
        let mut folders = self.name.split('/').rev();
        let own = folders.next();
        own == Some("tests.rs") || folders.any(|folder| folder == "tests")
    }
}

/// What is wrong in one file.
fn broken_rules(file: &File) -> Vec<String> {
    let tokens = source::tokens(&file.text);
    let mut broken = too_long(file, &tokens);
    if file.name.ends_with("/mod.rs") {
        broken.push(format!("{}: a module is foo.rs beside foo/, never mod.rs", file.name));
    }
    for path in paths::paths(&tokens, &file.module()) {
        let walls = WALLS.iter().filter(|wall| {
            file.is_in_any(wall.places)
                && !file.is_in_any(wall.but)
                && wall.never.iter().any(|never| path.begins_with(never))
        });
        let doors = DOORS.iter().filter(|door| {
            !file.is_test() && !path.in_tests && leads_through(door, &path) && !file.is_in_any(door.places)
        });
        let rules = walls.map(|wall| wall.rule).chain(doors.map(|door| door.rule));
        broken.extend(rules.map(|rule| format!("{}:{}: {}: {rule}", file.name, path.line, path.text())));
    }
    broken
}

fn leads_through(door: &Door, path: &paths::Path) -> bool {
    match door.paths {
        Paths::BeginWith(prefixes) => prefixes.iter().any(|prefix| path.begins_with(prefix)),
        Paths::EndWith(suffixes) => suffixes.iter().any(|suffix| path.ends_with(suffix)),
        Paths::Hold(names) => path.parts.iter().any(|part| names.contains(&part.as_str())),
    }
}

fn too_long(file: &File, tokens: &[source::Token]) -> Vec<String> {
    let name = &file.name;
    let lines = file.text.lines().count();
    let mut broken = Vec::new();
    if lines > FILE_LINES_MAX {
        broken.push(format!("{name}: {lines} lines: a file has at most {FILE_LINES_MAX}"));
    }
    if name.ends_with("src/main.rs") && lines > MAIN_LINES_MAX {
        broken.push(format!("{name}: {lines} lines: a program's main.rs has at most {MAIN_LINES_MAX}"));
    }
    for function in source::functions(tokens) {
        let (line, long) = (function.line, function.lines);
        if long > FUNCTION_LINES_MAX {
            broken.push(format!(
                "{name}:{line}: fn {}() has {long} lines: a function has at most {FUNCTION_LINES_MAX}",
                function.name
            ));
        }
    }
    broken
}

fn root() -> PathBuf {
    FilePath::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file of the repository, but what was built.
fn files() -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    let mut folders = vec![(root(), String::new())];
    while let Some((folder, name)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let own = entry.file_name().to_string_lossy().into_owned();
            let name = if name.is_empty() { own.clone() } else { format!("{name}/{own}") };
            if entry.file_type()?.is_dir() {
                // Cargo tags the folder that it builds into, but not one that was there before it.
                let built = name == "target" || entry.path().join("CACHEDIR.TAG").exists();
                if !own.starts_with('.') && !built {
                    folders.push((entry.path(), name));
                }
            } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(entry.path())?;
                files.push(File { name, text });
            }
        }
    }
    files.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(files)
}

/// Each package of the workspace with its direct dependencies, those of its tests too.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let manifest = root().join("Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(manifest)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata failed: {error}");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &serde_json::Value| value["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let direct = package["dependencies"].as_array().unwrap().iter();
            (name(package), direct.map(name).collect())
        })
        .collect()
}

/// What is wrong with the direct dependencies of the packages.
fn broken_layers(dependencies: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, direct) in dependencies {
        let Some(package) = PACKAGES.iter().find(|package| package.name == name) else {
            broken.push(format!("{name}: the table of packages does not say on what it may stand"));
            continue;
        };
        for other in direct {
            if package.never.contains(&other.as_str()) {
                broken.push(format!("{name} must never depend on {other}"));
            }
            if dependencies.contains_key(other) && !package.stands_on.contains(&other.as_str()) {
                broken.push(format!("{name} must not stand on {other}: arrows point down only"));
            }
        }
    }
    broken
}

fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn every_package_stands_only_on_what_is_below_it() {
    assert_none(&broken_layers(&dependencies()));
}

#[test]
fn every_source_file_keeps_the_rules() {
    let files = files().unwrap();
    for place in ["shared/src/wire", "server/src/mesh", "agent/src/probe", "dev/lab/src/fault"] {
        assert!(files.iter().any(|file| file.is_in(place)), "nothing was read of {place}");
    }
    let broken: Vec<String> = files.iter().flat_map(broken_rules).collect();
    assert_none(&broken);
}

/// A place that is gone guards nothing, and a permission that nobody uses waits for somebody who should not have it.
#[test]
fn every_place_in_the_tables_is_needed() {
    let files = files().unwrap();
    let mut idle = Vec::new();
    for wall in &WALLS {
        let places = wall.places.iter().chain(wall.but);
        let missing = places.filter(|place| !files.iter().any(|file| file.is_in(place)));
        idle.extend(missing.map(|place| format!("{place}: no file is there ({})", wall.rule)));
    }
    for door in &DOORS {
        let used = |place: &str| files.iter().any(|file| file.is_in(place) && uses(door, file));
        let unused = door.places.iter().filter(|place| !used(place));
        idle.extend(unused.map(|place| format!("{place}: may, and does not ({})", door.rule)));
    }
    assert_none(&idle);
}

fn uses(door: &Door, file: &File) -> bool {
    let seen = paths::paths(&source::tokens(&file.text), &file.module());
    seen.iter().any(|path| leads_through(door, path))
}
