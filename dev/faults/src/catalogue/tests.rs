use std::collections::BTreeSet;

use super::*;

#[test]
fn every_scenario_is_found_by_its_name() {
    for scenario in Scenario::ALL {
        assert_eq!(scenario.name().parse(), Ok(scenario));
    }
}

#[test]
fn names_are_unique_and_in_kebab_case() {
    let names: BTreeSet<_> = Scenario::ALL.map(Scenario::name).into_iter().collect();
    assert_eq!(names.len(), Scenario::ALL.len());
    assert!(
        names
            .iter()
            .all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')),
        "{names:?}"
    );
}

#[test]
fn an_unknown_name_is_answered_with_those_there_are() {
    let error = "node-up".parse::<Scenario>().unwrap_err().to_string();
    assert!(error.starts_with("there is no scenario \"node-up\"; there are node-down, "), "{error}");
}
