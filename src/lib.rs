//! x
pub mod exit;
pub mod ids;
pub mod input;
pub mod legacy;
pub mod plan;
pub mod run;
pub mod state;
pub mod store;
pub mod stripe;
pub mod time;
