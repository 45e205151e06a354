//! TLS between agents and server, by certificates that change.

use std::time::Duration;

use e2e::api::Api;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use serde_json::json;

use crate::installation::{Installation, helm, make_namespace};
use crate::kube::{self, apply, until};

e2e::tests!(a_secret_that_is_replaced_is_shown_and_loses_nothing);

const NAMESPACE: &str = "mesh-tls";
const SERVER: &str = "meshvane-server.mesh-tls.svc";
/// Readers come by a forwarded port.
const LOCALHOST: &str = "localhost";
/// The kubelet looks after a pod's Secrets once a minute or so, and the server after its files.
const SHOWN_WITHIN: Duration = Duration::from_mins(3);
/// Nothing may open in this time.
const QUIET: Duration = Duration::from_secs(10);

fn secret(pair: &CertifiedKey<KeyPair>) {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": "meshvane-tls", "namespace": NAMESPACE},
        "stringData": {"tls.crt": pair.cert.pem(), "tls.key": pair.signing_key.serialize_pem()},
    });
    apply(&secret.to_string());
}

async fn a_secret_that_is_replaced_is_shown_and_loses_nothing() {
    make_namespace(NAMESPACE);
    let [first, second] =
        [(); 2].map(|()| generate_simple_self_signed([SERVER.to_owned(), LOCALHOST.to_owned()]).unwrap());
    let trusted = [first.cert.pem(), second.cert.pem()];
    let authorities = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "meshvane-ca", "namespace": NAMESPACE},
        "data": {"ca.crt": trusted.concat()},
    });
    apply(&authorities.to_string());
    secret(&first);
    helm(&["install"], NAMESPACE, &["tls.existingSecret=meshvane-tls", "tls.caConfigMap=meshvane-ca"]);
    let mut forwarded = None;
    let mesh = Installation::attach_by(NAMESPACE, |address| {
        forwarded = Some(address);
        Api::over_tls(LOCALHOST, address, &trusted)
    });
    let address = forwarded.unwrap();
    mesh.full(kube::nodes().len()).await;
    let shows = async |pair: &CertifiedKey<KeyPair>| {
        Api::over_tls(LOCALHOST, address, &[pair.cert.pem()]).text("/api/v1/health").await.is_some()
    };
    assert!(shows(&first).await && !shows(&second).await);
    let before = mesh.holes().await;
    secret(&second);
    let took = until("the new certificate is shown", SHOWN_WITHIN, async || shows(&second).await).await;
    println!("the new certificate is shown after {:.0} s", took.as_secs_f64());
    mesh.full(kube::nodes().len()).await;
    mesh.pass(QUIET, &[]).await;
    assert!(!shows(&first).await);
    assert_eq!(mesh.holes().await, before, "a round was lost, or an agent restarted");
}
