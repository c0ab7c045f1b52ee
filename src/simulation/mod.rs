//! Deterministic simulation: whole histories of runs, crashes and faults, each drawn from a seed and the same whenever it is
//! lived through again. The run loop, the store (SQLite, its file in memory) and the client are the real ones; what is simulated
//! is the other end of the wire, time, and the machine.
//!
//! ```text
//!   cargo test --profile simulation --lib simulation -- --nocapture            a sample
//!   PMCLONE_SIMULATION_SEEDS=100000 …                                          many, on all cores
//!   PMCLONE_SIMULATION_SEED=4711 …                                             one, told step by step
//! ```
//!
//! ```text
//!   plan ──▶ history ──▶ machine (process after process) ──▶ net (wire, world) ──▶ oracle
//!    │          └ the last ones without faults, until nothing is left to do ┘          │
//!    └ faults, crashes, pauses, clocks, the CSV's shape          asks the world, then the state file
//! ```
//!
//! Hazard: anything that is not drawn from the seed makes a failure that cannot be found again: a second thread, a map that is
//! walked in the order of its hashes, real time. So each process has a runtime of one thread with a paused clock, and a test
//! compares the traces of histories that are lived twice.

mod campaign;
mod event;
mod fate;
mod history;
mod machine;
mod mutants;
mod net;
mod oracle;
mod plan;
mod shape;
mod tests;
mod trace;
mod wire;

pub(crate) use wire::Wire;
