//! Measures connectivity from one Kubernetes node and reports it.
pub mod probe;
pub mod schedule;
