//! What a client asks, in turn.

use meshvane_shared::check::Plane;

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Route {
    /// `POST /heartbeat`
    Heartbeat,
    /// `POST /rounds`
    Round,
    /// `POST /test-results/hosts`, as an original agent does.
    PostHosts,
    /// `POST /test-results/pods`, as an original agent does.
    PostPods,
    /// `POST /test-results/service`, as an original agent does.
    PostService,
    /// `GET /hosts`
    Hosts,
    /// `GET /pods`
    Pods,
    /// `GET /clients/count`
    ClientsCount,
    /// `GET /test-results/hosts`
    ResultsOnHosts,
    /// `GET /test-results/pods`
    ResultsOnPods,
    /// `GET /test-results/service`
    ResultsOnService,
    /// `GET /results`
    Results,
    /// `GET /matrix` of hosts by ICMP.
    MatrixOfHosts,
    /// `GET /matrix` of pods by TCP.
    MatrixOfPods,
    /// `GET /agents`
    Agents,
    /// `GET /findings`
    Findings,
    /// `GET /report` as text.
    ReportText,
    /// `GET /report` as JSON.
    ReportJson,
    /// `GET /plan`
    Plan,
    /// `GET /health`: the trivial question.
    Health,
}

/// What is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Post {
    /// A heartbeat.
    Heartbeat,
    /// A round.
    Round,
    /// Results on a plane, as an original agent posts them.
    Results(Plane),
    /// The result on the service, as an original agent posts it.
    Service,
}

impl Route {
    /// One turn of a client: each post twice, each question once, mixed.
    pub(super) const CYCLE: [Self; 25] = [
        Self::Heartbeat,
        Self::Hosts,
        Self::Round,
        Self::MatrixOfHosts,
        Self::PostHosts,
        Self::Pods,
        Self::ResultsOnHosts,
        Self::PostPods,
        Self::ResultsOnPods,
        Self::PostService,
        Self::Results,
        Self::ResultsOnService,
        Self::Heartbeat,
        Self::Agents,
        Self::Round,
        Self::MatrixOfPods,
        Self::Plan,
        Self::PostHosts,
        Self::ReportText,
        Self::ClientsCount,
        Self::PostPods,
        Self::Findings,
        Self::PostService,
        Self::ReportJson,
        Self::Health,
    ];

    /// Method, path and query.
    pub(super) fn line(self) -> &'static str {
        match self {
            Self::Heartbeat => "POST /api/v1/heartbeat",
            Self::Round => "POST /api/v1/rounds",
            Self::PostHosts => "POST /api/v1/test-results/hosts",
            Self::PostPods => "POST /api/v1/test-results/pods",
            Self::PostService => "POST /api/v1/test-results/service",
            Self::Hosts => "GET /api/v1/hosts",
            Self::Pods => "GET /api/v1/pods",
            Self::ClientsCount => "GET /api/v1/clients/count",
            Self::ResultsOnHosts => "GET /api/v1/test-results/hosts",
            Self::ResultsOnPods => "GET /api/v1/test-results/pods",
            Self::ResultsOnService => "GET /api/v1/test-results/service",
            Self::Results => "GET /api/v1/results",
            Self::MatrixOfHosts => "GET /api/v1/matrix?plane=host&check=icmp",
            Self::MatrixOfPods => "GET /api/v1/matrix?plane=pod&check=tcp",
            Self::Agents => "GET /api/v1/agents",
            Self::Findings => "GET /api/v1/findings?state=all",
            Self::ReportText => "GET /api/v1/report?format=text",
            Self::ReportJson => "GET /api/v1/report?format=json",
            Self::Plan => "GET /api/v1/plan",
            Self::Health => "GET /api/v1/health",
        }
    }

    /// What it posts; `None` of a question.
    pub(super) fn post(self) -> Option<Post> {
        match self {
            Self::Heartbeat => Some(Post::Heartbeat),
            Self::Round => Some(Post::Round),
            Self::PostHosts => Some(Post::Results(Plane::Host)),
            Self::PostPods => Some(Post::Results(Plane::Pod)),
            Self::PostService => Some(Post::Service),
            Self::Hosts
            | Self::Pods
            | Self::ClientsCount
            | Self::ResultsOnHosts
            | Self::ResultsOnPods
            | Self::ResultsOnService
            | Self::Results
            | Self::MatrixOfHosts
            | Self::MatrixOfPods
            | Self::Agents
            | Self::Findings
            | Self::ReportText
            | Self::ReportJson
            | Self::Plan
            | Self::Health => None,
        }
    }

    /// Path and query.
    pub(super) fn path(self) -> &'static str {
        self.line().split_once(' ').map_or("", |(_, path)| path)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use meshvane_shared::paths;

    use super::*;

    #[test]
    fn a_turn_asks_for_every_path_of_the_api() {
        let asked: BTreeSet<&str> =
            Route::CYCLE.iter().filter_map(|route| route.path().split('?').next()).collect();
        let all = [
            paths::HEARTBEAT,
            paths::ROUNDS,
            paths::TEST_RESULTS_HOSTS,
            paths::TEST_RESULTS_PODS,
            paths::TEST_RESULTS_SERVICE,
            paths::HOSTS,
            paths::PODS,
            paths::CLIENTS_COUNT,
            paths::RESULTS,
            paths::MATRIX,
            paths::AGENTS,
            paths::FINDINGS,
            paths::REPORT,
            paths::PLAN,
            paths::HEALTH,
        ];
        assert_eq!(asked, BTreeSet::from(all));
    }

    #[test]
    fn a_turn_posts_as_a_client_counts() {
        let posts = Route::CYCLE.iter().filter(|route| route.line().starts_with("POST ")).count();
        assert_eq!(posts, 10);
        assert!(Route::CYCLE.iter().all(|route| route.line().starts_with("POST ") == route.post().is_some()));
    }
}
