//! Small samples that the scanner must judge rightly, so that it can fail on the real tree.

use std::collections::BTreeMap;

use super::source::{Function, functions, tokens};
use super::{File, broken_layers, broken_rules, paths};

/// Lists what the paths of this text lead to, for a file of the module `mesh::row`.
fn seen(text: &str) -> Vec<String> {
    let module = ["mesh".to_owned(), "row".to_owned()];
    paths::paths(&tokens(text), &module).iter().map(|path| format!("{}:{}", path.line, path.text())).collect()
}

#[test]
fn a_path_is_seen_however_it_is_written() {
    let check = |text: &str, expected: &[&str]| assert_eq!(seen(text), expected, "{text}");
    check("use tokio;", &["1:tokio"]);
    check("pub(crate) use a::b as c;", &["1:a::b"]);
    check(
        "use std::{\n fmt,\n time::{self, Instant},\n};",
        &["2:std::fmt", "3:std::time", "3:std::time::Instant"],
    );
    check("use super::cell::*;", &["1:crate::mesh::cell::*"]);
    check("use self::apply::{x, y};", &["1:crate::mesh::row::apply::x", "1:crate::mesh::row::apply::y"]);
    check("use crate::store::Store;", &["1:crate::store::Store"]);
    check("use ::moka::sync::Cache;", &["1:moka::sync::Cache"]);
    check("fn f() {\n let t = ::tokio::spawn(g::<u8>());\n}", &["2:tokio::spawn"]);
    check("#[tokio::test]\nfn f() {}", &["1:tokio::test"]);
    check("fn f() -> impl Iterator<Item = u8> + use<'_> { a::b() }", &["1:a::b"]);
    check("fn f() { println!(\"x\") } fn g() { if a != b {} }", &["1:println!"]);
    check("fn f(x: &dyn Fn() -> std::env::Args) {}", &["1:std::env::Args"]);
    check("vec![axum::serve(x)]", &["1:vec!", "1:axum::serve"]);
}

#[test]
fn super_is_counted_from_the_module_written_inside_a_file() {
    let text = "mod inner { use super::a; mod deep { use super::super::b; } } use super::c;";
    assert_eq!(seen(text), ["1:crate::mesh::row::a", "1:crate::mesh::row::b", "1:crate::mesh::c"]);
}

#[test]
fn comments_and_texts_are_not_code() {
    let check = |text: &str| assert_eq!(seen(text), Vec::<String>::new(), "{text}");
    check("// use tokio::spawn;");
    check("/* a /* use tokio::spawn; */ tokio::spawn() */");
    check("/// Calls `std::env::var`.\nfn f() {}");
    check("const A: &str = \"tokio::spawn \\\" axum::serve\";");
    check("const A: &str = r#\"tokio::spawn \" axum::serve\"#;");
    check("const A: &[u8] = br\"tokio::spawn\\\";");
    check("const A: char = '\"'; const B: char = '\\''; const C: &str = \"tokio::spawn\";");
}

#[test]
fn code_after_a_text_a_lifetime_or_a_raw_word_is_code() {
    let check = |text: &str| assert_eq!(seen(text), ["1:tokio::spawn"], "{text}");
    check("const A: char = '\"'; fn f() { tokio::spawn() }");
    check("fn f<'a>(x: &'a str) { tokio::spawn() } // '\"'");
    check("const A: &str = r\"\\\"; fn f() { tokio::spawn() }");
    check("const A: &str = \"\\\\\"; fn f() { tokio::spawn() }");
    check("fn f(r#type: u8) { tokio::spawn() }");
    check("fn for_r(x: u8) { /* \" */ tokio::spawn() }");
}

#[test]
fn lines_are_counted_through_comments_and_texts_of_several_lines() {
    let text = "/*\n\n*/ const A: &str = \"\n\n\";\nuse tokio::spawn;";
    assert_eq!(seen(text), ["6:tokio::spawn"]);
}

#[test]
fn a_function_is_as_long_as_from_its_fn_to_its_closing_brace() {
    let text = "trait T {\n    fn declared(&self, x: [u8; 4]);\n}\nfn outer(\n    f: fn(u8) -> u8,\n) {\n    fn inner() {}\n    if x { y() }\n}";
    let function = |name: &str, line, lines| Function { name: name.to_owned(), line, lines };
    assert_eq!(functions(&tokens(text)), [function("outer", 4, 6), function("inner", 7, 1)]);
}

/// Tells which rules a file of this name and text breaks, each as what stands before the rule's text.
fn broken(name: &str, text: &str) -> Vec<String> {
    let file = File { name: name.to_owned(), text: text.to_owned() };
    let sentences = broken_rules(&file);
    sentences.iter().map(|sentence| sentence.split(": ").nth(1).unwrap_or_default().to_owned()).collect()
}

#[test]
fn each_rule_is_broken_where_it_holds_and_nowhere_else() {
    let breaks = |name: &str, path: &str| {
        let text = format!("fn f() {{ {path}; }}");
        assert_eq!(broken(name, &text), [path], "{name}");
    };
    let keeps = |name: &str, path: &str| {
        let text = format!("fn f() {{ {path}; }}");
        assert_eq!(broken(name, &text), Vec::<String>::new(), "{name}: {path}");
    };
    breaks("shared/src/plan.rs", "tokio::spawn");
    breaks("server/src/mesh/row.rs", "tokio::spawn");
    breaks("server/src/mesh.rs", "crate::store::Store");
    breaks("server/src/view/compat.rs", "crate::http::error");
    breaks("server/src/report.rs", "crate::store::Store");
    keeps("server/src/reporter.rs", "tokio::time::interval");
    breaks("server/src/http/plan.rs", "crate::store::Store");
    keeps("server/src/collector.rs", "crate::store::Store");
    breaks("server/src/collector.rs", "moka::sync");
    breaks("server/src/collector.rs", "axum::Json");
    keeps("server/src/http/plan.rs", "axum::Json");
    keeps("server/src/http.rs", "axum::Json");
    breaks("server/src/collector.rs", "http::StatusCode::OK");
    keeps("server/src/http/error.rs", "http::StatusCode::OK");
    breaks("server/src/collector.rs", "crate::app::App");
    keeps("server/src/app/parts.rs", "crate::app::App");
    breaks("agent/src/probe/tcp.rs", "crate::schedule::Cell");
    breaks("agent/src/schedule/cell.rs", "tokio::time");
    breaks("agent/src/courier.rs", "reqwest::Client");
    keeps("agent/src/client.rs", "reqwest::Client");
    breaks("agent/src/probe/tcp.rs", "surge_ping::Client");
    keeps("agent/src/probe/icmp/socket.rs", "surge_ping::Client");
    breaks("agent/src/courier.rs", "meshvane_server::mesh");
    breaks("server/tests/it/main.rs", "meshvane_agent::app");
    breaks("server/src/report.rs", "Instant::now");
    breaks("server/src/collector.rs", "chrono::Utc::now");
    keeps("server/src/clock.rs", "Instant::now");
    breaks("agent/src/identity.rs", "std::env::var");
    breaks("dev/lab/src/cluster.rs", "rtnetlink::new_connection");
    breaks("server/src/main.rs", "std::process::exit");
    breaks("agent/src/main.rs", "println!");
    keeps("dev/e2e/src/watch.rs", "println!");
}

#[test]
fn doors_are_open_to_tests_and_walls_are_not() {
    assert_eq!(broken("server/src/auth.rs", "mod tests { use reqwest::Client; }"), Vec::<String>::new());
    assert_eq!(broken("server/src/auth/tests.rs", "use reqwest::Client;"), Vec::<String>::new());
    assert_eq!(broken("server/tests/it/main.rs", "use reqwest::Client;"), Vec::<String>::new());
    assert_eq!(broken("server/src/mesh.rs", "mod tests { use tokio::spawn; }"), ["tokio::spawn"]);
    assert_eq!(broken("server/src/auth.rs", "mod tests {} use reqwest::Client;"), ["reqwest::Client"]);
}

#[test]
fn what_is_too_long_is_named() {
    let long_file = "\n".repeat(401);
    assert_eq!(broken("agent/src/lib.rs", &long_file), ["401 lines"]);
    assert_eq!(broken("agent/src/lib.rs", &"\n".repeat(400)), Vec::<String>::new());
    assert_eq!(broken("agent/src/main.rs", &"\n".repeat(41)), ["41 lines"]);
    let function = |lines: usize| format!("fn long() {{{}}}", "\n".repeat(lines - 1));
    assert_eq!(broken("agent/src/lib.rs", &function(71)), ["fn long() has 71 lines"]);
    assert_eq!(broken("agent/src/lib.rs", &function(70)), Vec::<String>::new());
    assert_eq!(broken("agent/src/probe/mod.rs", ""), ["a module is foo.rs beside foo/, never mod.rs"]);
}

#[test]
fn a_broken_rule_is_told_with_its_file_and_line() {
    let file = File {
        name: "server/src/mesh/row.rs".to_owned(),
        text: "//! Rows.\n\nuse tokio::spawn;\n".to_owned(),
    };
    assert_eq!(
        broken_rules(&file),
        [
            "server/src/mesh/row.rs:3: tokio::spawn: mesh, report, render and view are values and functions: no store, no HTTP, no runtime"
        ]
    );
}

#[test]
fn a_package_that_stands_on_the_wrong_one_is_named() {
    let check = |name: &str, direct: &[&str], expected: &[&str]| {
        let own = (name.to_owned(), direct.iter().map(|other| (*other).to_owned()).collect());
        let others = ["meshvane-shared", "meshvane-agent", "lab"];
        let mut dependencies: BTreeMap<String, Vec<String>> =
            others.map(|other| (other.to_owned(), Vec::new())).into();
        dependencies.extend([own]);
        assert_eq!(broken_layers(&dependencies), expected);
    };
    check("meshvane-server", &["meshvane-shared", "tokio"], &[]);
    check(
        "meshvane-server",
        &["meshvane-agent"],
        &["meshvane-server must not stand on meshvane-agent: arrows point down only"],
    );
    check("meshvane-shared", &["tokio"], &["meshvane-shared must never depend on tokio"]);
    check("lab", &["meshvane-shared"], &["lab must not stand on meshvane-shared: arrows point down only"]);
    check("extra", &[], &["extra: the table of packages does not say on what it may stand"]);
}
