//! Tests of what the whole repository promises: the shape of every wire body, and who may know whom.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code, which the lint knows only by the attribute on the tests themselves"
)]

mod architecture;
mod golden;
