//! The services of a row.

use std::net::IpAddr;
use std::time::Duration;

use meshvane_shared::limits::{RESOLVERS_MAX, SERVICE_ADDRESSES_MAX, SERVICES_MAX};
use meshvane_shared::name::ServiceAddress;
use meshvane_shared::outcome::{Outcome, ResolverDetail};
use meshvane_shared::wire::round::{RoundBody, ServiceBody, TimedOutcome};

use super::apply::wrong;
use super::{RoundError, Row, Service, Standing, Timed};
use crate::mesh::time::Moment;

/// Checks the services of a round.
pub(super) fn check_services(services: &[ServiceBody]) -> Result<(), RoundError> {
    if services.len() > SERVICES_MAX {
        return Err(wrong("services", format!("at most {SERVICES_MAX} are accepted")));
    }
    for (index, service) in services.iter().enumerate() {
        if service.addresses.len() > SERVICE_ADDRESSES_MAX {
            let field = format!("services[{index}].addresses");
            return Err(wrong(field, format!("at most {SERVICE_ADDRESSES_MAX} are accepted")));
        }
        if service.resolvers.len() > RESOLVERS_MAX {
            let field = format!("services[{index}].resolvers");
            return Err(wrong(field, format!("at most {RESOLVERS_MAX} are accepted")));
        }
        if service.details.len() > RESOLVERS_MAX {
            let field = format!("services[{index}].details");
            return Err(wrong(field, format!("at most {RESOLVERS_MAX} are accepted")));
        }
    }
    Ok(())
}

impl Row {
    /// A whole round says all that there is to say of services; a part adds to it.
    pub(super) fn take_services(&mut self, body: &RoundBody, ended: Moment) {
        let services: Vec<Service> = body
            .services
            .iter()
            .map(|service| {
                let address = ServiceAddress { name: service.name.clone(), port: service.port };
                let held = self.services.iter().find(|held| held.address == address);
                read_service(service, address, held, ended)
            })
            .collect();
        if !body.partial {
            self.services = services;
            return;
        }
        for service in services {
            let held = self.services.iter().position(|held| held.address == service.address);
            match held {
                Some(place) => self.services[place] = service,
                None if self.services.len() < SERVICES_MAX => self.services.push(service),
                None => {}
            }
        }
    }
}

impl Service {
    /// Returns true when the service is an address and no name server was asked: there is no resolution to
    /// show, count or judge. Agents of older versions ask name servers for an address too; what they measured
    /// stands.
    pub fn needs_no_name(&self) -> bool {
        self.address.name.address().is_some() && self.resolvers.is_empty()
    }

    /// What this name server did beside its cause.
    pub fn detail_of(&self, server: IpAddr) -> Option<ResolverDetail> {
        self.details.iter().find(|(of, _)| *of == server).map(|(_, detail)| *detail)
    }

    /// What the name server did that stands for all of them.
    pub fn detail(&self) -> Option<ResolverDetail> {
        let shown = self.resolvers.iter().find(|(_, timed)| timed.outcome == self.resolution.outcome);
        shown.and_then(|(server, _)| self.detail_of(*server))
    }
}

fn read_service(
    body: &ServiceBody,
    address: ServiceAddress,
    held: Option<&Service>,
    ended: Moment,
) -> Service {
    let before = |list: fn(&Service) -> &[(IpAddr, Timed)], address: IpAddr| {
        let (_, timed) = list(held?).iter().find(|(of, _)| *of == address)?;
        Some(timed)
    };
    let resolvers = body.resolvers.iter().map(|resolver| {
        let prior = before(|service| &service.resolvers, resolver.address);
        (resolver.address, read_timed(&resolver.resolution, None, prior, ended))
    });
    let connects = body.addresses.iter().map(|connect| {
        let prior = before(|service| &service.connects, connect.address);
        (connect.address, read_timed(&connect.tcp, Some(body.port), prior, ended))
    });
    Service {
        resolution: read_timed(&body.resolution, None, held.map(|held| &held.resolution), ended),
        answers: body.answers,
        resolvers: resolvers.collect(),
        details: body.details.iter().map(|said| (said.address, said.detail)).collect(),
        resolved_as: body.resolved_as.clone(),
        search_us: body.search_us,
        connects: connects.collect(),
        address,
    }
}

fn read_timed(body: &TimedOutcome, port: Option<u16>, prior: Option<&Timed>, ended: Moment) -> Timed {
    let outcome = body.outcome.read();
    let measured = ended.before(Duration::from_millis(body.age_ms));
    let told = body.failing_for_ms.map(|millis| ended.before(Duration::from_millis(millis)));
    let failing = prior.filter(|prior| prior.outcome.is_unreached() || prior.standing.is_some());
    let held = failing.and_then(|failing| failing.failing_since);
    let (failing_since, standing) = match outcome {
        Outcome::Unreached(_) => (told.or(held).or(Some(measured)), None),
        Outcome::Unmeasured(_) => (held, failing.map(standing_of)),
        Outcome::Reached(_) => (None, None),
    };
    Timed {
        outcome,
        measured,
        failing_since,
        standing,
        suspect: false,
        ever_reached: matches!(outcome, Outcome::Reached(_)) || prior.is_some_and(|prior| prior.ever_reached),
        port,
    }
}

/// A failure as it stands while it cannot be measured.
fn standing_of(failing: &Timed) -> Standing {
    failing.standing.unwrap_or(Standing { outcome: failing.outcome, measured: failing.measured })
}
