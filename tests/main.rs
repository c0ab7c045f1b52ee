//! The real binary against the simulator on a loopback socket; what became of everything is asked of the simulator.

mod support;

mod bad_input;
mod fewest_calls;
mod killed;
mod limits;
mod real_input;
