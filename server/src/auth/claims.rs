//! What a token of Kubernetes says about itself, before anybody vouches for it: enough to refuse most of what is wrong
//! without asking the API server, and never enough to believe.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::mesh::context::Uid;

/// Longest token that is looked at: one of Kubernetes has about 1.5 KiB, and the head of a request ends at 16 KiB.
pub(super) const TOKEN_MAX_BYTES: usize = 8 * 1024;

/// What a token says about itself (RFC 7519 section 4.1, and Kubernetes' private claims).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    /// Whom it is for.
    pub(super) audiences: Vec<String>,
    /// Whose it is.
    pub(super) subject: String,
    /// When it ends, in seconds of Unix time.
    pub(super) expires: i64,
    /// The pod that it is bound to.
    pub(super) pod: Option<Uid>,
    /// It is bound to a node as well.
    pub(super) has_node: bool,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    aud: Audience,
    #[serde(default)]
    sub: String,
    exp: Option<f64>,
    #[serde(rename = "kubernetes.io")]
    kubernetes: Option<Private>,
}

/// One audience, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

#[derive(Deserialize)]
struct Private {
    pod: Option<Bound>,
    node: Option<Bound>,
}

#[derive(Deserialize)]
struct Bound {
    uid: Option<String>,
}

impl Claims {
    /// Reads the claims of a token: three parts of unpadded base64url (RFC 7515 section 7.1), the second one JSON. A token
    /// without an end is none of Kubernetes' bound ones.
    pub(super) fn read(token: &[u8]) -> Option<Self> {
        if token.len() > TOKEN_MAX_BYTES {
            return None;
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (_head, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let payload: Payload = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let audiences = match payload.aud {
            Audience::One(audience) => vec![audience],
            Audience::Several(audiences) => audiences,
        };
        let pod = payload.kubernetes.as_ref().and_then(|bound| bound.pod.as_ref()?.uid.as_deref());
        Some(Self {
            audiences,
            subject: payload.sub,
            expires: seconds(payload.exp?),
            pod: pod.map(Uid::from),
            has_node: payload.kubernetes.is_some_and(|bound| bound.node.is_some()),
        })
    }
}

/// A numeric date (RFC 7519 section 2), which may have a fraction.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of a float saturates, and both ends mean the same here"
)]
fn seconds(date: f64) -> i64 {
    date.floor() as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn token(payload: &serde_json::Value) -> Vec<u8> {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part("{\"alg\":\"RS256\"}"), part(&payload.to_string()), part("signature"))
            .into_bytes()
    }

    #[test]
    fn a_bound_token_says_whose_it_is_and_where() {
        let claims = Claims::read(&token(&json!({
            "aud": ["meshvane"], "exp": 1_790_000_000, "iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:ns:a",
            "kubernetes.io": {"namespace": "ns", "node": {"name": "node-1", "uid": "n"}, "pod": {"name": "agent-1", "uid": "p"}}
        })));
        let expected = Claims {
            audiences: vec!["meshvane".to_owned()],
            subject: "system:serviceaccount:ns:a".to_owned(),
            expires: 1_790_000_000,
            pod: Some(Uid::from("p")),
            has_node: true,
        };
        assert_eq!(claims, Some(expected));
    }

    #[test]
    fn claims_may_be_missing_but_not_the_end() {
        let bare = Claims::read(&token(&json!({"exp": 1.5, "aud": "one"}))).unwrap();
        assert_eq!((bare.expires, bare.pod, bare.has_node), (1, None, false));
        assert_eq!(bare.audiences, ["one"]);
        assert_eq!(Claims::read(&token(&json!({"aud": "one"}))), None);
    }

    #[test]
    fn what_is_no_token_of_three_parts_with_json_within_is_none() {
        let whole = String::from_utf8(token(&json!({"exp": 1}))).unwrap();
        for text in [
            "",
            ".",
            "..",
            "a.b.c",
            "agents-token",
            &format!("{whole}.x"),
            &whole.replacen('.', "=.", 1)[..20],
        ] {
            assert_eq!(Claims::read(text.as_bytes()), None, "{text}");
        }
        for payload in [
            json!([]),
            json!("x"),
            json!({"exp": "soon"}),
            json!({"exp": 1, "sub": 5}),
            json!({"exp": 1, "aud": 5}),
        ] {
            assert_eq!(Claims::read(&token(&payload)), None, "{payload}");
        }
        let long = json!({"exp": 1, "sub": "x".repeat(TOKEN_MAX_BYTES)});
        assert_eq!(Claims::read(&token(&long)), None);
        assert!(Claims::read(whole.as_bytes()).is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Claims::read(&bytes);
        }

        #[test]
        fn no_payload_makes_it_fail(payload in "\\PC{0,200}", number in any::<f64>()) {
            let _ = Claims::read(format!("a.{}.c", URL_SAFE_NO_PAD.encode(&payload)).as_bytes());
            let _ = seconds(number);
        }
    }
}
