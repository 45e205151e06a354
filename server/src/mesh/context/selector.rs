//! Which Nodes should have an agent, in the words of Kubernetes' label selectors.

use std::collections::BTreeMap;

/// Requirements that a selector may have: the selectors of a `DaemonSet` have a handful.
const REQUIREMENTS_MAX: usize = 32;

/// Requirements on a Node's labels, all of which must hold; none hold everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    Exists(String),
    Absent(String),
    Is(String, String),
    /// Holds also where there is no such label.
    IsNot(String, String),
}

impl Selector {
    /// Reads requirements separated by commas: `key`, `!key`, `key=value`, `key==value` or `key!=value`.
    ///
    /// # Errors
    /// The requirement that cannot be read, and what is accepted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut requirements = Vec::new();
        for part in text.split(',').map(str::trim) {
            requirements.push(Requirement::parse(part)?);
        }
        if requirements.len() > REQUIREMENTS_MAX {
            return Err(format!("at most {REQUIREMENTS_MAX} requirements are accepted"));
        }
        Ok(Self { requirements })
    }

    /// Tells whether a Node with these labels is meant.
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| match requirement {
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::Absent(key) => !labels.contains_key(key),
            Requirement::Is(key, value) => labels.get(key) == Some(value),
            Requirement::IsNot(key, value) => labels.get(key) != Some(value),
        })
    }
}

impl Requirement {
    fn parse(text: &str) -> Result<Self, String> {
        let pair = |key: &str, value: &str| (key.trim().to_owned(), value.trim().to_owned());
        let requirement = if let Some((key, value)) = text.split_once("!=") {
            let (key, value) = pair(key, value);
            Self::IsNot(key, value)
        } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
            let (key, value) = pair(key, value);
            Self::Is(key, value)
        } else if let Some(key) = text.strip_prefix('!') {
            Self::Absent(key.trim().to_owned())
        } else {
            Self::Exists(text.to_owned())
        };
        let (key, value) = match &requirement {
            Self::Exists(key) | Self::Absent(key) => (key, ""),
            Self::Is(key, value) | Self::IsNot(key, value) => (key, value.as_str()),
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_key = !key.is_empty() && key.bytes().all(|byte| is_plain(byte) || byte == b'/');
        if is_key && value.bytes().all(is_plain) {
            return Ok(requirement);
        }
        Err(format!("{text:?} is not accepted: key, !key, key=value and key!=value are, separated by commas"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_holds_when_each_requirement_does() {
        let labels =
            BTreeMap::from([("os".to_owned(), "linux".to_owned()), ("a.b/pool".to_owned(), String::new())]);
        for (text, expected) in [
            ("os=linux", true),
            ("os==linux", true),
            ("os=windows", false),
            ("os!=windows", true),
            ("os!=linux", false),
            ("type!=virtual-kubelet", true),
            ("a.b/pool", true),
            ("a.b/pool=", true),
            ("!a.b/pool", false),
            ("!gone", true),
            ("gone", false),
            ("os=linux, !gone , a.b/pool", true),
            ("os=linux,gone", false),
        ] {
            assert_eq!(Selector::parse(text).unwrap().selects(&labels), expected, "{text}");
        }
        assert!(Selector::default().selects(&labels));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_what_can() {
        for text in
            ["", ",", "os=linux,", "os in (linux)", "=linux", "!=x", "!", "a=b=c", "tcp://10.0.0.1:80"]
        {
            let problem = Selector::parse(text).unwrap_err();
            assert!(problem.contains("key!=value"), "{text}: {problem}");
        }
        let many = ["a"; REQUIREMENTS_MAX + 1].join(",");
        assert!(Selector::parse(&many).is_err());
    }
}
