//! Names and services that break in the cluster.

use std::time::Duration;

use crate::command::Undo;
use crate::installation::Installation;
use crate::kube::{apply, kubectl};

e2e::tests!(
    a_dns_that_is_gone_is_a_name_that_fails,
    a_service_without_endpoints_is_unreachable,
    a_service_with_a_wrong_target_port_is_unreachable,
);

/// A round of the default interval, its burst, and what kube-proxy takes to follow.
const NAMED_WITHIN: Duration = Duration::from_secs(30);
/// And back.
const HEALED_WITHIN: Duration = Duration::from_mins(1);
/// Nothing else may open in this time.
const STAYS: Duration = Duration::from_secs(8);

/// A service that is there in every cluster: the server's own.
async fn with_service(namespace: &str) -> (Installation, String) {
    let name = format!("meshvane-server.{namespace}.svc");
    let mesh = Installation::make(namespace, &[&format!("agent.services={{{name}:8080}}")]).await;
    mesh.pass(STAYS, &[]).await;
    (mesh, name)
}

async fn a_dns_that_is_gone_is_a_name_that_fails() {
    let (mesh, name) = with_service("mesh-dns").await;
    let id = format!("name_failed/{name}");
    let scale = ["-n", "kube-system", "scale", "deployment", "coredns"];
    let back = Undo::by("kubectl", &[&scale[..], &["--replicas=1"]].concat());
    kubectl(&[&scale[..], &["--replicas=0"]].concat());
    mesh.open_are(&[&id], NAMED_WITHIN).await;
    mesh.pass(STAYS, &[&id]).await;
    drop(back);
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.opened_were(&[&id]).await;
}

/// A service of its own beside the mesh.
fn service(namespace: &str, selector: &str, target: u16) -> String {
    apply(&format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: shop, namespace: {namespace}}}\n\
         spec: {{selector: {{app.kubernetes.io/component: {selector}}}, ports: [{{port: 8080, targetPort: {target}}}]}}\n"
    ));
    format!("shop.{namespace}.svc")
}

async fn breaks_and_heals(namespace: &str, selector: &str, target: u16) {
    crate::installation::make_namespace(namespace);
    let name = service(namespace, "server", 8080);
    let mesh = Installation::make(namespace, &[&format!("agent.services={{{name}:8080}}")]).await;
    mesh.pass(STAYS, &[]).await;
    service(namespace, selector, target);
    let id = format!("service_unreachable/{name}/8080");
    mesh.open_are(&[&id], NAMED_WITHIN).await;
    mesh.pass(STAYS, &[&id]).await;
    service(namespace, "server", 8080);
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.opened_were(&[&id]).await;
}

async fn a_service_without_endpoints_is_unreachable() {
    breaks_and_heals("mesh-endpoints", "nobody", 8080).await;
}

async fn a_service_with_a_wrong_target_port_is_unreachable() {
    breaks_and_heals("mesh-target", "server", 9999).await;
}
