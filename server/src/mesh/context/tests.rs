use chrono::TimeDelta;

use super::*;

fn node(name: &str) -> Node {
    Node {
        name: NodeName::parse(name).unwrap(),
        zone: Some(Zone::parse("zone-a").unwrap()),
        created: DateTime::UNIX_EPOCH,
        selected: true,
        deleting: false,
        cordoned: false,
        not_ready: false,
        terminating: false,
    }
}

fn now(seconds: i64) -> Now {
    Now {
        moment: Moment::from_millis(seconds * 1000),
        wall: DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds),
    }
}

fn cluster(nodes: Vec<Node>) -> Cluster {
    let mut cluster = Cluster::default();
    cluster.nodes.list_began();
    for node in nodes {
        cluster.nodes.listed(node.name.as_str().into(), node);
    }
    cluster.nodes.list_ended();
    cluster
}

fn names(nodes: &[NodeName]) -> Vec<&str> {
    nodes.iter().map(NodeName::as_str).collect()
}

#[test]
fn a_node_has_the_context_that_kubernetes_says() {
    let mut cluster = cluster(vec![
        node("plain"),
        Node { cordoned: true, not_ready: true, ..node("drained") },
        Node { terminating: true, ..node("tainted") },
        Node { deleting: true, ..node("deleted") },
    ]);
    let pod = AgentPod {
        name: "agent".into(),
        node: NodeName::parse("drained").unwrap(),
        addresses: Vec::new(),
        host_addresses: Vec::new(),
        changing: true,
    };
    cluster.pods.applied("p1".into(), pod.clone());
    cluster.pods.applied("p2".into(), pod);
    let contexts = cluster.contexts(now(0).moment);
    let of = |name: &str| contexts.get(&NodeName::parse(name).unwrap()).cloned().unwrap_or_default();
    assert_eq!(of("plain"), []);
    assert_eq!(of("drained"), [Context::Cordoned, Context::NotReady, Context::RollingOut]);
    assert_eq!(of("tainted"), [Context::Terminating]);
    assert_eq!(of("deleted"), [Context::Terminating]);
    assert!(Arc::ptr_eq(&contexts, &cluster.contexts(now(1).moment)), "drawn again though nothing changed");
    cluster.nodes.applied("plain".into(), Node { cordoned: true, ..node("plain") });
    assert_eq!(cluster.contexts(now(1).moment).len(), 4);
}

#[test]
fn the_last_view_of_nodes_counts_for_an_hour() {
    let mut cluster = cluster(vec![Node { cordoned: true, ..node("a") }]);
    cluster.nodes.missed(now(10).moment);
    assert_eq!(cluster.contexts(now(3609).moment).len(), 1);
    let a = NodeName::parse("a").unwrap();
    assert!(cluster.zone(&a, now(3609).moment).is_some());
    assert_eq!(cluster.contexts(now(3610).moment).len(), 0);
    assert!(cluster.zone(&a, now(3610).moment).is_none());
    assert_eq!(cluster.coverage(now(3610), |_| false), Coverage::default());
}

#[test]
fn a_node_should_have_an_agent_when_it_is_selected_old_enough_and_stays() {
    let cluster = cluster(vec![
        node("b"),
        node("a"),
        node("has-one"),
        Node { selected: false, ..node("windows") },
        Node { deleting: true, ..node("going") },
        Node { created: now(100).wall, ..node("young") },
    ]);
    let at = |seconds| {
        let coverage = cluster.coverage(now(seconds), |node| node.as_str() == "has-one");
        assert_eq!(names(&coverage.not_covered), ["windows"]);
        (names(&coverage.uncovered).join(" "), names(&coverage.awaited).join(" "))
    };
    assert_eq!(at(119), (String::new(), "a b young".to_owned()), "the server has just begun");
    assert_eq!(at(120), ("a b".to_owned(), "young".to_owned()));
    assert_eq!(at(220), ("a b young".to_owned(), String::new()));
}

fn pod_of(node: &str, name: &str) -> AgentPod {
    AgentPod {
        name: name.into(),
        node: NodeName::parse(node).unwrap(),
        addresses: Vec::new(),
        host_addresses: Vec::new(),
        changing: false,
    }
}

#[test]
fn a_member_has_left_when_its_pod_is_deleted_or_its_node_goes() {
    let check = |expected: bool, change: fn(&mut Cluster)| {
        let mut cluster = cluster(vec![node("a")]);
        cluster.pods.applied("p".into(), pod_of("a", "agent"));
        let member = Member {
            pod: Some("agent".to_owned()),
            ..Member::unheard(NodeName::parse("a").unwrap(), now(0).moment)
        };
        assert!(!cluster.has_left(&member, now(60).moment));
        change(&mut cluster);
        assert_eq!(cluster.has_left(&member, now(60).moment), expected);
        let new = Member { known_since: now(55).moment, ..member };
        assert!(cluster.nodes.get(&"a".into()).is_some() || !cluster.has_left(&new, now(60).moment));
    };
    check(true, |cluster| cluster.pods.deleted(&"p".into()));
    check(true, |cluster| cluster.nodes.deleted(&"a".into()));
    check(true, |cluster| cluster.nodes.applied("a".into(), Node { deleting: true, ..node("a") }));
    check(false, |cluster| {
        cluster.nodes.applied("a".into(), Node { not_ready: true, cordoned: true, ..node("a") });
    });
    check(false, |cluster| {
        cluster.pods.applied("p".into(), AgentPod { changing: true, ..pod_of("a", "agent") });
    });
    check(false, |cluster| {
        cluster.pods.applied("q".into(), pod_of("a", "agent"));
        cluster.pods.deleted(&"p".into());
    });
    check(false, |cluster| {
        cluster.nodes.deleted(&"a".into());
        cluster.nodes.missed(now(30).moment);
    });
}

#[test]
fn an_address_is_vouched_for_by_the_pod_of_its_own_node() {
    let mut cluster = Cluster::default();
    let a = NodeName::parse("a").unwrap();
    let pod = AgentPod {
        name: "agent".into(),
        node: a.clone(),
        addresses: vec!["10.1.0.1".parse().unwrap()],
        host_addresses: vec!["10.0.0.1".parse().unwrap()],
        changing: false,
    };
    cluster.pods.applied("p".into(), pod);
    for (address, expected) in
        [("10.1.0.1", true), ("10.0.0.1", true), ("::ffff:10.0.0.1", true), ("10.0.0.2", false)]
    {
        assert_eq!(cluster.vouches(&a, address.parse().unwrap()), expected, "{address}");
    }
    assert!(!cluster.vouches(&NodeName::parse("b").unwrap(), "10.1.0.1".parse().unwrap()));
}
