//! Programs that show the figures: what a mesh costs when nothing happens, and what the server carries.
//!
//! Each measures a promise and a baseline in the same run, prints both, and ends with 0 when every promise was kept, 1 when
//! one was not or nothing could be measured, and 2 for a wrong argument. What needs a network lives in the lab's namespaces; the
//! others are pure models of one.
//!
//! ```text
//!   idle       a mesh at its default settings          beside a process that only sleeps
//!   parallel   the server under many clients at once   beside the same clients asking a trivial question
//!   calm       agents whose healthy probes are lost    beside the arithmetic of chance
//!   faults     random faults and their names           beside what the design calls them
//!   judge      the judge at 5,000 nodes with 50 faults beside one plain pass over the matrix
//!   fleet      what a rollout of 2,000 agents sends    beside the same news as whole plans
//!   attack     hostile clients beside a mesh of ten    beside the same clients at a server of nothing
//!   scrape     many scrapers of `/metrics`              beside the same server without a scraper
//!   crowd      thousands of invented, silent members   beside the same mesh without them
//! ```

mod api;
pub mod attack;
pub mod calm;
mod clock;
pub mod crowd;
pub mod faults;
mod figures;
pub mod fleet;
pub mod idle;
pub mod judge;
mod machine;
mod member;
mod model;
pub mod parallel;
mod parts;
mod problem;
mod samples;
pub mod scrape;
mod start;
