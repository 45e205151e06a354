//! Asks the API server whose token that is, and whether its holder may read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus, UserInfo};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Client;
use kube::api::PostParams;
use kube::core::Request;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::auth::{Question, REVIEW_TIME, Review, Role, Unavailable};
use crate::mesh::context::Uid;

/// The path that a reader must have the right to get. A constant: rules of Kubernetes let every account read the paths of
/// some APIs, so the path of a request would be a right that nobody gave.
pub const READ_PATH: &str = "/meshvane.io/read";
/// Reviews at the same time, of known and unknown tokens: the API server answers one in milliseconds, and all agents come at
/// once when the server restarts.
const REVIEWS_AT_ONCE: usize = 64;
/// A user of Kubernetes has few groups; this bounds what is passed on.
const GROUPS_MAX: usize = 256;

const POD_NAME: &str = "authentication.kubernetes.io/pod-name";
const POD_UID: &str = "authentication.kubernetes.io/pod-uid";
const NODE_NAME: &str = "authentication.kubernetes.io/node-name";

/// Asks the API server about tokens.
#[derive(Clone)]
pub struct Reviewer {
    client: Client,
    audience: String,
    places: Arc<Semaphore>,
    /// The last review failed, which was said.
    failing: Arc<AtomicBool>,
}

impl std::fmt::Debug for Reviewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reviewer").field("audience", &self.audience).finish_non_exhaustive()
    }
}

impl Reviewer {
    /// Asks through a client, about tokens for an audience.
    pub fn new(client: Client, audience: String) -> Self {
        let places = Arc::new(Semaphore::new(REVIEWS_AT_ONCE));
        Self { client, audience, places, failing: Arc::default() }
    }

    /// Asks. Cancel-safe: a question that is dropped was asked for nothing.
    ///
    /// # Errors
    /// When there was no answer in time.
    pub async fn review(&self, question: &Question) -> Result<Review, Unavailable> {
        let problem = match timeout(REVIEW_TIME, self.ask(question)).await {
            Ok(Ok(review)) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the API server reviews tokens again");
                }
                return Ok(review);
            }
            Ok(Err(error)) => super::brief(&error),
            Err(_) => format!("no answer within {} s", REVIEW_TIME.as_secs()),
        };
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                problem,
                "tokens cannot be reviewed: whom the API server confirmed before is believed, and nobody else"
            );
        }
        Err(Unavailable)
    }

    async fn ask(&self, question: &Question) -> Result<Review, kube::Error> {
        // An error means that the semaphore was closed, which nobody does.
        let _place = self.places.acquire().await;
        let asked = TokenReview {
            spec: TokenReviewSpec {
                audiences: Some(vec![self.audience.clone()]),
                token: Some(question.token.clone()),
            },
            ..TokenReview::default()
        };
        let answer: TokenReview = self.create("/apis/authentication.k8s.io/v1/tokenreviews", &asked).await?;
        let status = answer.status.unwrap_or_default();
        let user = status.user.clone().unwrap_or_default();
        let mut review = read(status);
        // Nobody is asked about the rights of a token that is not good for us.
        if question.role == Role::Reader && review.authenticated && review.audiences.contains(&self.audience)
        {
            review.may_read = self.may_read(user).await?;
        }
        Ok(review)
    }

    async fn may_read(&self, user: UserInfo) -> Result<bool, kube::Error> {
        let groups = user.groups.map(|groups| groups.into_iter().take(GROUPS_MAX).collect());
        let asked = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                non_resource_attributes: Some(NonResourceAttributes {
                    path: Some(READ_PATH.to_owned()),
                    verb: Some("get".to_owned()),
                }),
                user: user.username,
                uid: user.uid,
                groups,
                extra: user.extra,
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let answer: SubjectAccessReview = self.create(path, &asked).await?;
        Ok(answer.status.is_some_and(|status| status.allowed && status.denied != Some(true)))
    }

    /// Posts an object. The answer is read here and not by the client, which would log one that it cannot read, and the
    /// token with it.
    async fn create<T: Serialize + DeserializeOwned>(
        &self,
        path: &str,
        object: &T,
    ) -> Result<T, kube::Error> {
        let body = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
        let request =
            Request::new(path).create(&PostParams::default(), body).map_err(kube::Error::BuildRequest)?;
        let text = self.client.request_text(request).await?;
        serde_json::from_str(&text).map_err(kube::Error::SerdeError)
    }
}

fn read(status: TokenReviewStatus) -> Review {
    let user = status.user.unwrap_or_default();
    let extra = user.extra.unwrap_or_default();
    Review {
        authenticated: status.authenticated == Some(true),
        audiences: status.audiences.unwrap_or_default(),
        username: user.username.unwrap_or_default(),
        bound: bound(&extra),
        may_read: false,
    }
}

/// The node and the pod that a token is bound to, when the API server says both, and the pod's name beside, each once.
fn bound(extra: &BTreeMap<String, Vec<String>>) -> Option<(String, Uid)> {
    let one = |key: &str| match extra.get(key).map(Vec::as_slice) {
        Some([value]) if !value.is_empty() => Some(value.clone()),
        Some(_) | None => None,
    };
    one(POD_NAME)?;
    Some((one(NODE_NAME)?, Uid::from(one(POD_UID)?.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_bound_when_all_three_are_said_once() {
        let extra = |pairs: &[(&str, &[&str])]| -> BTreeMap<String, Vec<String>> {
            pairs
                .iter()
                .map(|(key, values)| {
                    ((*key).to_owned(), values.iter().map(|value| (*value).to_owned()).collect())
                })
                .collect()
        };
        let whole: [(&str, &[&str]); 3] =
            [(NODE_NAME, &["node-1"]), (POD_NAME, &["agent-1"]), (POD_UID, &["u"])];
        assert_eq!(bound(&extra(&whole)), Some(("node-1".to_owned(), Uid::from("u"))));
        for missing in 0..3 {
            let mut less = whole.to_vec();
            less.remove(missing);
            assert_eq!(bound(&extra(&less)), None);
            let mut doubled = whole;
            doubled[missing].1 = &["a", "b"];
            assert_eq!(bound(&extra(&doubled)), None);
            doubled[missing].1 = &[""];
            assert_eq!(bound(&extra(&doubled)), None);
        }
    }
}
