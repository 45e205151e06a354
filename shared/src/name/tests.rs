use super::*;

#[test]
fn a_node_name_is_an_rfc_1123_subdomain() {
    let check = |text: &str, expected: bool| assert_eq!(NodeName::parse(text).is_ok(), expected, "{text:?}");
    check("node-1", true);
    check("ip-10-0-0-1.eu-west-1.compute.internal", true);
    check("", false);
    check("Node", false);
    check("node_1", false);
    check("-c1", false);
    check("a..b", false);
    check("node-", false);
    check(&"a".repeat(63), true);
    check(&"a".repeat(64), false);
    check(&vec!["a".repeat(63); 4].join("."), false);
}

#[test]
fn a_zone_is_a_label_value() {
    for (text, expected) in
        [("eu-west-1a", true), ("Zone_1.x", true), ("", false), ("_z", false), ("a b", false)]
    {
        assert_eq!(Zone::parse(text).is_ok(), expected, "{text:?}");
    }
}

#[test]
fn an_error_names_the_kind_the_text_and_the_rule() {
    let error = Namespace::parse("kube system").unwrap_err().to_string();
    assert!(error.starts_with("namespace \"kube system\" is not valid: lower-case letters"), "{error}");
}

#[test]
fn a_service_takes_its_port_from_the_text_or_the_default() {
    let parse = |text| ServiceAddress::parse(text, 80).map(|service| service.to_string());
    assert_eq!(parse("kube-dns.kube-system.svc:53"), Ok("kube-dns.kube-system.svc:53".to_owned()));
    assert_eq!(parse("example.org."), Ok("example.org.:80".to_owned()));
    assert!(parse("example.org:0").unwrap_err().contains("1 to 65535"));
    assert!(parse("-c1").is_err());
    assert!(parse("").is_err());
}

#[test]
fn a_service_may_be_an_address_with_one_of_ipv6_in_brackets_before_its_port() {
    for (text, name, shown) in [
        ("10.90.0.100:8088", "10.90.0.100", "10.90.0.100:8088"),
        ("10.90.0.100", "10.90.0.100", "10.90.0.100:80"),
        ("[fd00::1]:8088", "fd00::1", "[fd00::1]:8088"),
        ("[fd00::1]", "fd00::1", "[fd00::1]:80"),
        ("fd00::1", "fd00::1", "[fd00::1]:80"),
        ("FD00:0::1", "fd00::1", "[fd00::1]:80"),
        ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.1:80"),
    ] {
        let service = ServiceAddress::parse(text, 80).unwrap();
        assert_eq!((service.name.as_str(), service.to_string().as_str()), (name, shown), "{text}");
        assert_eq!(service.name.address(), Some(name.parse().unwrap()), "{text}");
    }
    assert_eq!(ServiceAddress::parse("api.shop.svc", 80).unwrap().name.address(), None);
    for text in [
        "[fd00::1",
        "[fd00::1]8088",
        "[fd00::1]:",
        "[10.0.0.1]:80",
        "fd00::1:x",
        "10.90.0:80",
        "10.90.0.256",
        "0.0.0.0:80",
        "ff02::1",
        "10",
    ] {
        assert!(ServiceAddress::parse(text, 80).is_err(), "{text}");
    }
}

#[test]
fn an_original_agent_is_kept_under_its_pod_name() {
    let check =
        |text: &str, expected: &str| assert_eq!(NodeName::from_pod_name(text).unwrap().as_str(), expected);
    check("k8snet-checker-client-x7k2p", "k8snet-checker-client-x7k2p");
    check("Test_Pod 1", "test-pod-1");
    assert!(NodeName::from_pod_name("___").is_err());
}

#[test]
fn names_are_checked_when_they_are_deserialized() {
    assert!(serde_json::from_str::<NodeName>("\"node-1\"").is_ok());
    assert!(serde_json::from_str::<NodeName>("\"Node 1\"").is_err());
}
