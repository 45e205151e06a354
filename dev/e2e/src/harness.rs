//! Tests of programs with a `main` of their own: the usual harness starts threads before anything else can be done.

use libtest_mimic::Trial;

/// A test with its name.
pub type Test = (&'static str, fn());

/// Makes a module's `TESTS` of asynchronous functions: each with its name, and a function that runs it in a runtime of its own.
#[macro_export]
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[$crate::harness::Test] =
            &[$((concat!(module_path!(), "::", stringify!($name)), || $crate::harness::run($name()))),*];
    };
}

/// Runs one test.
pub fn run(test: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap().block_on(test);
}

/// A test as its program plays it, under its name within that program.
pub fn trial((name, test): &Test) -> Trial {
    let test = *test;
    let name = name.split_once("::").map_or(*name, |(_, within)| within);
    Trial::test(name, move || {
        test();
        Ok(())
    })
}
