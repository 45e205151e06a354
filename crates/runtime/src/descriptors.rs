//! How many files the process may open, and how listeners share them.
//!
//! A connection is an open file. Where the limit is low, listeners have fewer places, so that files are left
//! for health, for the API server and for the program's own work.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What a listener wants, and what it needs to be of use at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Connections that it would serve.
    pub wanted: usize,
    /// Connections that it has where files are scarce.
    pub least: usize,
}

/// How files are shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shares<const LISTENERS: usize> {
    /// Connections of each listener, in the order of the wishes.
    connections: [usize; LISTENERS],
    /// Files that everything together would take.
    needed: usize,
}

/// Raises the limit of open files to what the kernel allows, and returns what it is then.
///
/// # Errors
/// When the kernel does not say what the limit is.
fn raise_file_limit() -> Result<usize, Errno> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    // The usual soft limit of 1,024 is below our connections.
    let raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    Ok(usize::try_from(if raised { hard } else { soft }).unwrap_or(usize::MAX))
}

/// Shares the files that the kernel allows, and warns in one line when they are fewer than everything would
/// take.
pub fn share_files<const LISTENERS: usize>(kept: usize, wishes: [Wish; LISTENERS]) -> [usize; LISTENERS] {
    let limit = match raise_file_limit() {
        Ok(limit) => limit,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files is not known");
            return wishes.map(|wish| wish.wanted);
        }
    };
    let shares = share(limit, kept, wishes);
    if limit < shares.needed {
        let connections: usize = shares.connections.iter().sum();
        tracing::warn!(
            limit,
            needed = shares.needed,
            connections,
            "the limit of open files is low: fewer connections are served; raise RLIMIT_NOFILE to what is needed"
        );
    }
    shares.connections
}

/// Shares the files of a limit: first those that the program keeps for itself, then the least of each
/// listener, and what is left in the order of the wishes.
fn share<const LISTENERS: usize>(limit: usize, kept: usize, wishes: [Wish; LISTENERS]) -> Shares<LISTENERS> {
    let least = |wish: Wish| wish.least.min(wish.wanted);
    let all: usize = wishes.iter().map(|wish| least(*wish)).sum();
    let mut left = limit.saturating_sub(kept + all);
    let connections = wishes.map(|wish| {
        let more = (wish.wanted - least(wish)).min(left);
        left -= more;
        least(wish) + more
    });
    Shares { connections, needed: kept + wishes.iter().map(|wish| wish.wanted).sum::<usize>() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WISHES: [Wish; 2] = [Wish { wanted: 64, least: 4 }, Wish { wanted: 1_000, least: 8 }];

    #[test]
    fn with_files_enough_every_wish_is_granted() {
        let shares = share(1 << 20, 40, WISHES);
        assert_eq!(shares, Shares { connections: [64, 1_000], needed: 1_104 });
        assert_eq!(share(1_104, 40, WISHES), shares);
    }

    #[test]
    fn with_few_files_each_has_its_least_and_the_first_wish_comes_first() {
        assert_eq!(share(200, 40, WISHES).connections, [64, 96]);
        assert_eq!(share(64, 40, WISHES).connections, [16, 8]);
        assert_eq!(share(10, 40, WISHES).connections, [4, 8]);
        assert_eq!(share(10, 40, [Wish { wanted: 2, least: 4 }]).connections, [2]);
    }

    #[test]
    fn the_limit_is_raised_to_what_the_kernel_allows() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        // Enough for the other tests of this process, for the moment.
        setrlimit(Resource::RLIMIT_NOFILE, hard.min(512), hard).unwrap();
        let raised = raise_file_limit().unwrap();
        assert_eq!((raised as u64, getrlimit(Resource::RLIMIT_NOFILE).unwrap()), (hard, (hard, hard)));
    }
}
