//! How many tokens are asked about, and whose.

use super::*;

#[test]
fn a_flood_of_unknown_tokens_is_held_to_its_budget_and_keeps_no_agent_away() {
    let (accounts, cluster) = (accounts(true), cluster());
    let mut open = Vec::new();
    let mut over = 0;
    for number in 0..1000 {
        match accounts.admit(Role::Agent, &forged(number), ip(ELSEWHERE), &cluster, at(10)) {
            Admission::Ask(question) => open.push(question),
            Admission::Decided(Err(Refused::OverBudget)) => over += 1,
            Admission::Decided(other) => panic!("{other:?}"),
        }
    }
    let places = crate::auth::UNKNOWN_IN_FLIGHT;
    assert_eq!((open.len(), over), (places, 1000 - places));
    let shown = (Role::Agent, &*token(&claims()), POD);
    assert_eq!(ask(&accounts, &cluster, shown, Some(Ok(good())), at(10)), Ok(agent()));
    open.clear();
    let mut asked = 0;
    for number in 1000..2000 {
        let admission = accounts.admit(Role::Agent, &forged(number), ip(ELSEWHERE), &cluster, at(10));
        asked += usize::from(matches!(admission, Admission::Ask(_)));
    }
    assert_eq!(asked, 26 - places, "its share");
}

#[test]
fn a_source_whose_token_was_refused_loses_the_reserved_places() {
    let open_at_once = |answer: Review| {
        let (accounts, cluster) = (accounts(true), cluster());
        let _decided =
            ask(&accounts, &cluster, (Role::Agent, &forged(0), ELSEWHERE), Some(Ok(answer)), at(10));
        let admissions: Vec<_> = (1..25)
            .map(|number| accounts.admit(Role::Agent, &forged(number), ip(ELSEWHERE), &cluster, at(10)))
            .collect();
        admissions.iter().filter(|admission| matches!(admission, Admission::Ask(_))).count()
    };
    let places = crate::auth::UNKNOWN_IN_FLIGHT;
    assert_eq!(open_at_once(good()), places);
    assert_eq!(open_at_once(Review { authenticated: false, ..good() }), places - places / 4);
}

#[test]
fn a_pod_that_shows_ever_new_tokens_has_a_budget_of_its_own() {
    let (accounts, cluster) = (accounts(true), cluster());
    let mut asked = 0;
    for number in 0..100 {
        let mut claims = claims();
        claims["jti"] = json!(number);
        let admission = accounts.admit(Role::Agent, &token(&claims), ip(POD), &cluster, at(10));
        asked += usize::from(matches!(admission, Admission::Ask(_)));
    }
    assert_eq!(asked, 4);
}
