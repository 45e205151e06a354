use tempfile::{NamedTempFile, TempPath};

use super::*;

/// A file that goes with what is returned.
pub(in crate::auth) fn file(content: &[u8]) -> TempPath {
    let path = NamedTempFile::new().unwrap().into_temp_path();
    std::fs::write(&path, content).unwrap();
    path
}

fn open(path: &Path) -> Result<TokenFile, SettingError> {
    TokenFile::open("MESHVANE_TOKEN_FILE", path, Duration::ZERO)
}

#[test]
fn a_token_matches_itself_without_the_spaces_around_it_and_nothing_else() {
    let path = file(b"  correct-horse\n");
    let token = open(&path).unwrap();
    for (candidate, expected) in [
        (&b"correct-horse"[..], true),
        (b"correct-horsf", false),
        (b"correct-hors", false),
        (b"correct-horse ", false),
        (b"", false),
    ] {
        assert_eq!(token.matches(candidate), expected, "{candidate:?}");
    }
}

#[test]
fn a_changed_file_counts_and_a_broken_one_leaves_the_old_token() {
    let path = file(b"old");
    let token = open(&path).unwrap();
    let becomes = |content: &str, counts: &[u8]| {
        std::fs::write(&path, content).unwrap();
        while !token.matches(counts) {
            std::thread::yield_now();
        }
    };
    becomes("new", b"new");
    assert!(!token.matches(b"old"));
    std::fs::write(&path, "").unwrap();
    assert!(token.matches(b"new") && !token.matches(b""));
    std::fs::remove_file(&path).unwrap();
    assert!(token.matches(b"new"));
    becomes("newest", b"newest");
}

#[test]
fn an_unusable_file_is_refused_by_variable_and_file() {
    let check = |path: &Path, rule: &str| {
        let error = open(path).unwrap_err().to_string();
        assert!(
            error.starts_with("MESHVANE_TOKEN_FILE: ") && error.contains(&path.display().to_string()),
            "{error}"
        );
        assert!(error.contains(rule), "{error}");
    };
    check(Path::new("/nonexistent/token"), "No such file");
    check(&file(b" \n"), "the file is empty");
    check(&file(b"one\ntwo"), "visible ASCII");
    check(&file(&[0xff, 0x00]), "visible ASCII");
    check(&file(&[b'x'; TOKEN_MAX_BYTES + 1]), "longer than 8192 bytes");
}

#[test]
fn the_token_is_not_in_its_debug_text() {
    let token = open(&file(b"correct-horse")).unwrap();
    assert!(!format!("{token:?}").contains("horse"));
}
