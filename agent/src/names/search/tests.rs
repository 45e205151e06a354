use super::*;

#[test]
fn candidates_come_in_the_order_of_the_system() {
    let search = vec!["ns.svc.test".to_owned(), "test".to_owned()];
    let check = |name: &str, ndots, expected: &[&str]| {
        let conf = ResolvConf { search: search.clone(), ndots, ..ResolvConf::default() };
        assert_eq!(candidates(name, &conf), expected, "{name} {ndots}");
    };
    check("api", 1, &["api.ns.svc.test.", "api.test.", "api."]);
    check("api.shop", 1, &["api.shop.", "api.shop.ns.svc.test.", "api.shop.test."]);
    check("api.shop", 5, &["api.shop.ns.svc.test.", "api.shop.test.", "api.shop."]);
    check("api", 0, &["api.", "api.ns.svc.test.", "api.test."]);
    check("api.shop.", 5, &["api.shop."]);
}

/// Knows one name; of the others it says a code.
struct Knows(&'static str, u16, Vec<CompleteName>);

impl Ask for Knows {
    async fn ask(&mut self, name: &CompleteName) -> Result<Said, Failure> {
        self.2.push(name.clone());
        let is_known = CompleteName::parse(self.0).as_ref() == Some(name);
        Ok(if is_known { Said::Addresses(vec![[10, 0, 0, 1].into()]) } else { Said::Code(self.1) })
    }
}

#[tokio::test]
async fn the_servers_name_is_found_whatever_ndots_is_and_however_long_the_list() {
    const NAME: &str = "meshvane-server.kube-system.svc";
    let long: Vec<String> = (0..20).map(|index| format!("{index}.{}.example", "x".repeat(40))).collect();
    for (ndots, before) in [(1, &[][..]), (2, &[]), (5, &[]), (1, &long), (2, &long), (5, &long)] {
        for code in [NAME_ERROR, SERVER_FAILURE] {
            let search =
                before.iter().cloned().chain(["svc.cluster.local", "cluster.local"].map(str::to_owned));
            let conf = ResolvConf { search: search.collect(), ndots, ..ResolvConf::default() };
            let mut asker = Knows("meshvane-server.kube-system.svc.cluster.local", code, Vec::new());
            let walked = walk(&mut asker, NAME, &conf).await;
            let Walked::Found(found) = walked else { panic!("{ndots} {code} {walked:?}") };
            assert_eq!(found.addresses, [IpAddr::from([10, 0, 0, 1])]);
            assert_eq!(found.resolved_as.as_deref(), Some("meshvane-server.kube-system.svc.cluster.local"));
        }
    }
}

#[tokio::test]
async fn a_candidate_that_is_too_long_for_a_name_is_skipped() {
    let long = ["x".repeat(63), "y".repeat(63), "z".repeat(63), "w".repeat(60)].join(".");
    let conf = ResolvConf { search: vec![long], ndots: 5, ..ResolvConf::default() };
    let mut asker = Knows("api.shop", NAME_ERROR, Vec::new());
    let Walked::Found(found) = walk(&mut asker, "api.shop", &conf).await else { panic!() };
    assert_eq!((found.resolved_as, asker.2.len()), (None, 1));
}
