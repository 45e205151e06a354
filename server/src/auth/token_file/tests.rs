use tempfile::{NamedTempFile, TempPath};

use super::*;

const EVERY: Duration = Duration::from_secs(1);

fn at(millis: i64) -> Moment {
    Moment::from_millis(millis)
}

/// A file that goes with what is returned.
pub(in crate::auth) fn file(content: &[u8]) -> TempPath {
    let path = NamedTempFile::new().unwrap().into_temp_path();
    std::fs::write(&path, content).unwrap();
    path
}

fn open(path: &Path) -> Result<TokenFile, SettingError> {
    TokenFile::open("MESHVANE_TOKEN_FILE", path, EVERY, at(0))
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
        assert_eq!(token.matches(candidate, at(0)), expected, "{candidate:?}");
    }
}

#[test]
fn a_changed_file_counts_after_the_period_and_a_broken_one_leaves_the_old_token() {
    let path = file(b"old");
    let token = open(&path).unwrap();
    std::fs::write(&path, "new").unwrap();
    assert!(token.matches(b"old", at(999)) && !token.matches(b"new", at(999)));
    assert!(token.matches(b"new", at(1_000)) && !token.matches(b"old", at(1_000)));
    std::fs::write(&path, "").unwrap();
    assert!(token.matches(b"new", at(2_000)) && !token.matches(b"", at(2_000)));
    std::fs::remove_file(&path).unwrap();
    assert!(token.matches(b"new", at(3_000)));
    std::fs::write(&path, "newest").unwrap();
    assert!(token.matches(b"newest", at(4_000)));
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
