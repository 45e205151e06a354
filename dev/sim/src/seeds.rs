//! Many seeds on all cores.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Plays each of the seeds, but none that would begin once it is not in time.
pub(crate) fn each_seed<T: Send>(
    seeds: impl Iterator<Item = u64> + Send,
    in_time: impl Fn() -> bool + Sync,
    play: impl Fn(u64) -> T + Sync,
) -> BTreeMap<u64, T> {
    // A std Mutex: held while the next seed is taken.
    let seeds = Mutex::new(seeds);
    let next = || seeds.lock().unwrap_or_else(PoisonError::into_inner).next().filter(|_| in_time());
    let work = || std::iter::from_fn(next).map(|seed| (seed, play(seed))).collect::<Vec<_>>();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let played = workers
            .into_iter()
            .map(|worker| worker.join().expect("a panic of a simulation is a bug to be seen"));
        played.flatten().collect()
    })
}
