//! Ctrl-C and SIGTERM: the first lets what is under way settle, the second stops at once. Both can be resumed.

use tokio::sync::watch;

use crate::exit::Exit;
use crate::failure::Failure;

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

/// What `work` comes to, unless a signal comes first. For what may be broken off anywhere: before the run itself.
pub async fn unless<T>(
    pressed: watch::Receiver<Pressed>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        pressed = first(pressed) => Err(pressed.failure()),
        worked = work => worked,
    }
}

/// Ends when a signal came.
pub async fn first(pressed: watch::Receiver<Pressed>) -> Pressed {
    until(pressed, |pressed| pressed.first.is_some()).await
}

/// Ends when a second signal came.
pub async fn second(pressed: watch::Receiver<Pressed>) -> Pressed {
    until(pressed, |pressed| pressed.at_once).await
}

/// Ends when what was pressed fits; never, where nobody listens any more.
async fn until(
    mut pressed: watch::Receiver<Pressed>,
    fits: impl FnMut(&Pressed) -> bool,
) -> Pressed {
    let fitting = pressed.wait_for(fits).await.map(|pressed| *pressed);
    match fitting {
        Ok(pressed) => pressed,
        Err(_) => std::future::pending().await,
    }
}

impl Pressed {
    /// That nothing was begun.
    pub fn failure(self) -> Failure {
        let exit = match self.first {
            Some(Signal::Terminate) => Exit::Terminated,
            Some(Signal::Interrupt) | None => Exit::Interrupted,
        };
        Failure::new(
            exit,
            "interrupted before the run began: nothing was written to Stripe",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_hangs_before_the_run_is_broken_off_by_the_first_signal() {
        for (signal, exit) in [
            (Signal::Interrupt, Exit::Interrupted),
            (Signal::Terminate, Exit::Terminated),
        ] {
            let (sender, pressed) = watch::channel(Pressed::default());
            let hangs = tokio::spawn(unless(pressed, std::future::pending::<Result<(), _>>()));
            sender.send_modify(|pressed| pressed.first = Some(signal));
            assert_eq!(hangs.await.unwrap().unwrap_err().exit, exit);
        }
    }

    #[tokio::test]
    async fn work_goes_on_where_nobody_presses_anything_or_listens() {
        let (sender, pressed) = watch::channel(Pressed::default());
        drop(sender);
        assert!(unless(pressed, async { Ok(7) }).await.is_ok());
    }
}
