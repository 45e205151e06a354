//! `GET /api/v1/report`: the state of the mesh on one page, as text for people and as JSON when asked.

use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::error::Fault;
use super::query::Parameters;
use super::reply;
use super::state::{ApiState, Ask};
use crate::render;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Json,
}

const FORMATS: [(&str, Format); 2] = [("text", Format::Text), ("json", Format::Json)];

/// Shows the report.
pub(super) fn get(state: &ApiState, ask: &Ask) -> Result<Response, Fault> {
    let asked = Parameters::read(&ask.head.uri)?.one_of("format", &FORMATS)?;
    let report = state.collector.report(state.clock.now());
    Ok(match asked.unwrap_or_else(|| accepted(ask.headers())) {
        Format::Text => reply::text(StatusCode::OK, render::text::report(&report)),
        Format::Json => reply::native(&report),
    })
}

/// JSON for a client that names it and no text; browsers and curl get text.
fn accepted(headers: &HeaderMap) -> Format {
    let mut json = false;
    for value in headers.get_all(ACCEPT) {
        for range in value.to_str().unwrap_or("").split(',') {
            let kind = range.split(';').next().unwrap_or("").trim();
            if kind.starts_with("text/") {
                return Format::Text;
            }
            json |= kind.eq_ignore_ascii_case("application/json");
        }
    }
    if json { Format::Json } else { Format::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_ask_for_json_get_it_and_people_get_text() {
        let check = |accept: &'static str, expected: Format| {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(accepted(&headers), expected, "{accept}");
        };
        check("*/*", Format::Text);
        check("application/json", Format::Json);
        check("application/json;q=0.9, */*", Format::Json);
        check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Text);
        check("text/plain, application/json", Format::Text);
        assert_eq!(accepted(&HeaderMap::new()), Format::Text);
    }
}
