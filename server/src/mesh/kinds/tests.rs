use meshvane_shared::wire::findings::FindingKind;

use super::{KINDS, NOT_JUDGED};

#[test]
fn every_kind_is_described_in_judging_order() {
    assert_eq!(KINDS.map(|doc| doc.kind), FindingKind::ALL);
}

#[test]
fn every_kind_says_what_to_look_at_and_of_whom_it_speaks() {
    for doc in KINDS {
        assert!(!doc.look_next.is_empty(), "{:?}", doc.kind);
        let texts = [doc.severity, doc.meaning, doc.subject, doc.example];
        for text in texts.iter().chain(doc.look_next) {
            assert!(
                !text.trim().is_empty() && !text.contains('\n') && !text.contains("  "),
                "{:?}: {text}",
                doc.kind
            );
        }
    }
}

#[test]
fn a_kind_without_a_rule_says_so_everywhere() {
    for doc in KINDS {
        let said = [
            doc.severity == NOT_JUDGED,
            doc.example == NOT_JUDGED,
            doc.meaning.contains("**Not judged yet**"),
        ];
        assert!(said == [true; 3] || said == [false; 3], "{:?}: {said:?}", doc.kind);
    }
}
