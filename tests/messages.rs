//! What a user may meet, word for word: commands as they are typed, in `messages/`, with what they say and how they end.
//!
//! None of them reaches the network, or leaves a file. After a change that is meant, `TRYCMD=overwrite cargo test messages` writes
//! the new words; read them as a user would.

use crate::support::Result;

#[test]
fn messages_are_those_that_were_read_and_found_good() -> Result<()> {
    let cases = trycmd::TestCases::new();
    cases.register_bin(
        "pmclone",
        std::path::Path::new(env!("CARGO_BIN_EXE_pmclone")),
    );
    #[cfg(unix)]
    for key in std::fs::read_dir("tests/messages/commands.in")? {
        use std::os::unix::fs::PermissionsExt;
        let key = key?.path();
        // Whatever the checkout gave them: others could read them, which is another message.
        if key.extension().is_some_and(|kind| kind == "key") {
            std::fs::set_permissions(key, PermissionsExt::from_mode(0o600))?;
        }
    }
    // An empty key is the same as none: one of the machine's own would be used.
    cases.env("STRIPE_API_KEY", "").env("COLUMNS", "");
    cases.case("tests/messages/*.trycmd");
    cases.run();
    Ok(())
}
