//! Which settings say who is believed; they exclude each other.

use meshvane_shared::setting::SettingError;

use super::kubernetes::{Injected, first_that_needs_kubernetes, kubernetes};
use super::{AuthConfig, RawConfig, path};

const AUTH: &str = "MESHVANE_AUTH";
const TOKEN: &str = "MESHVANE_TOKEN_FILE";
const READ: &str = "MESHVANE_READ_TOKEN_FILE";

impl RawConfig {
    /// Decides who is believed.
    pub(super) fn auth(&self, injected: &Injected) -> Result<AuthConfig, SettingError> {
        let agents = self.meshvane_token_file.clone().map(|text| path(TOKEN, text)).transpose()?;
        let readers = self.meshvane_read_token_file.clone().map(|text| path(READ, text)).transpose()?;
        let in_a_cluster = kubernetes(self, injected)?;
        let explicit = match self.meshvane_auth.as_deref() {
            None => None,
            Some(mode @ ("kubernetes" | "none")) => Some(mode),
            Some(other) => {
                let accepted = "kubernetes, none (anyone may read and write), or unset";
                return Err(SettingError::not_accepted(AUTH, other, accepted));
            }
        };
        if let Some(mode) = explicit {
            let file = agents.as_ref().map(|_| TOKEN).or(readers.as_ref().map(|_| READ));
            if let Some(file) = file {
                return Err(SettingError::new(AUTH, format!("{mode} contradicts {file}: set one of them")));
            }
        }
        if explicit == Some("kubernetes") {
            return in_a_cluster.map(AuthConfig::Kubernetes);
        }
        if let Some(name) = first_that_needs_kubernetes(self) {
            return Err(SettingError::new(name, format!("means something with {AUTH}=kubernetes alone")));
        }
        match (explicit, agents) {
            (Some(_), _) => Ok(AuthConfig::None),
            (None, Some(agents)) => Ok(AuthConfig::Token { agents, readers }),
            (None, None) => Err(SettingError::new(
                TOKEN,
                format!(
                    "is not set, so no agent could be believed: a file with the agents' token is accepted, {AUTH}=kubernetes in a \
                     cluster, or {AUTH}=none to believe everybody"
                ),
            )),
        }
    }
}
