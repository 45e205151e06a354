use super::*;

#[test]
fn what_the_caller_has_is_in_the_query_or_in_an_entity_tag() {
    let epoch = Epoch(0xab);
    let check = |query: &str, if_none_match: &str, expected: Result<Option<(Epoch, u64)>, &str>| {
        let parameters = Parameters::read(&format!("/plan?{query}").parse().unwrap()).unwrap();
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, if_none_match.parse().unwrap())]);
        let found = known(&parameters, &headers);
        assert_eq!(
            found,
            expected.map_err(|text| Fault::BadParameter(text.to_owned())),
            "{query} {if_none_match}"
        );
    };
    check("epoch=00000000000000ab&generation=7", "", Ok(Some((epoch, 7))));
    check("epoch=00000000000000ab&generation=7", "\"00000000000000ab-8\"", Ok(Some((epoch, 7))));
    check("", "\"00000000000000ab-8\"", Ok(Some((epoch, 8))));
    check("", "W/\"00000000000000ab-8\"", Ok(Some((epoch, 8))));
    check("", "\"other\", \"00000000000000ab-8\"", Ok(Some((epoch, 8))));
    check("", "*", Ok(None));
    check("", "\"ab-8\"", Ok(None));
    check("epoch=&generation=", "", Ok(None));
    check("epoch=ab&generation=7", "", Err("epoch: an epoch is 16 hexadecimal digits"));
    check("epoch=00000000000000ab&generation=-1", "", Err("generation: \"-1\" is not a whole number"));
    check(
        "epoch=00000000000000ab",
        "",
        Err("generation: is missing beside epoch: both or neither is accepted"),
    );
    check("generation=7", "", Err("epoch: is missing beside generation: both or neither is accepted"));
}

#[test]
fn a_tag_is_read_back_as_it_was_written() {
    assert_eq!(read_tag(&tag(Epoch(u64::MAX), u64::MAX)), Some((Epoch(u64::MAX), u64::MAX)));
}

#[test]
fn a_wait_is_a_duration_of_at_most_half_a_minute() {
    for (text, expected) in
        [("30s", Some(30_000)), ("30", Some(30_000)), ("0", Some(0)), ("500ms", Some(500))]
    {
        assert_eq!(wait(text).ok().map(|wait| wait.as_millis()), expected, "{text}");
    }
    for text in ["31s", "31", "1m", "-1", "soon", "30 seconds of", "99999999999999999999"] {
        assert!(wait(text).is_err(), "{text}");
    }
}
