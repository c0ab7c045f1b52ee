//! What the tests share: the binary in a directory of its own, the simulator as a process, and an oracle that knows the
//! CSV and the documented markers of ids, and nothing of the code under test.

pub mod browser;
pub mod http;
pub mod oracle;
pub mod proxy;
pub mod set_up;
pub mod simulator;
pub mod tool;
pub mod webhook;
pub mod world;

pub use browser::Browser;
pub use oracle::{Asked, Standing};
pub use proxy::Proxy;
pub use simulator::Simulator;
pub use tool::{Place, Running};
pub use world::World;

/// What every test gives back.
pub type Result<T> = anyhow::Result<T>;

/// Asks `is_so` again and again until it says yes; an error when it never does. Waits for an event, not for a time: the
/// pause only leaves the processor to those that are waited for.
pub fn until(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    /// At 2 ms each, two minutes at least: longer than anything that is waited for.
    const LOOKS: u32 = 60_000;
    for _ in 0..LOOKS {
        if is_so()? {
            return Ok(());
        }
        pause();
    }
    anyhow::bail!("never came to be: {what}")
}

#[expect(clippy::disallowed_methods, reason = "the one pause between two looks")]
fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(2));
}

/// Says that this machine lacks what a test needs; the gate installs it.
#[expect(clippy::print_stdout, reason = "a test has no other way to say so")]
pub fn not_checked(what: &str) {
    println!("NOT checked: {what}");
}
