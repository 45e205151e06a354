use allocation_counter::measure;

use super::*;
use crate::limits::{CELLS_MAX, RESOLVERS_MAX, SERVICE_ADDRESSES_MAX, SERVICES_MAX, TARGETS_MAX};

/// What the server takes of a body, decompressed.
const TEXT_BYTES: usize = 4 * 1024 * 1024;
/// Memory that any body of that size may take beside its text: the longest list of cells, which grows by doubling and is
/// copied as it grows, and the unescaped copy of one text.
const PEAK_BYTES: u64 = 12 * 1024 * 1024;

const HEAD: &str = r#""node":"a","boot_id":"b","sequence":1,"interval_ms":5000,"plan":{"epoch":"00c0ffee12345678","generation":7}"#;
const CELL: &str = r#""target":0,"check":"icmp","outcome":"reached","age_ms":0"#;
const SERVICE: &str = r#""name":"a","port":1,"resolution":{"outcome":"reached","age_ms":0}"#;

fn read(text: &str) -> Result<RoundBody, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// A round whose text is filled up to [`TEXT_BYTES`] with `element`, which stands between `start` and `end`.
fn filled(start: &str, element: &str, end: &str) -> String {
    let (start, end) = (format!("{{{HEAD},{start}"), format!("{end}}}"));
    let count = (TEXT_BYTES - start.len() - end.len()) / element.len();
    format!("{start}{}{end}", element.repeat(count).trim_end_matches(','))
}

#[test]
fn no_body_takes_more_memory_than_the_longest_lists_of_a_round() {
    let cells = |unknown: &str, element: &str, end: &str| {
        filled(&format!(r#""cells":[{{{CELL},"x":{unknown}"#), element, &format!("{end}}}]"))
    };
    let services = |unknown: &str| {
        filled(
            &format!(
                r#""cells":[],"services":[{{{SERVICE},{unknown}":[{{"address":"10.0.0.1","outcome":"reached","age_ms":0,"x":["#
            ),
            "{},",
            "]}]}]",
        )
    };
    for (name, text) in [
        ("an unknown member in a cell", cells("[", "{},", "]")),
        ("empty lists in a cell", cells("[", "[],", "]")),
        ("a long list of numbers in a cell", cells("[", "0,", "]")),
        ("deep lists in a cell", cells("", "[", "")),
        ("an unknown member in a resolver", services("\"resolvers")),
        ("an unknown member in an address", services("\"addresses")),
        (
            "an unknown member in a resolution",
            filled(r#""cells":[],"services":[{"resolution":{"x":["#, "{},", "]}}]"),
        ),
        ("an unknown member of the round", filled(r#""cells":[],"x":["#, "{},", "]")),
        ("unknown names", filled(r#""cells":[]"#, r#","\u0061":0"#, "")),
        ("minimal cells", filled(r#""cells":["#, &format!("{{{CELL}}},"), "]")),
        ("empty cells", filled(r#""cells":["#, "{},", "]")),
        (
            "minimal strangers",
            filled(r#""cells":[],"strangers":["#, r#"{"target":0,"node":"a","age_ms":0},"#, "]"),
        ),
        (
            "minimal targets",
            filled(r#""cells":[],"targets":["#, r#"{"node":"a","plane":"pod","address":"1.1.1.1"},"#, "]"),
        ),
        ("minimal services", filled(r#""cells":[],"services":["#, &format!("{{{SERVICE}}},"), "]")),
        ("a number of a million digits", filled(r#""cells":[],"took_ms":1"#, "0", "")),
        ("a long check", filled(r#""cells":[{"target":0,"check":""#, "x", r#""}]"#)),
        ("a long check of escapes", filled(r#""cells":[{"target":0,"check":""#, "\\n", r#""}]"#)),
        ("a list for a check", filled(r#""cells":[{"target":0,"check":["#, "0,", "]}]")),
        ("a list for a reason", filled(&format!(r#""cells":[{{{CELL},"reason":["#), "0,", "]}]")),
        (
            "a long boot id of escapes",
            filled(r#""cells":[],"boot_id":""#, "\\n", "\"").replacen(r#""boot_id":"b","#, "", 1),
        ),
        ("a long name of a member", filled(r#""cells":[],""#, "\\n", "\":0")),
    ] {
        let taken = measure(|| drop(std::hint::black_box(read(&text))));
        assert!(taken.bytes_max <= PEAK_BYTES, "{name}: {} bytes", taken.bytes_max);
        assert_eq!(taken.bytes_current, 0, "{name}");
    }
}

#[test]
fn what_is_not_known_is_skipped_at_every_place() {
    let cell = format!(r#"{{{CELL},"x":{{"y":[1,{{}}]}}}}"#);
    let address = r#"{"x":[[]],"address":"10.0.0.1","outcome":"unreached","cause":"later","icmp_type":3,"age_ms":1,"failing_for_ms":2}"#;
    let text = format!(
        r#"{{"x":{{}},{HEAD},"cells":[{cell}],"services":[{{{SERVICE},"x":1,"resolvers":[{address}],"addresses":[{address}]}}],"strangers":[{{"target":1,"node":"b","age_ms":3,"x":[]}}]}}"#
    );
    let round = read(&text).unwrap();
    assert_eq!((round.cells.len(), round.strangers.len()), (1, 1));
    let expected = TimedOutcome {
        outcome: OutcomeBody {
            cause: Some(Tolerant::Unknown("later".into())),
            icmp_type: Some(3),
            ..outcome("unreached")
        },
        age_ms: 1,
        failing_for_ms: Some(2),
    };
    assert_eq!(round.services[0].resolvers[0].resolution, expected);
    assert_eq!(round.services[0].addresses[0].tcp, expected);
}

fn outcome(word: &str) -> OutcomeBody {
    serde_json::from_str(&format!(r#"{{"outcome":"{word}"}}"#)).unwrap()
}

/// A text with so many elements.
type Text<'a> = Box<dyn Fn(usize) -> String + 'a>;

#[test]
fn each_list_ends_at_its_limit() {
    let list = |name: &str, element: &str, count: usize| {
        let list = vec![element; count].join(",");
        let cells = if name == "cells" { "" } else { r#""cells":[],"# };
        format!(r#"{{{HEAD},{cells}"{name}":[{list}]}}"#)
    };
    let in_service = |name: &str, count: usize| {
        let element = r#"{"address":"10.0.0.1","outcome":"reached","age_ms":0,"detail":"no_udp_answer"}"#;
        let list = vec![element; count].join(",");
        list_of_services(&format!(r#"{{{SERVICE},"{name}":[{list}]}}"#))
    };
    let (cell, service) = (format!("{{{CELL}}}"), format!("{{{SERVICE}}}"));
    let (target, stranger) =
        (r#"{"node":"a","plane":"pod","address":"1.1.1.1"}"#, r#"{"target":0,"node":"a","age_ms":0}"#);
    let lists: [(Text<'_>, usize); 7] = [
        (Box::new(|count| list("cells", &cell, count)), CELLS_MAX),
        (Box::new(|count| list("services", &service, count)), SERVICES_MAX),
        (Box::new(|count| list("targets", target, count)), TARGETS_MAX),
        (Box::new(|count| list("strangers", stranger, count)), TARGETS_MAX),
        (Box::new(|count| in_service("resolvers", count)), RESOLVERS_MAX),
        (Box::new(|count| in_service("details", count)), RESOLVERS_MAX),
        (Box::new(|count| in_service("addresses", count)), SERVICE_ADDRESSES_MAX),
    ];
    for (text, limit) in lists {
        assert!(read(&text(limit)).is_ok(), "{limit}");
        let error = read(&text(limit + 1)).unwrap_err();
        assert!(error.starts_with(&format!("at most {limit} are accepted")), "{error}");
    }
}

fn list_of_services(service: &str) -> String {
    format!(r#"{{{HEAD},"cells":[],"services":[{service}]}}"#)
}
