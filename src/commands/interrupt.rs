//! Ctrl-C and SIGTERM: the first lets what is under way settle, the second stops at once. Both can be resumed.

use tokio::sync::watch;

/// What was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM, as from a service manager.
    Terminate,
}

/// How often it was pressed, and what first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pressed {
    /// The first signal; `None` before it.
    pub first: Option<Signal>,
    /// True from the second on.
    pub at_once: bool,
}

/// Listens for signals for as long as the receiver lives.
pub fn listen() -> std::io::Result<watch::Receiver<Pressed>> {
    let (sender, receiver) = watch::channel(Pressed::default());
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::spawn(async move {
        loop {
            #[cfg(unix)]
            let signal = tokio::select! {
                pressed = tokio::signal::ctrl_c() => pressed.map(|()| Signal::Interrupt),
                _ = terminate.recv() => Ok(Signal::Terminate),
            };
            #[cfg(not(unix))]
            let signal = tokio::signal::ctrl_c().await.map(|()| Signal::Interrupt);
            let Ok(signal) = signal else { return };
            sender.send_modify(|pressed| {
                pressed.at_once = pressed.first.is_some();
                pressed.first.get_or_insert(signal);
            });
            if sender.is_closed() {
                return;
            }
        }
    });
    Ok(receiver)
}
