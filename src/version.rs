//! What this build is made of: `pmclone --version`, reports and certificates.

use std::sync::LazyLock;

use crate::stripe::STRIPE_VERSION;

/// The version alone.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that was built, `-dirty` where files were changed; `not recorded` in development builds, `unknown` without git.
pub const COMMIT: &str = env!("PMCLONE_COMMIT");

/// Name and value of each part.
pub fn facts() -> [(&'static str, &'static str); 7] {
    [
        ("commit", COMMIT),
        ("build", env!("PMCLONE_PROFILE")),
        ("target", env!("PMCLONE_TARGET")),
        ("Stripe-Version", STRIPE_VERSION),
        ("SQLite", rusqlite::version()),
        ("TLS", concat!("rustls ", env!("PMCLONE_RUSTLS"))),
        ("HTTP", concat!("reqwest ", env!("PMCLONE_REQWEST"))),
    ]
}

/// What `--version` prints after the name: one fact a line.
pub fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(|| {
        let lines = facts().map(|(name, value)| format!("\n{name:<15} {value}"));
        VERSION.to_owned() + &lines.concat()
    });
    &LONG
}
