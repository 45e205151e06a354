//! Ways in, and that they work.

use std::time::Duration;

use e2e::clock::Stopwatch;

use crate::command::{must, run};
use crate::installation::{Installation, RELEASE, helm, images, root, tag};
use crate::kube::{self, apply, until};

e2e::tests!(
    the_line_of_the_readme_installs_it_into_kube_system,
    it_is_let_into_a_namespace_that_is_restricted_and_helm_tests_it,
    one_file_installs_it_and_helm_takes_it_over,
);

/// From the command to all cells fresh.
const FRESH_WITHIN: Duration = Duration::from_secs(30);

/// The lines of the README that begin like this.
fn readme(begin: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.trim().trim_start_matches("$ "))
        .filter(|line| line.starts_with(begin))
        .map(str::to_owned)
        .collect();
    assert!(!lines.is_empty(), "the README has no line that begins with {begin:?}");
    lines
}

async fn the_line_of_the_readme_installs_it_into_kube_system() {
    let line = readme("helm install meshvane").remove(0);
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    assert!(words.windows(2).any(|pair| pair == ["-n", "kube-system"]), "{line}");
    let chart = root().join("chart/meshvane");
    let chart = chart.to_str().unwrap();
    let images = images();
    // The images of this build, and the chart's folder wherever this runs from; all else as it stands there.
    let mut arguments: Vec<&str> =
        words.iter().map(|word| if word.ends_with("chart/meshvane") { chart } else { word }).collect();
    arguments.extend(images.iter().map(String::as_str));
    let clock = Stopwatch::start();
    must("helm", &arguments, "");
    let mesh = Installation::attach("kube-system");
    mesh.full(kube::nodes().len()).await;
    println!("all cells fresh {:.1} s after helm install", clock.elapsed().as_secs_f64());
    assert!(clock.elapsed() < FRESH_WITHIN, "{:?}", clock.elapsed());
    mesh.opened_were(&[]).await;

    // What the README says to ask, through the port that it says to forward.
    assert!(readme("kubectl -n kube-system port-forward svc/meshvane-server").len() == 1);
    let forward = crate::forward::Forward::open("kube-system", "meshvane-server", 8080);
    until("the forwarded port answers", FRESH_WITHIN, async || {
        run("curl", &["-sf", &format!("http://{}/api/v1/health", forward.address)], "").ok
    })
    .await;
    for line in readme("curl http://localhost:8080/api/v1/") {
        let path = line.split_whitespace().last().unwrap().rsplit_once("8080").unwrap().1.to_owned();
        let answer =
            must("curl", &["-sf", &format!("http://localhost:{}{path}", forward.address.port())], "");
        assert!(!answer.is_empty(), "{line}");
    }
}

async fn it_is_let_into_a_namespace_that_is_restricted_and_helm_tests_it() {
    let mesh = Installation::make("mesh-restricted", &[]).await;
    let tested = must("helm", &["test", RELEASE, "-n", &mesh.namespace, "--timeout", "90s"], "");
    println!("{tested}");
    assert!(tested.contains("Succeeded"), "{tested}");
    mesh.pass(Duration::from_secs(10), &[]).await;
}

async fn one_file_installs_it_and_helm_takes_it_over() {
    let file = std::fs::read_to_string(root().join("deploy/all-in-one.yaml")).unwrap();
    let tag = tag();
    let lines: Vec<String> = file
        .lines()
        .map(|line| match line.trim_start().strip_prefix("image: ") {
            Some(image) => {
                let part = if image.contains("server") { "server" } else { "agent" };
                let indent = line.len() - line.trim_start().len();
                format!("{}image: docker.io/meshvane/meshvane-{part}:{tag}", " ".repeat(indent))
            }
            None => line.to_owned(),
        })
        .collect();
    apply(&lines.join("\n"));
    let namespace = file
        .lines()
        .find_map(|line| line.trim().strip_prefix("namespace: "))
        .unwrap()
        .trim_matches('"')
        .to_owned();
    let mesh = Installation::attach(&namespace);
    mesh.full(kube::nodes().len()).await;
    helm(&["install", "--take-ownership"], &namespace, &[]);
    mesh.full(kube::nodes().len()).await;
    mesh.opened_were(&[]).await;
}
