//! Which taints an agent's pod puts up with, as the scheduler decides it.

use serde::Deserialize;

/// Tolerations that a pod may have: those of a `DaemonSet` have a handful.
const TOLERATIONS_MAX: usize = 64;
/// What the controller of `DaemonSet`s adds to every pod (Kubernetes documentation, `DaemonSet`, "Taints and tolerations"). The
/// one for a missing network is for pods on the node's own network alone.
const ADDED: [(&str, Effect); 6] = [
    ("node.kubernetes.io/not-ready", Effect::NoExecute),
    ("node.kubernetes.io/unreachable", Effect::NoExecute),
    ("node.kubernetes.io/disk-pressure", Effect::NoSchedule),
    ("node.kubernetes.io/memory-pressure", Effect::NoSchedule),
    ("node.kubernetes.io/pid-pressure", Effect::NoSchedule),
    ("node.kubernetes.io/unschedulable", Effect::NoSchedule),
];

/// What a taint does to pods that do not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Effect {
    /// None is put there.
    NoSchedule,
    /// None is put there if there is another place.
    PreferNoSchedule,
    /// None is put there, and none stays.
    NoExecute,
}

/// A taint of a Node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value.
    #[serde(default)]
    pub value: String,
    /// What it does; an effect that is not known here does nothing.
    #[serde(default, deserialize_with = "known_effect")]
    pub effect: Option<Effect>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
enum Operator {
    #[default]
    Equal,
    Exists,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Toleration {
    #[serde(default)]
    key: String,
    #[serde(default)]
    operator: Operator,
    #[serde(default)]
    value: String,
    /// None tolerates each effect.
    #[serde(default)]
    effect: Option<Effect>,
    /// How long a pod stays that is there already; nothing to whether one should be.
    #[serde(default, rename = "tolerationSeconds")]
    _seconds: Option<i64>,
}

/// Tolerations of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Tolerations {
    list: Vec<Toleration>,
}

impl Tolerations {
    /// Checks what was read.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(self) -> Result<Self, String> {
        if self.list.len() > TOLERATIONS_MAX {
            return Err(format!("at most {TOLERATIONS_MAX} tolerations are accepted"));
        }
        match self.list.iter().find(|one| one.key.is_empty() && one.operator == Operator::Equal) {
            Some(_) => Err("without a key the operator must be Exists".to_owned()),
            None => Ok(self),
        }
    }

    /// Tells whether a `DaemonSet` with these puts its pod on a Node with those taints.
    pub fn tolerate(&self, taints: &[Taint]) -> bool {
        taints.iter().all(|taint| match taint.effect {
            None | Some(Effect::PreferNoSchedule) => true,
            Some(effect @ (Effect::NoSchedule | Effect::NoExecute)) => {
                ADDED.contains(&(&*taint.key, effect))
                    || self.list.iter().any(|toleration| toleration.tolerates(taint, effect))
            }
        })
    }
}

impl Toleration {
    fn tolerates(&self, taint: &Taint, effect: Effect) -> bool {
        let is_meant = match self.operator {
            Operator::Exists => self.key.is_empty() || self.key == taint.key,
            Operator::Equal => self.key == taint.key && self.value == taint.value,
        };
        is_meant && self.effect.is_none_or(|tolerated| tolerated == effect)
    }
}

fn known_effect<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Option<Effect>, D::Error> {
    let text = String::deserialize(source)?;
    Ok(match text.as_str() {
        "NoSchedule" => Some(Effect::NoSchedule),
        "PreferNoSchedule" => Some(Effect::PreferNoSchedule),
        "NoExecute" => Some(Effect::NoExecute),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Tolerations {
        serde_json::from_str::<Tolerations>(text).unwrap().check().unwrap()
    }

    fn taint(text: &str) -> Taint {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_taint_is_tolerated_by_key_value_and_effect() {
        let control = r#"{"key":"node-role.kubernetes.io/control-plane","effect":"NoSchedule"}"#;
        let gpu = r#"{"key":"gpu","value":"a100","effect":"NoExecute"}"#;
        let preferred = r#"{"key":"gpu","effect":"PreferNoSchedule"}"#;
        let away = r#"{"key":"node.kubernetes.io/unreachable","effect":"NoExecute"}"#;
        let cordoned = r#"{"key":"node.kubernetes.io/unschedulable","effect":"NoSchedule"}"#;
        let future = r#"{"key":"gpu","effect":"NoSuchEffect"}"#;
        for (tolerations, taints, expected) in [
            ("[]", vec![], true),
            ("[]", vec![control], false),
            ("[]", vec![preferred, away, cordoned, future], true),
            (r#"[{"operator":"Exists"}]"#, vec![control, gpu], true),
            (r#"[{"operator":"Exists","effect":"NoSchedule"}]"#, vec![control], true),
            (r#"[{"operator":"Exists","effect":"NoSchedule"}]"#, vec![control, gpu], false),
            (r#"[{"key":"gpu","value":"a100"}]"#, vec![gpu], true),
            (r#"[{"key":"gpu","operator":"Equal","value":"h100"}]"#, vec![gpu], false),
            (r#"[{"key":"gpu","operator":"Exists","tolerationSeconds":5}]"#, vec![gpu], true),
        ] {
            let taints: Vec<Taint> = taints.into_iter().map(taint).collect();
            assert_eq!(read(tolerations).tolerate(&taints), expected, "{tolerations} {taints:?}");
        }
    }

    #[test]
    fn what_no_pod_may_have_is_refused() {
        for text in [r#"[{"operator":"Exits"}]"#, r#"[{"keys":"gpu"}]"#, r#"{"operator":"Exists"}"#, "all"] {
            assert!(serde_json::from_str::<Tolerations>(text).is_err(), "{text}");
        }
        let check = |text: &str| serde_json::from_str::<Tolerations>(text).unwrap().check().unwrap_err();
        assert!(check(r#"[{"value":"a100"}]"#).contains("Exists"));
        assert!(check(&format!("[{}]", ["{\"operator\":\"Exists\"}"; 65].join(","))).contains("64"));
    }
}
