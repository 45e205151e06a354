//! The kinds of finding as the page `docs/findings.md`.

use std::fmt::Write as _;

use crate::mesh::kinds::{KINDS, KindDoc, NOT_JUDGED};

/// What stands before the kinds.
const HEAD: &str = "\
<!-- generated from the server's own table: UPDATE_FINDINGS=1 cargo test -p meshvane-server findings_page -->
# Kinds of finding

What each kind of finding means and what to look at next. \
They are judged in this order: what an earlier one explains is gone for the later ones, so \
one fault is one finding. How the fields of a finding are read is in the [README](../README.md#how-to-read-a-finding).

In the commands, NODE, PEER, POD, PORT, ADDRESS and NAME stand for what the finding, \
its evidence or `GET /api/v1/agents` names.

In Kubernetes a finding about a node that is cordoned or being taken away is `info`, whatever stands below; so is one about a \
pair with such a node, and one about a group of none but such.
";

/// The page.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    page += "\n| kind | severity | subject and fields |\n|---|---|---|\n";
    for doc in &KINDS {
        let name = doc.kind.as_str();
        // Writing to a string cannot fail.
        let _written = writeln!(page, "| [`{name}`](#{name}) | {} | {} |", doc.severity, doc.subject);
    }
    for doc in &KINDS {
        page += &section(doc);
    }
    page
}

fn section(doc: &KindDoc) -> String {
    let mut text = format!("\n## {}\n\n{}\n\n", doc.kind.as_str(), doc.meaning);
    for (fact, value) in [("Severity", doc.severity), ("Subject and fields", doc.subject)] {
        let _written = writeln!(text, "- {fact}: {value}");
    }
    text += "- Look at:\n";
    for (number, step) in (1..).zip(doc.look_next) {
        let _written = writeln!(text, "  {number}. {step}");
    }
    if doc.example != NOT_JUDGED {
        let _written = writeln!(text, "\n> {}", doc.example);
    }
    text
}
