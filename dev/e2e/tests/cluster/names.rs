//! Names and services that break in the cluster.

use std::time::Duration;

use meshvane_shared::wire::matrix::CellWord;

use crate::command::Undo;
use crate::installation::{Installation, helm, make_namespace};
use crate::kube::{apply, kubectl, nodes, until};

e2e::tests!(
    a_dns_that_is_gone_is_a_name_that_fails,
    a_service_without_endpoints_is_unreachable,
    a_service_with_a_wrong_target_port_is_unreachable,
    agents_find_the_server_with_one_dot_and_a_long_search_list,
);

/// A round of the default interval, its burst, and what kube-proxy takes to follow.
const NAMED_WITHIN: Duration = Duration::from_secs(30);
/// And back.
const HEALED_WITHIN: Duration = Duration::from_mins(1);
/// Nothing else may open in this time.
const STAYS: Duration = Duration::from_secs(8);

/// A mesh that looks at a service, and the time of its watch from which on every node reaches that. What is behind it starts
/// with the mesh, and each node's kube-proxy learns of it in its own time: until then that it is unreachable may be said, since
/// it is.
async fn looking_at(namespace: &str, name: &str) -> (Installation, Duration) {
    let mesh = Installation::make(namespace, &[&format!("agent.services={{{name}:8080}}")]).await;
    until("every node reaches the service", HEALED_WITHIN, async || {
        let Some(matrix) = mesh.api.matrix("plane=service&check=tcp").await else { return false };
        let reached = matrix.cells.iter().flatten().filter(|cell| cell.outcome == CellWord::Reached);
        reached.count() == nodes().len()
    })
    .await;
    mesh.open_are(&[], NAMED_WITHIN).await;
    mesh.opened_were(&[&unreachable(name)]).await;
    let works = mesh.watch.clock.elapsed();
    pass(&mesh, works, &[]).await;
    (mesh, works)
}

/// Lets time pass. From `since` until its end exactly these were open.
async fn pass(mesh: &Installation, since: Duration, open: &[&str]) {
    tokio::time::sleep(STAYS).await;
    assert_eq!(mesh.watch.open_since(since), open, "{}", mesh.state().await);
}

fn unreachable(name: &str) -> String {
    format!("service_unreachable/{name}/8080")
}

async fn a_dns_that_is_gone_is_a_name_that_fails() {
    let namespace = "mesh-dns";
    // A service that is there in every cluster: the server's own.
    let name = format!("meshvane-server.{namespace}.svc");
    let (mesh, works) = looking_at(namespace, &name).await;
    let id = format!("name_failed/{name}");
    let scale = ["-n", "kube-system", "scale", "deployment", "coredns"];
    let back = Undo::by("kubectl", &[&scale[..], &["--replicas=1"]].concat());
    kubectl(&[&scale[..], &["--replicas=0"]].concat());
    mesh.open_are(&[&id], NAMED_WITHIN).await;
    pass(&mesh, works, &[&id]).await;
    drop(back);
    mesh.open_are(&[], HEALED_WITHIN).await;
    assert_eq!(mesh.watch.open_since(works), [id]);
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
    make_namespace(namespace);
    let name = service(namespace, "server", 8080);
    let (mesh, works) = looking_at(namespace, &name).await;
    service(namespace, selector, target);
    let id = unreachable(&name);
    mesh.open_are(&[&id], NAMED_WITHIN).await;
    pass(&mesh, works, &[&id]).await;
    service(namespace, "server", 8080);
    mesh.open_are(&[], HEALED_WITHIN).await;
    assert_eq!(mesh.watch.open_since(works), [id]);
}

async fn a_service_without_endpoints_is_unreachable() {
    breaks_and_heals("mesh-endpoints", "nobody", 8080).await;
}

async fn a_service_with_a_wrong_target_port_is_unreachable() {
    breaks_and_heals("mesh-target", "server", 9999).await;
}

/// The program of the image is linked with musl, whose own resolver would find nothing here: it does not
/// search a name that has a dot more than `ndots`, nor read a search line of more than 255 bytes.
async fn agents_find_the_server_with_one_dot_and_a_long_search_list() {
    let namespace = "mesh-search";
    make_namespace(namespace);
    let searches: Vec<String> =
        (0..20).map(|index| format!("domain-{index}.of-a-long-search-list.example")).collect();
    assert!(searches.join(" ").len() > 255);
    let ndots = ["--set-string", "agent.dnsConfig.options[0].name=ndots,agent.dnsConfig.options[0].value=1"];
    let list = format!("agent.dnsConfig.searches={{{}}}", searches.join(","));
    helm(&[&["install"][..], &ndots].concat(), namespace, &[&list]);
    let mesh = Installation::attach(namespace);
    mesh.full(nodes().len()).await;
    mesh.opened_were(&[]).await;
}
