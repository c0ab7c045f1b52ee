//! x
mod started;
pub use started::Started;
