use super::*;

const FIELDS: &[&str] = &["node_ip", "pod_ip"];

fn node_ip(json: &str) -> Result<Option<String>, Fault> {
    Object::read(json, "", FIELDS)?.get("node_ip")
}

#[test]
fn the_case_of_a_name_does_not_matter_and_the_exact_one_is_preferred() {
    let check = |json: &str, expected: Option<&str>| {
        assert_eq!(node_ip(json), Ok(expected.map(str::to_owned)), "{json}");
    };
    check(r#"{"node_ip":"a"}"#, Some("a"));
    check(r#"{"NODE_IP":"a"}"#, Some("a"));
    check(r#"{"Node_Ip":"a","node_ip":"b"}"#, Some("b"));
    check(r#"{"node_ip":"b","Node_Ip":"a"}"#, Some("b"));
    check(r#"{"node_ip":"a","node_ip":"b"}"#, Some("b"));
    check(r#"{"NODE_IP":"a","Node_ip":"b"}"#, Some("b"));
    check("{\"node\\u005fip\":\"a\"}", Some("a"));
    check(r#"{"node_ip":null}"#, None);
    check(r#"{"nodeip":"a","x":{"node_ip":"b"}}"#, None);
    check("{}", None);
}

#[test]
fn what_is_no_such_object_is_refused_with_its_place() {
    let check = |json: &str, expected: &str| match node_ip(json) {
        Err(Fault::BadBody(text)) => assert!(text.contains(expected), "{json}: {text}"),
        other => panic!("{json}: {other:?}"),
    };
    check("", "EOF");
    check("[]", "expected an object");
    check("{\"node_ip\":}", "line 1");
    check(r#"{"node_ip":7}"#, "node_ip: invalid type: integer `7`, expected a string");
    check(r#"{"node_ip":"a"} x"#, "trailing characters");
    check("{\"x\":NaN}", "line 1");
    check("{\"node_ip\":\"a\u{1}\"}", "control character");
    let nested = Object::read(r#"{"node_ip":7}"#, "results[3]", FIELDS).unwrap().get::<String>("node_ip");
    assert!(matches!(nested, Err(Fault::BadBody(text)) if text.starts_with("results[3].node_ip: ")));
}

#[test]
fn an_array_ends_at_its_limit() {
    assert_eq!(array("[1,2]", "results", 2).unwrap().len(), 2);
    let error = array("[1,2,3]", "results", 2).unwrap_err();
    assert_eq!(error, Fault::BadBody("results: at most 2 are accepted".to_owned()));
    assert!(array("{}", "results", 2).is_err());
}
