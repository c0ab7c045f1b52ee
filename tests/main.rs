//! The real binary against the simulator on a loopback socket; what became of everything is asked of the simulator.

mod support;

mod after;
mod again;
mod answers;
mod bad_input;
mod charge;
mod delta;
mod docs;
mod drill;
mod dry_run;
mod fewest_calls;
mod input;
mod installed;
mod killed;
mod limits;
mod listen;
mod live;
mod machine;
mod messages;
mod outputs;
mod pace;
mod property;
mod purge;
mod real_input;
mod reconcile;
mod recover;
mod report;
mod safety;
mod secrets;
mod stale;
mod stopping;
mod undo;
mod verify;
mod watching;
mod wire;
