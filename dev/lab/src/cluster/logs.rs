//! The directory of a run's logs.

use std::fs;
use std::path::{Path, PathBuf};

use crate::LabError;
use crate::sandbox::MEMORY_FILES;

/// A directory of this run's own, removed with all in it on drop.
#[derive(Debug)]
pub(super) struct LogDir {
    path: PathBuf,
}

impl LogDir {
    pub(super) fn create() -> Result<Self, LabError> {
        // Process numbers repeat from one sandbox to the next; this does not (random(4)).
        let source = "/proc/sys/kernel/random/uuid";
        let unique = fs::read_to_string(source).map_err(LabError::system(format!("reading {source}")))?;
        let name = format!("meshvane-lab-{}", unique.trim());
        // In the sandbox the first is memory that is gone with the sandbox, however that ends.
        let first = Path::new(MEMORY_FILES).join(&name);
        if fs::create_dir(&first).is_ok() {
            return Ok(LogDir { path: first });
        }
        let path = std::env::temp_dir().join(&name);
        fs::create_dir(&path).map_err(LabError::system(format!("making {}", path.display())))?;
        Ok(LogDir { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LogDir {
    fn drop(&mut self) {
        // Nothing can be done about it here, and the sandbox's end removes it in any case.
        let _removed = fs::remove_dir_all(&self.path);
    }
}
