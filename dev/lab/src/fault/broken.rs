//! What was broken, and how to mend it.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::LabError;
use crate::cluster::{Cluster, Inner};

type Mend = Box<dyn FnOnce(&Cluster) -> Result<(), LabError> + Send>;

/// Something broken. [`heal`](Broken::heal) mends it; dropping it mends it too, without saying whether that worked.
/// After the cluster's end there is nothing to mend.
#[must_use = "dropping this mends what was broken"]
pub struct Broken {
    cluster: Weak<Inner>,
    mends: Vec<Mend>,
}

impl Cluster {
    /// Something that is broken now and that `mend` mends.
    pub(super) fn broken(
        &self,
        mend: impl FnOnce(&Cluster) -> Result<(), LabError> + Send + 'static,
    ) -> Broken {
        Broken { cluster: Arc::downgrade(&self.inner), mends: vec![Box::new(mend)] }
    }

    /// Nothing left to mend.
    pub(super) fn intact(&self) -> Broken {
        Broken { cluster: Arc::downgrade(&self.inner), mends: Vec::new() }
    }
}

impl Broken {
    /// Both; this one is mended first.
    pub fn before(mut self, mut other: Broken) -> Broken {
        self.mends.append(&mut other.mends);
        self
    }

    /// Mends it. All parts are tried; the errors of all are returned.
    pub fn heal(mut self) -> Result<(), LabError> {
        self.mend_all()
    }

    /// Leaves it broken for the rest of the cluster's life.
    pub fn forget(mut self) {
        self.mends.clear();
    }

    fn mend_all(&mut self) -> Result<(), LabError> {
        let mends = std::mem::take(&mut self.mends);
        let Some(inner) = self.cluster.upgrade() else {
            return Ok(());
        };
        let cluster = Cluster { inner };
        let mut errors: Vec<_> = mends.into_iter().filter_map(|mend| mend(&cluster).err()).collect();
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(LabError::Several(errors)),
        }
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        // Whoever wants to know calls `heal`.
        let _mended = self.mend_all();
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broken").field("mends", &self.mends.len()).finish_non_exhaustive()
    }
}
