//! The page about the kinds of finding is the one that the code has.

use std::fs;
use std::path::Path;

use meshvane_server::render::kinds::markdown;

#[test]
fn the_findings_page_describes_every_kind_as_the_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/findings.md");
    if std::env::var_os("UPDATE_FINDINGS").is_some() {
        fs::write(&path, markdown()).unwrap();
    } else {
        let page = fs::read_to_string(&path).unwrap();
        assert_eq!(page, markdown(), "UPDATE_FINDINGS=1 writes docs/findings.md");
    }
}
