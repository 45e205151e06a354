use super::*;

fn every_fault() -> Vec<(Fault, u16, &'static str)> {
    vec![
        (Fault::BadBody("x".into()), 400, "/problems/invalid-body"),
        (Fault::MissingField("x".into()), 400, "/problems/missing-field"),
        (Fault::BadParameter("x".into()), 400, "/problems/invalid-parameter"),
        (Fault::UnknownPlan("x".into()), 409, UNKNOWN_PLAN),
        (Fault::TooLarge(1), 413, "/problems/body-too-large"),
        (Fault::TooSlow, 408, "/problems/body-too-slow"),
        (Fault::UnknownEncoding, 415, "/problems/unknown-encoding"),
        (Fault::Refused(Refused::WriterWithoutToken), 401, "/problems/unauthorized"),
        (Fault::Refused(Refused::ForeignHost), 403, "/problems/foreign-host"),
        (Fault::NotFound, 404, "/problems/not-found"),
        (Fault::MethodNotAllowed { allowed: "GET, HEAD".into() }, 405, "/problems/method-not-allowed"),
        (Fault::Internal, 500, "/problems/internal"),
    ]
}

#[test]
fn every_fault_has_a_status_and_a_stable_type() {
    for (fault, status, kind) in every_fault() {
        let said = say(fault.clone());
        assert_eq!(said.status.as_u16(), status, "{fault:?}");
        assert_eq!(format!("/problems/{}", said.slug), kind, "{fault:?}");
        let response = answer(fault.clone(), Dialect::Native);
        assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE, "{fault:?}");
        let response = answer(fault, Dialect::Compatible);
        assert_eq!(response.headers()[header::CONTENT_TYPE], reply::COMPATIBLE_JSON);
    }
}

#[test]
fn what_the_collector_refuses_is_the_callers_fault() {
    for (refusal, status) in [
        (Refusal::MissingField("x".into()), 400),
        (Refusal::InvalidField("x".into()), 400),
        (Refusal::UnknownPlan("x".into()), 409),
    ] {
        assert_eq!(say(refusal.clone().into()).status.as_u16(), status, "{refusal:?}");
    }
}

#[test]
fn a_refusal_of_identity_asks_for_a_bearer_token() {
    for refused in Refused::ALL {
        let response = answer(Fault::Refused(refused), Dialect::Native);
        let asks =
            response.headers().get(header::WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(
            asks.is_some_and(|value| value.starts_with("Bearer")),
            response.status() == 401,
            "{refused:?}"
        );
    }
}
