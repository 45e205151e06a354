//! Finds the paths in source, and says of each to what it leads, seen from the root of the crate.

use super::source::{Token, is_word};

/// A path as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// Its parts. The first is `crate` or the name of another crate; the last of a macro call ends in `!`.
    pub(super) parts: Vec<String>,
    pub(super) line: usize,
    /// It stands in a module named `tests`.
    pub(super) in_tests: bool,
}

impl Path {
    /// Tells whether the path leads to this one or below it.
    pub(super) fn begins_with(&self, prefix: &str) -> bool {
        let mut parts = self.parts.iter();
        prefix.split("::").all(|part| parts.next().is_some_and(|own| own == part))
    }

    /// Tells whether the path ends so, as in `Instant::now`, however its beginning was brought in.
    pub(super) fn ends_with(&self, suffix: &str) -> bool {
        let mut parts = self.parts.iter().rev();
        suffix.rsplit("::").all(|part| parts.next().is_some_and(|own| own == part))
    }

    pub(super) fn text(&self) -> String {
        self.parts.join("::")
    }
}

/// Finds every path of two parts or more, every `use`, and every macro call.
///
/// `module` is the file's own module, without `crate`.
pub(super) fn paths(tokens: &[Token], module: &[String]) -> Vec<Path> {
    let mut walk = Walk { tokens, module: module.to_vec(), inner: Vec::new(), depth: 0, found: Vec::new() };
    let mut at = 0;
    while at < tokens.len() {
        at = walk.step(at);
    }
    walk.found
}

struct Walk<'a> {
    tokens: &'a [Token],
    module: Vec<String>,
    /// Modules written inside the file: name, and the depth of braces around each.
    inner: Vec<(String, usize)>,
    depth: usize,
    found: Vec<Path>,
}

impl Walk<'_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    fn is_name(&self, at: usize) -> bool {
        self.text(at).starts_with(|first: char| is_word(first) && !first.is_ascii_digit())
    }

    /// Takes in what stands here and says where to go on.
    fn step(&mut self, at: usize) -> usize {
        match self.text(at) {
            "{" => self.depth += 1,
            "}" => {
                self.depth = self.depth.saturating_sub(1);
                let depth = self.depth;
                self.inner.retain(|(_, around)| *around < depth);
            }
            "mod" if self.is_name(at + 1) && self.text(at + 2) == "{" => {
                self.inner.push((self.text(at + 1).to_owned(), self.depth));
                self.depth += 1;
                return at + 3;
            }
            // `use<…>` in a type names what is captured.
            "use" if self.text(at + 1) != "<" => return self.tree(at + 1, &[]),
            _ if self.is_name(at) => return self.inline(at),
            _ => {}
        }
        at + 1
    }

    /// A path in an expression, a type, an attribute or a macro call.
    fn inline(&mut self, start: usize) -> usize {
        let mut parts = vec![self.text(start).to_owned()];
        let mut at = start + 1;
        while self.text(at) == "::" && self.is_name(at + 1) {
            parts.push(self.text(at + 1).to_owned());
            at += 2;
        }
        // `a != b` compares and calls nothing.
        let called = self.text(at) == "!" && self.text(at + 1) != "=";
        if called && let Some(last) = parts.last_mut() {
            last.push('!');
        }
        if called || parts.len() > 1 {
            self.keep(parts, self.tokens[start].line);
        }
        at
    }

    /// One branch of a `use` tree, with all that hangs on it.
    fn tree(&mut self, start: usize, prefix: &[String]) -> usize {
        let mut parts = prefix.to_vec();
        let mut at = start;
        loop {
            match self.text(at) {
                "::" => at += 1,
                "{" => {
                    at += 1;
                    while !matches!(self.text(at), "}" | "") {
                        at = self.tree(at, &parts);
                        at += usize::from(self.text(at) == ",");
                    }
                    return at + 1;
                }
                "as" => at += 2,
                "*" => {
                    parts.push("*".to_owned());
                    at += 1;
                }
                "self" if !parts.is_empty() => at += 1,
                _ if self.is_name(at) => {
                    parts.push(self.text(at).to_owned());
                    at += 1;
                }
                _ => break,
            }
        }
        let line = self.tokens[start.min(self.tokens.len() - 1)].line;
        self.keep(parts, line);
        at
    }

    fn keep(&mut self, parts: Vec<String>, line: usize) {
        let in_tests = self.inner.iter().any(|(name, _)| name == "tests");
        let parts = self.rooted(parts);
        self.found.push(Path { parts, line, in_tests });
    }

    /// Puts `crate` and the module in the place of `self` and `super`.
    fn rooted(&self, parts: Vec<String>) -> Vec<String> {
        let first = parts.first().map(String::as_str);
        if !matches!(first, Some("self" | "super")) {
            return parts;
        }
        let inner = self.inner.iter().map(|(name, _)| name.clone());
        let mut whole: Vec<String> = self.module.iter().cloned().chain(inner).collect();
        for part in parts {
            match part.as_str() {
                "self" => {}
                "super" => drop(whole.pop()),
                _ => whole.push(part),
            }
        }
        whole.insert(0, "crate".to_owned());
        whole
    }
}
