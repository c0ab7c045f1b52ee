//! x
pub mod exit;
pub mod ids;
pub mod legacy;
pub mod plan;
pub mod report;
pub mod state;
pub mod store;
pub mod stripe;
pub mod time;
