//! x
pub mod exit;
pub mod ids;
pub mod input;
pub mod legacy;
pub mod sample;
pub mod store;
pub mod stripe;
pub mod time;
