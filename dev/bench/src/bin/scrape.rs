//! What scrapers of metrics cost the server: see [`bench::scrape`].

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::scrape::main()
}
