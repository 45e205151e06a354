//! What the command line takes and refuses.

use super::*;

fn parse(words: &str) -> Result<Cli, String> {
    let words = std::iter::once("demo").chain(words.split_whitespace());
    Cli::try_parse_from(words).map_err(|error| error.to_string())
}

#[test]
fn without_words_it_is_five_nodes_and_no_scenario() {
    let cli = parse("").unwrap();
    assert_eq!((cli.nodes, cli.scenario, cli.port, cli.hold()), (5, None, None, Duration::from_secs(30)));
    assert!(!cli.once && !cli.list && !cli.loopback);
}

#[test]
fn every_word_is_read() {
    let cli =
        parse("--nodes 12 --scenario node-down --port 9000 --hold 10 --once --loopback --logs x").unwrap();
    let expected = Cli {
        nodes: 12,
        scenario: Some(Scenario::NodeDown),
        list: false,
        port: Some(9000),
        hold: 10,
        once: true,
        loopback: true,
        logs: Some("x".into()),
    };
    assert_eq!(cli, expected);
}

#[test]
fn a_wrong_word_is_refused_by_name_and_rule() {
    let check = |words: &str, option: &str, rule: &str| {
        let error = parse(words).unwrap_err();
        assert!(error.contains(option) && error.contains(rule), "{words}: {error}");
    };
    check("--nodes 1", "--nodes", "2..=12");
    check("--nodes 13", "--nodes", "2..=12");
    check("--nodes five", "--nodes", "invalid digit");
    check("--port 0", "--port", "1..=65535");
    check("--port 65536", "--port", "1..=65535");
    check("--hold 0", "--hold", "1..=3600");
    check("--scenario earthquake", "--scenario", "node-down, host-link-down");
    check("--speed 3", "--speed", "unexpected");
}

#[test]
fn a_mesh_too_small_for_a_scenario_is_refused() {
    let problem = |words: &str| parse(words).unwrap().problem();
    assert_eq!(
        problem("--nodes 3 --scenario zone-cut").unwrap(),
        "--nodes 3: scenario zone-cut needs at least 4"
    );
    assert_eq!(problem("--nodes 4 --scenario zone-cut"), None);
    assert_eq!(problem("--nodes 2 --scenario node-down"), None);
    assert!(Scenario::ALL.into_iter().all(|scenario| problem(&format!("--scenario {scenario}")).is_none()));
}

#[test]
fn the_list_names_every_scenario_and_what_it_should_make_the_server_find() {
    let list = list(5);
    for scenario in Scenario::ALL {
        assert!(
            list.contains(&format!("  {:<NAME_WIDTH$}{}", scenario.name(), scenario.description())),
            "{list}"
        );
    }
    assert!(list.contains("finds node_down node=node-2"), "{list}");
    assert!(list.contains("finds plane_cut node=node-2 plane=pod"), "{list}");
    assert!(list.contains("finds nothing"), "{list}");
}
