use meshvane_shared::go_duration::GoDuration;

use super::*;

/// As recorded from the original agent.
const RECORDED: &str = r#"{"source_ip":"127.0.0.5","results":[{"source_ip":"127.0.0.5","target_ip":"127.0.0.1",
"ping_status":"reachable","port_status":{"18090":"open"},"latency":"685.70ms","test_duration":"2.06s",
"timestamp":"2026-11-21T01:51:17.077788655Z"}]}"#;

#[test]
fn a_recorded_post_is_read_whole() {
    let body = read_results(RECORDED).unwrap();
    let result = &body.results.unwrap()[0];
    assert_eq!(body.source_ip, "127.0.0.5");
    assert_eq!((result.target_ip.as_str(), result.ping_status.as_str()), ("127.0.0.1", "reachable"));
    assert_eq!(result.port_status.as_ref().unwrap()[&18090], "open");
    assert_eq!(result.test_duration, GoDuration(std::time::Duration::from_millis(2060)));
}

#[test]
fn names_in_any_case_and_numbers_for_durations_are_read() {
    let body = read_results(
        r#"{"Source_IP":"10.0.0.1","RESULTS":[{"Target_Ip":"10.0.0.2","PING_STATUS":"reachable","Latency":685700000}]}"#,
    )
    .unwrap();
    let result = &body.results.unwrap()[0];
    assert_eq!((result.target_ip.as_str(), result.ping_status.as_str()), ("10.0.0.2", "reachable"));
    assert_eq!(result.latency, GoDuration(std::time::Duration::from_micros(685_700)));
}

#[test]
fn of_several_ports_the_lowest_is_kept_and_a_result_without_target_is_dropped() {
    let body = read_results(
        r#"{"source_ip":"10.0.0.1","results":[{"target_ip":""},null,{},{"target_ip":"10.0.0.2","port_status":{"443":"closed","22":"open","100":"open"}}]}"#,
    )
    .unwrap();
    let results = body.results.unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!(
        results[0].port_status.clone().unwrap().into_iter().collect::<Vec<_>>(),
        [(22, "open".to_owned())]
    );
}

#[test]
fn a_service_without_a_result_is_taken_and_keeps_all_its_ports() {
    assert_eq!(read_service(r#"{"source_ip":"10.0.0.1"}"#).unwrap().result, None);
    assert_eq!(read_service(r#"{"source_ip":"10.0.0.1","result":null}"#).unwrap().result, None);
    let body =
        read_service(r#"{"source_ip":"10.0.0.1","result":{"port_status":{"1":"open","2":null}}}"#).unwrap();
    assert_eq!(body.result.unwrap().port_status.unwrap().len(), 2);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let check = |json: &str, expected: &str| match read_results(json) {
        Err(Fault::BadBody(text)) => assert!(text.starts_with(expected), "{text}"),
        other => panic!("{json}: {other:?}"),
    };
    let result = |result: &str| format!(r#"{{"source_ip":"10.0.0.1","results":[{result}]}}"#);
    check(r#"{"results":[]}"#, "source_ip: is missing");
    check(r#"{"source_ip":"","results":[]}"#, "source_ip: is missing");
    check(r#"{"source_ip":"x","results":[]}"#, "source_ip: \"x\" is not an IP address");
    check(r#"{"source_ip":7,"results":[]}"#, "source_ip: invalid type");
    check(r#"{"source_ip":"10.0.0.1"}"#, "results: is missing");
    check(r#"{"source_ip":"10.0.0.1","results":null}"#, "results: is missing");
    check(r#"{"source_ip":"10.0.0.1","results":{}}"#, "results: invalid type: map, expected an array");
    check(&result("7"), "results[0]: invalid type");
    check(&result(r#"{"target_ip":"-c1"}"#), "results[0].target_ip: \"-c1\" is not an IP address");
    check(&result(r#"{"target_ip":"ff02::1"}"#), "results[0].target_ip: ff02::1 is a multicast address");
    check(
        &result(r#"{"port_status":{"ssh":"open"}}"#),
        "results[0].port_status: \"ssh\" is not a port's number",
    );
    check(&result(r#"{"port_status":["22"]}"#), "results[0].port_status: invalid type");
    check(&result(r#"{"latency":"soon"}"#), "results[0].latency: ");
    check(&result(r#"{"latency":1e999}"#), "results[0].latency: ");
    check(&result(r#"{"timestamp":"yesterday"}"#), "results[0].timestamp: a time as");
    check(
        &result(&format!(r#"{{"x":"{}"}}"#, "y".repeat(RESULT_MAX_BYTES))),
        "results[0]: a result of at most",
    );
    check(&result(&vec!["{}"; RESULTS_MAX + 1].join(",")), "results: at most 10000 are accepted");
}

#[test]
fn no_post_of_an_original_agent_takes_more_memory_than_its_text_four_times() {
    const TEXT_BYTES: usize = 4 * 1024 * 1024;
    let filled = |element: &str| {
        let count = (TEXT_BYTES / element.len()).min(RESULTS_MAX);
        format!(r#"{{"source_ip":"10.0.0.1","results":[{}]}}"#, vec![element; count].join(","))
    };
    let ports: Vec<String> = (0..1_200).map(|port| format!(r#""{port}":"""#)).collect();
    for (name, text) in [
        ("minimal results", filled(r#"{"target_ip":"10.0.0.1"}"#)),
        (
            "many ports",
            filled(&format!(r#"{{"target_ip":"10.0.0.1","port_status":{{{}}}}}"#, ports.join(","))),
        ),
        (
            "long words",
            filled(&format!(r#"{{"target_ip":"10.0.0.1","ping_status":"{}"}}"#, "x".repeat(16_000))),
        ),
        (
            "escapes",
            filled(&format!(r#"{{"target_ip":"10.0.0.1","ping_status":"{}"}}"#, r"\n".repeat(8_000))),
        ),
        ("unknown members", filled(&format!(r#"{{"x":[{}0]}}"#, "0,".repeat(8_000)))),
        (
            "an unknown member",
            format!(r#"{{"source_ip":"10.0.0.1","x":[{}0],"results":[]}}"#, "0,".repeat(TEXT_BYTES / 2)),
        ),
        (
            "a nested latency",
            filled(&format!(r#"{{"target_ip":"10.0.0.1","latency":[{}0]}}"#, "0,".repeat(8_000))),
        ),
    ] {
        let taken = allocation_counter::measure(|| drop(read_results(&text)));
        assert!(taken.bytes_max <= 4 * TEXT_BYTES as u64, "{name}: {} bytes", taken.bytes_max);
    }
}
