//! What is really the case while some faults are active: which addresses answer which agents, which agents run and are heard.

use std::sync::Arc;
use std::time::Duration;

use faults::{Block, Effect, NameAnswer, Rule};
use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};

use crate::mesh::Mesh;

/// How a question is really answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reply {
    /// As it should be.
    Yes,
    /// By a reset.
    Refused,
    /// Not at all.
    Silent,
}

/// A question of one node's agent about another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) plane: Plane,
    pub(crate) family: Family,
    pub(crate) check: CheckKind,
}

/// The state of a mesh.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    pub(crate) mesh: Arc<Mesh>,
    faults: Vec<Effect>,
    rules: Vec<Rule>,
}

impl Truth {
    /// The state while these faults are active.
    pub(crate) fn of(mesh: &Arc<Mesh>, faults: Vec<Effect>) -> Self {
        let rules = faults.iter().flat_map(Effect::rules).collect();
        Self { mesh: Arc::clone(mesh), faults, rules }
    }

    fn any(&self, test: impl Fn(&Effect) -> bool) -> bool {
        self.faults.iter().any(test)
    }

    /// Returns true when the node has power.
    pub(crate) fn is_on(&self, node: usize) -> bool {
        !self.any(|fault| fault.is_off(node))
    }

    /// Returns true when the node has an agent's pod, whether its process runs or not.
    pub(crate) fn has_pod(&self, node: usize) -> bool {
        self.is_on(node) && !self.any(|fault| *fault == Effect::Absent(node))
    }

    /// Returns true when the agent's process exists, stopped or not.
    pub(crate) fn has_agent(&self, node: usize) -> bool {
        self.has_pod(node)
            && self.taken_by(node).is_none()
            && !self.any(|fault| *fault == Effect::AgentKilled(node))
    }

    /// The node whose agent answers at the pod address of this one.
    pub(crate) fn taken_by(&self, node: usize) -> Option<usize> {
        self.faults.iter().find_map(|fault| {
            let Effect::AddressTaken(taken, by) = fault else { return None };
            (*taken == node).then_some(*by)
        })
    }

    /// Returns true when the agent's process runs.
    pub(crate) fn runs(&self, node: usize) -> bool {
        self.has_agent(node) && !self.any(|fault| *fault == Effect::AgentStopped(node))
    }

    /// Returns true when packets pass between the node's agent and the server, both ways.
    pub(crate) fn reaches_server(&self, node: usize) -> bool {
        !self.any(|fault| fault.cuts_server_path(node))
    }

    /// Returns true when the server accepts the agent's token.
    pub(crate) fn has_token(&self, node: usize) -> bool {
        !self.any(|fault| *fault == Effect::TokenRefused(node))
    }

    /// Returns true when the server hears the node's agent.
    pub(crate) fn is_heard(&self, node: usize) -> bool {
        self.runs(node) && self.reaches_server(node) && self.has_token(node)
    }

    /// Returns true when the node's agent may open ICMP sockets.
    pub(crate) fn may_ping(&self, node: usize) -> bool {
        !self.any(|fault| *fault == Effect::IcmpNotPermitted(node))
    }

    /// Returns true when the server's process exists.
    pub(crate) fn has_server(&self) -> bool {
        !self.any(|fault| *fault == Effect::ServerDown)
    }

    /// Returns true when the server's process runs.
    pub(crate) fn server_runs(&self) -> bool {
        self.has_server() && !self.any(|fault| *fault == Effect::ServerStopped)
    }

    /// How long each judgement takes.
    pub(crate) fn judging_takes(&self) -> Duration {
        let lag = self.faults.iter().find_map(|fault| {
            let Effect::ServerSlow(lag) = fault else { return None };
            Some(*lag)
        });
        lag.unwrap_or_default()
    }

    /// How a flow is answered.
    pub(crate) fn reply(&self, flow: Flow) -> Reply {
        let there = match flow.plane {
            Plane::Host => self.is_on(flow.to),
            Plane::Pod => self.has_pod(flow.to),
        };
        if !there {
            return Reply::Silent;
        }
        let is_blocked = |block| self.rules.iter().any(|rule| rule.block == block && flow.matches(rule));
        if is_blocked(Block::Drop) {
            return Reply::Silent;
        }
        let listens =
            flow.plane == Plane::Host || self.has_agent(flow.to) || self.taken_by(flow.to).is_some();
        if flow.check == CheckKind::Tcp && (!listens || is_blocked(Block::Refuse)) {
            return Reply::Refused;
        }
        Reply::Yes
    }

    /// What the name server with this number answers a node.
    pub(crate) fn name_answer(&self, node: usize, server: usize) -> NameAnswer {
        if self.cuts_pods_off(node) || server == 0 && self.any(|fault| *fault == Effect::OneNameServerDead) {
            return NameAnswer::Silent;
        }
        let wrong = self.faults.iter().find_map(|fault| {
            let Effect::NameServers { node: only, answer } = fault else { return None };
            only.is_none_or(|only| only == node).then_some(*answer)
        });
        wrong.unwrap_or(NameAnswer::Right)
    }

    /// How the service answers a node.
    pub(crate) fn service_reply(&self, node: usize) -> Reply {
        if self.cuts_pods_off(node) {
            return Reply::Silent;
        }
        let blocked = self.faults.iter().find_map(|fault| {
            let Effect::ServiceBlocked { node: only, block } = fault else { return None };
            only.is_none_or(|only| only == node).then_some(*block)
        });
        match blocked {
            None => Reply::Yes,
            Some(Block::Drop) => Reply::Silent,
            Some(Block::Refuse) => Reply::Refused,
        }
    }

    /// Returns true when the node's pods reach neither services nor name servers.
    fn cuts_pods_off(&self, node: usize) -> bool {
        self.any(|fault| {
            fault.is_off(node)
                || matches!(
                    fault,
                    Effect::NodeSilent(cut) | Effect::PodLinkDown(cut) | Effect::PodsIsolated(cut) | Effect::NodeMute(cut)
                        if *cut == node
                )
        })
    }
}

impl Flow {
    fn matches(self, rule: &Rule) -> bool {
        let begins = rule.from.has(self.from) && rule.to.has(self.to);
        let replies = rule.packets && rule.from.has(self.to) && rule.to.has(self.from);
        (begins || replies)
            && rule.plane.is_none_or(|plane| plane == self.plane)
            && rule.family.is_none_or(|family| family == self.family)
            && rule.check.is_none_or(|check| check == self.check)
    }
}
