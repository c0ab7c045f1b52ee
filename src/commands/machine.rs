//! What the machine must give before a command begins: memory, descriptors, threads. It is looked at first, so that what is
//! lacking is said in a sentence, instead of breaking off in the middle.

use std::io;

use crate::exit::Exit;
use crate::failure::Failure;

/// Address space, in bytes, that an import and a run of any size get along with: a million customers took under 220 MB.
const ADDRESS_SPACE: u64 = 250_000 * 1024;

/// Refuses to begin under a limit of address space (`ulimit -v`) that a large CSV would not fit in: an allocation that fails
/// ends the process at once, wherever it is.
#[cfg(unix)]
pub fn enough_memory() -> Result<(), Failure> {
    use rustix::process::{Resource, getrlimit};
    match getrlimit(Resource::As).current {
        Some(limit) if limit < ADDRESS_SPACE => Err(too_little(limit)),
        Some(_) | None => Ok(()),
    }
}

/// Leaves no core dump behind when the process breaks off, and lets no other process of the same user look into it: the API key
/// is in its memory, and mostly in its environment. Where the system refuses, the work goes on.
pub fn keep_memory_private() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        setrlimit(Resource::Core, none).ok();
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
    }
}

/// There is no such limit.
#[cfg(not(unix))]
pub fn enough_memory() -> Result<(), Failure> {
    Ok(())
}

#[cfg(unix)]
fn too_little(limit: u64) -> Failure {
    let (limit, needed) = (limit / 1024, ADDRESS_SPACE / 1024);
    Failure::new(
        Exit::Unexpected,
        format!(
            "this shell limits memory to {limit} KiB (`ulimit -v`), and pmclone needs {needed}"
        ),
    )
    .hint(format!(
        "nothing was sent; allow more (`ulimit -v {needed}`), then run the same command again"
    ))
}

/// Descriptors that a command which talks to somebody needs, besides one for each request in flight: the state file, its log
/// and lock, the runtime's own.
const DESCRIPTORS: usize = 24;

/// The runtime of the commands that talk to somebody.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let refused = |error: &io::Error| {
        Failure::new(
            Exit::Unexpected,
            format!("the machine gives no threads or descriptors: {error}"),
        )
        .hint("nothing was sent; allow more (`ulimit -n 1024`, `ulimit -u`), then run the same command again")
    };
    // The runtime breaks off where it finds none left, so they are asked for first; by pipes, which need no file system.
    let probe: io::Result<Vec<_>> = (0..DESCRIPTORS / 2).map(|_| io::pipe()).collect();
    drop(probe.map_err(|error| refused(&error))?);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| refused(&error))
}
