//! The README's table of settings is the one in the code.

use std::fs;
use std::path::Path;

use meshvane_server::config::SETTINGS;

const BEGIN: &str =
    "<!-- server settings: generated, UPDATE_README=1 cargo test -p meshvane-server readme -->\n";
const END: &str = "<!-- end of server settings -->";

/// The table as Markdown.
fn table() -> String {
    let head = "| variable | default | accepted | meaning |\n|---|---|---|---|\n".to_owned();
    SETTINGS.iter().fold(head, |text, setting| {
        let cells = [setting.default, setting.accepted, setting.meaning].map(|cell| cell.replace('|', "\\|"));
        format!("{text}| `{}` | {} |\n", setting.name, cells.join(" | "))
    })
}

#[test]
fn the_readme_lists_every_setting_as_the_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) =
        readme.split_once(BEGIN).expect("README.md has the mark before the server's settings");
    let (listed, after) = rest.split_once(END).expect("README.md has the mark after the server's settings");
    let table = table();
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(listed, table, "UPDATE_README=1 writes the table into README.md");
    }
}
