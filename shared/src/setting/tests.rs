use super::*;

fn day() -> std::ops::RangeInclusive<Duration> {
    Duration::from_secs(1)..=Duration::from_hours(24)
}

#[test]
fn a_duration_is_a_text_with_a_unit_or_bare_seconds() {
    let check = |text: &str, millis: u64| {
        assert_eq!(parse_duration("X", text, day()), Ok(Duration::from_millis(millis)), "{text:?}");
    };
    check("5", 5_000);
    check("5s", 5_000);
    check("2m", 120_000);
    check("1500ms", 1_500);
}

#[test]
fn a_wrong_duration_names_the_variable_and_the_range() {
    let check = |text: &str, start: &str| {
        let error = parse_duration("MESHVANE_X", text, day()).unwrap_err().to_string();
        assert!(error.starts_with(start) && error.contains("from 1s to 1day"), "{error}");
    };
    check("0", "MESHVANE_X: \"0\" is out of range");
    check("-5", "MESHVANE_X: \"-5\" is not a duration");
    check("2d", "MESHVANE_X: \"2d\" is out of range");
    check("soon", "MESHVANE_X: \"soon\" is not a duration");
}

#[test]
fn an_injected_value_is_explained() {
    let error = parse_number("HTTP_PORT", "tcp://10.96.0.7:8080", 1..=65_535).unwrap_err().to_string();
    assert!(error.contains("enableServiceLinks: false"), "{error}");
}

#[test]
fn an_unknown_name_with_our_prefix_is_refused_with_the_nearest() {
    let known = ["MESHVANE_FORGET_AFTER", "MESHVANE_HEALTH_PORT"];
    let check = |name: &str, expected: Option<&str>| {
        let error = refuse_unknown([name].into_iter(), &known).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), expected, "{name}");
    };
    check("MESHVANE_FORGET_AFTER", None);
    check(
        "MESHVANE_FORGET_AFTR",
        Some("MESHVANE_FORGET_AFTR: is not a setting: did you mean MESHVANE_FORGET_AFTER?"),
    );
    check(
        "MESHVANE_HEALHT_PORT",
        Some("MESHVANE_HEALHT_PORT: is not a setting: did you mean MESHVANE_HEALTH_PORT?"),
    );
    check("OTHER_SETTING", None);
    check("MESHVANE_SERVER_SERVICE_HOST", None);
    check("MESHVANE_SERVER_SERVICE_PORT_HTTP", None);
    check("MESHVANE_SERVER_PORT", None);
    check("MESHVANE_SERVER_PORT_8080_TCP_ADDR", None);
}
