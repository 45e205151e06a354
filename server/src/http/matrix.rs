//! `GET /api/v1/matrix?plane=host|pod|service&check=&family=`.

use axum::http::Uri;
use axum::response::Response;
use meshvane_shared::address::Family;
use meshvane_shared::check::CheckKind;
use meshvane_shared::wire::matrix::MatrixPlane;

use super::error::Fault;
use super::query::Parameters;
use super::reply;
use super::state::{ApiState, Ask};
use crate::collector::MatrixQuery;

const PLANES: [(&str, MatrixPlane); 3] =
    [("host", MatrixPlane::Host), ("pod", MatrixPlane::Pod), ("service", MatrixPlane::Service)];
const ON_PLANES: [(&str, CheckKind); 2] = [("icmp", CheckKind::Icmp), ("tcp", CheckKind::Tcp)];
const ON_SERVICES: [(&str, CheckKind); 2] = [("dns", CheckKind::Dns), ("tcp", CheckKind::Tcp)];
const FAMILIES: [(&str, Family); 2] = [("ipv4", Family::Ipv4), ("ipv6", Family::Ipv6)];

/// Shows the matrix.
pub(super) fn get(state: &ApiState, ask: &Ask) -> Result<Response, Fault> {
    let query = read(&ask.head.uri)?;
    Ok(reply::native(&state.collector.matrix(query, state.clock.now())))
}

/// Without a plane the hosts' is shown: every agent has it.
fn read(uri: &Uri) -> Result<MatrixQuery, Fault> {
    let parameters = Parameters::read(uri)?;
    let plane = parameters.one_of("plane", &PLANES)?.unwrap_or(MatrixPlane::Host);
    let checks = match plane {
        MatrixPlane::Host | MatrixPlane::Pod => &ON_PLANES,
        MatrixPlane::Service => &ON_SERVICES,
    };
    Ok(MatrixQuery {
        plane,
        check: parameters.one_of("check", checks)?,
        family: parameters.one_of("family", &FAMILIES)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_plane_a_check_of_it_and_a_family() {
        let check = |query: &str, expected: Result<MatrixQuery, &str>| {
            let found = read(&format!("/api/v1/matrix?{query}").parse().unwrap());
            assert_eq!(found, expected.map_err(|text| Fault::BadParameter(text.to_owned())), "{query}");
        };
        let of = |plane, check, family| Ok(MatrixQuery { plane, check, family });
        check("", of(MatrixPlane::Host, None, None));
        check("plane=pod&check=&family=", of(MatrixPlane::Pod, None, None));
        check(
            "plane=host&check=tcp&family=ipv6",
            of(MatrixPlane::Host, Some(CheckKind::Tcp), Some(Family::Ipv6)),
        );
        check("plane=service&check=dns&other=1", of(MatrixPlane::Service, Some(CheckKind::Dns), None));
        check("plane=node", Err("plane: \"node\" is not known: host, pod, service is accepted"));
        check("plane=host&check=dns", Err("check: \"dns\" is not known: icmp, tcp is accepted"));
        check("plane=service&check=icmp", Err("check: \"icmp\" is not known: dns, tcp is accepted"));
        check("family=4", Err("family: \"4\" is not known: ipv4, ipv6 is accepted"));
    }
}
