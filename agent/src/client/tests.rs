use super::*;

fn problem(kind: &str) -> Said {
    Said { kind: Some(kind.to_owned()), detail: "detail".to_owned() }
}

#[test]
fn each_status_has_its_meaning() {
    let wait = Duration::from_secs(7);
    let check = |status: u16, said: Option<Said>, expected: CallError| {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(judge(status, wait, &said.unwrap_or_default()), expected, "{status}");
    };
    check(429, None, CallError::Busy(wait));
    check(401, None, CallError::Unauthorized("status 401, Unauthorized".to_owned()));
    check(403, Some(problem("x")), CallError::Unauthorized("status 403, detail".to_owned()));
    check(409, Some(problem(UNKNOWN_PLAN)), CallError::UnknownPlan);
    let refused = |status| CallError::Refused { status, detail: "detail".to_owned() };
    check(409, Some(problem("/problems/other")), refused(409));
    check(400, Some(problem("/problems/x")), refused(400));
    check(413, Some(problem("/problems/x")), refused(413));
    check(503, None, CallError::Failed(503));
    check(301, None, CallError::Failed(301));
}

#[test]
fn errors_of_both_shapes_are_read_and_cleaned() {
    let check = |body: &str, kind: Option<&str>, detail: &str| {
        let expected = Said { kind: kind.map(str::to_owned), detail: detail.to_owned() };
        assert_eq!(Said::read(body.as_bytes()), expected, "{body}");
    };
    check(r#"{"type":"/problems/x","title":"t","status":403,"detail":"d"}"#, Some("/problems/x"), "d");
    check(r#"{"type":"/problems/x","title":"t","status":403}"#, Some("/problems/x"), "t");
    check(
        r#"{"code":"FORBIDDEN","message":"m","details":"from\u001b[31m elsewhere\n"}"#,
        None,
        "from[31m elsewhere",
    );
    check(r#"{"code":"FORBIDDEN","message":"m"}"#, None, "m");
    for body in ["", "<html>", "[]", r#"{"message":5}"#] {
        check(body, None, "");
    }
    let long = format!(r#"{{"code":"X","message":"{}"}}"#, "m".repeat(10_000));
    assert_eq!(Said::read(long.as_bytes()).detail.len(), meshvane_shared::limits::FREE_TEXT_MAX_BYTES);
}

#[test]
fn a_wait_is_taken_in_seconds_and_up_to_a_limit() {
    let check = |value: Option<&str>, expected: u64| {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(RETRY_AFTER, value.parse().unwrap());
        }
        assert_eq!(retry_after(&headers), Duration::from_secs(expected), "{value:?}");
    };
    check(Some("3"), 3);
    check(Some("86400"), 60);
    check(Some("Fri, 31 Dec 1999 23:59:59 GMT"), 1);
    check(None, 1);
}

#[test]
fn a_token_is_one_line_of_visible_characters() {
    assert_eq!(read_token(b"abc.def\n"), Ok("abc.def".to_owned()));
    for bytes in [b"".as_slice(), b"\n", b"two words", b"two\nlines", b"\xff"] {
        assert!(read_token(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_file_without_certificates_is_refused() {
    assert!(read_roots(b"").unwrap_err().contains("holds no certificate"));
    assert!(read_roots(b"hello").is_err());
}
