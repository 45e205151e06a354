use super::*;

fn servers(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn a_file_is_read_as_glibc_reads_it() {
    let conf = |text: &str| ResolvConf::parse(text);
    let of = |search: &[&str]| search.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (text, expected) in [
        ("", ResolvConf::default()),
        // As the kubelet writes it.
        (
            "search ns.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
            ResolvConf {
                servers: servers(&["10.96.0.10"]),
                search: of(&["ns.svc.cluster.local", "svc.cluster.local", "cluster.local"]),
                ndots: 5,
                ..ResolvConf::default()
            },
        ),
        // Comments, unknown lines and words, ends of lines of another system.
        (
            "# nameserver 1.1.1.1\r\n; search x\r\nnameserver 10.0.0.1 # the first\r\nnameserver none\r\nsortlist 10.0.0.0\r\n\
             search a.test. b.test\r\noptions ndots:2 no-such:7 rotate\r\noptions edns0 use-vc timeout:1\r\n",
            ResolvConf {
                servers: servers(&["10.0.0.1"]),
                search: of(&["a.test", "b.test"]),
                ndots: 2,
                timeout: Duration::from_secs(1),
                rotate: true,
                edns0: true,
                use_vc: true,
                ..ResolvConf::default()
            },
        ),
        // Each server once, and three of them; IPv6 with its scope.
        (
            "nameserver fe80::1%eth0\nnameserver fe80::1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4",
            ResolvConf { servers: servers(&["fe80::1", "10.0.0.2", "10.0.0.3"]), ..ResolvConf::default() },
        ),
        // The last of `domain` and `search` counts.
        ("search a b\ndomain c\n", ResolvConf { search: of(&["c"]), ..ResolvConf::default() }),
        ("domain c\nsearch a .\n", ResolvConf { search: of(&["a", ""]), ..ResolvConf::default() }),
        // Numbers have limits, and what is none is skipped.
        (
            "options ndots:99 timeout:0 attempts:99\noptions ndots:x\n",
            ResolvConf { ndots: 15, timeout: Duration::from_secs(1), attempts: 5, ..ResolvConf::default() },
        ),
        (
            "options timeout:99 attempts:0\n",
            ResolvConf { timeout: Duration::from_secs(30), attempts: 1, ..ResolvConf::default() },
        ),
    ] {
        assert_eq!(conf(text), expected, "{text:?}");
    }
}

#[test]
fn a_search_line_may_be_as_long_as_kubernetes_allows() {
    let domains: Vec<String> = (0..40).map(|index| format!("{index}.{}.test", "x".repeat(50))).collect();
    let conf = ResolvConf::parse(&format!("search {}\n", domains.join(" ")));
    assert_eq!(conf.search, domains[..SEARCH_MAX]);
}
