//! The README's tables of settings are the ones in the code of server and agent.

use std::fs;
use std::path::Path;

use meshvane_shared::setting::Setting;

/// Says which table begins, behind the mark with the program's name.
const GENERATED: &str = "settings: generated, UPDATE_README=1 cargo test -p demo readme -->\n";

/// The table as Markdown.
fn table(settings: &[Setting]) -> String {
    let head = "| variable | default | accepted | meaning |\n|---|---|---|---|\n".to_owned();
    settings.iter().fold(head, |text, setting| {
        let cells = [setting.default, setting.accepted, setting.meaning].map(|cell| cell.replace('|', "\\|"));
        format!("{text}| `{}` | {} |\n", setting.name, cells.join(" | "))
    })
}

/// Holds the program's table in the README against its settings, or writes it when asked to.
fn check(program: &str, settings: &[Setting]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(&path).expect("README.md can be read");
    let (begin, end) = (format!("<!-- {program} {GENERATED}"), format!("<!-- end of {program} settings -->"));
    let (before, rest) = readme.split_once(&begin).expect("README.md has the mark before the settings");
    let (listed, after) = rest.split_once(&end).expect("README.md has the mark after the settings");
    let table = table(settings);
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, format!("{before}{begin}{table}{end}{after}")).expect("README.md can be written");
    } else {
        assert_eq!(listed, table, "UPDATE_README=1 writes the table into README.md");
    }
}

// One test for both: each writes the whole file.
#[test]
fn the_readme_lists_every_setting_as_the_code_does() {
    check("server", meshvane_server::config::SETTINGS);
    check("agent", meshvane_agent::config::SETTINGS);
}
