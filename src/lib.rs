//! x
pub mod exit;
pub mod ids;
pub mod legacy;
