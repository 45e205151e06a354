//! The search list, walked as glibc walks it.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::IpAddr;

use super::{CompleteName, Failure, NAME_ERROR, NO_ERROR, ResolvConf, SERVER_FAILURE, Said};

/// Asks for one complete name: one name server, or all in turn.
pub trait Ask {
    /// Asks.
    fn ask(&mut self, name: &CompleteName) -> impl Future<Output = Result<Said, Failure>> + Send;
}

/// A name that resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The candidate of the search list that has them, without its last dot; `None` when it is the name
    /// itself.
    pub resolved_as: Option<String>,
}

/// What the candidates of a name came to.
#[derive(Debug)]
pub enum Walked {
    /// One has addresses.
    Found(Found),
    /// None has: the response code that says most.
    Code(u16),
    /// The question could not be answered.
    Failed(Failure),
}

/// The names that stand for a name, in the order of resolv.conf(5): one with at least `ndots` dots is tried
/// as it is before the search list, any other after it; one that ends in a dot is complete.
fn candidates(name: &str, conf: &ResolvConf) -> Vec<String> {
    if name.ends_with('.') {
        return vec![name.to_owned()];
    }
    let as_it_is = format!("{name}.");
    let mut candidates: Vec<String> = conf
        .search
        .iter()
        .map(|domain| if domain.is_empty() { as_it_is.clone() } else { format!("{name}.{domain}.") })
        .collect();
    if name.matches('.').count() >= conf.ndots {
        candidates.insert(0, as_it_is);
    } else {
        candidates.push(as_it_is);
    }
    let mut seen = BTreeSet::new();
    candidates.retain(|candidate| seen.insert(candidate.clone()));
    candidates
}

/// Tries candidates until one has addresses. As glibc does, it goes on after a name that does not exist or
/// has none, and after a failure of the server; any other refusal ends the search list and leaves only the
/// name as it is. A candidate that is too long for a name is skipped.
pub async fn walk(asker: &mut impl Ask, name: &str, conf: &ResolvConf) -> Walked {
    let bare = name.trim_end_matches('.');
    let mut codes = Vec::new();
    let mut is_refused = false;
    for candidate in candidates(name, conf) {
        let candidate = candidate.trim_end_matches('.');
        let is_as_it_is = candidate == bare;
        if is_refused && !is_as_it_is {
            continue;
        }
        let Some(complete) = CompleteName::parse(candidate) else { continue };
        match asker.ask(&complete).await {
            Ok(Said::Addresses(addresses)) => {
                let resolved_as = (!is_as_it_is).then(|| candidate.to_owned());
                return Walked::Found(Found { addresses, resolved_as });
            }
            Ok(Said::Code(code)) => {
                let goes_on = [NO_ERROR, SERVER_FAILURE, NAME_ERROR].contains(&code);
                is_refused |= !goes_on && !is_as_it_is;
                codes.push(code);
            }
            Err(failure) => return Walked::Failed(failure),
        }
    }
    Walked::Code(verdict(&codes))
}

/// What several codes say together: a server's trouble more than a name without addresses, and that more than
/// one that does not exist.
pub(super) fn verdict(codes: &[u16]) -> u16 {
    let weight = |code: u16| match code {
        NAME_ERROR => 0,
        NO_ERROR => 1,
        SERVER_FAILURE => 2,
        _ => 3,
    };
    codes.iter().copied().max_by_key(|code| weight(*code)).unwrap_or(NAME_ERROR)
}

#[cfg(test)]
mod tests;
