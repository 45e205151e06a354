use std::sync::Arc;

use axum::http::header::CONTENT_LENGTH;
use http_body_util::BodyExt as _;
use meshvane_shared::check::Plane;
use meshvane_shared::plan::{Epoch, Plan, Target};

use super::*;

fn plan(generation: u64, nodes: u8) -> Arc<Plan> {
    let target = |node: u8| Target {
        node: NodeName::parse(&format!("node-{node:03}")).unwrap(),
        plane: Plane::Host,
        address: [192, 0, 2, node].into(),
        port: None,
        zone: None,
    };
    let version = PlanVersion { epoch: Epoch(1), generation };
    Arc::new(Plan { version, targets: (1..=nodes).map(target).collect() })
}

fn news(plan: &Arc<Plan>, part: PlanPart) -> PlanNews {
    PlanNews { plan: plan.clone(), part, look: Vec::new(), look_number: 0 }
}

async fn bytes(response: Response) -> (HeaderMap, Bytes) {
    let (parts, body) = response.into_parts();
    (parts.headers, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn who_has_an_earlier_plan_gets_what_changed() {
    let answers = PlanAnswers::default();
    let (old, new) = (plan(1, 50), plan(2, 51));
    let (_, sent) = bytes(answers.answer(&news(&new, PlanPart::Since(old.clone())), false)).await;
    let read: PlanBody = serde_json::from_slice(&sent).unwrap();
    assert_eq!(read.targets, None);
    assert_eq!(read.delta.unwrap().apply(&old, 2).unwrap(), *new);
    // Where little is left of the old one, all of it is shorter.
    let (_, sent) = bytes(answers.answer(&news(&old, PlanPart::Since(plan(0, 0))), false)).await;
    let read: PlanBody = serde_json::from_slice(&sent).unwrap();
    assert_eq!((read.targets, read.delta), (Some(old.targets.clone()), None));
}

#[tokio::test]
async fn long_answers_are_compressed_for_who_reads_that_and_written_once() {
    let answers = PlanAnswers::default();
    let plan = plan(1, 100);
    let (headers, json) = bytes(answers.answer(&news(&plan, PlanPart::Whole), false)).await;
    assert!(!headers.contains_key(CONTENT_ENCODING));
    let (headers, packed) = bytes(answers.answer(&news(&plan, PlanPart::Whole), true)).await;
    assert_eq!(headers[CONTENT_ENCODING], "gzip");
    assert!(packed.len() * 4 < json.len(), "{} of {}", packed.len(), json.len());
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut read).unwrap();
    assert_eq!(read, json);
    let (_, again) = bytes(answers.answer(&news(&plan, PlanPart::Whole), true)).await;
    assert_eq!(again.as_ptr(), packed.as_ptr(), "the same bytes, not the same once more");
    assert_eq!(answers.kept.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn no_more_answers_are_kept_than_the_limit() {
    let answers = PlanAnswers::default();
    for generation in 1..20 {
        let (headers, _) = bytes(answers.answer(&news(&plan(generation, 1), PlanPart::Whole), true)).await;
        assert!(!headers.contains_key(CONTENT_ENCODING), "short ones stay as they are");
        assert!(!headers.contains_key(CONTENT_LENGTH), "the driver sets it");
    }
    assert_eq!(answers.kept.lock().unwrap().len(), ANSWERS_KEPT);
}

#[test]
fn gzip_is_for_those_who_name_it_and_do_not_refuse_it() {
    let accepts = |value: &'static str| {
        accepts_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]))
    };
    assert!(accepts("gzip"));
    assert!(accepts("br, GZIP;q=0.5"));
    assert!(!accepts("gzip;q=0"));
    assert!(!accepts("gzip; q=0.000"));
    assert!(!accepts("br, identity"));
    assert!(!accepts_gzip(&HeaderMap::new()));
}
