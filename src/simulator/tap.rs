//! For whoever owns a simulator in its own process and wants each request to wait for a word: before the world sees it, and
//! again before it is answered.

use super::faults::Fault;
use super::request::Request;
use std::fmt;
use std::sync::Arc;
use tokio::sync::oneshot;

/// A request that waits.
#[derive(Debug)]
pub struct Sighting {
    /// What is asked.
    pub request: Arc<Request>,
    /// True once the world has done it, and only the answer is missing.
    pub handled: bool,
    word: oneshot::Sender<Option<Fault>>,
}

impl Sighting {
    /// It goes on: with this fault, which counts before the world has handled it.
    pub fn go_on(self, fault: Option<Fault>) {
        // Nobody waits any more where the simulator has ended.
        drop(self.word.send(fault));
    }

    /// It is lost on its way.
    pub fn lose(self) {
        drop(self.word);
    }
}

/// Is told of each request, from a task of the simulator's runtime; it must not wait.
type Told = Arc<dyn Fn(Sighting) + Send + Sync>;

/// Where requests are seen.
#[derive(Clone)]
pub struct Tap(Told);

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}

impl Tap {
    /// Tells `told` of every request, twice.
    pub fn new(told: impl Fn(Sighting) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    /// True where no connection is open that was taken with a clone of this, and nothing is under way that came over one.
    pub fn is_at_rest(&self) -> bool {
        // This one, and the listener's.
        Arc::strong_count(&self.0) <= 2
    }

    /// Tells of a request, at once; the word comes when it comes. An error is a request, or an answer, that is lost.
    pub(super) fn tell(
        &self,
        request: &Arc<Request>,
        handled: bool,
    ) -> oneshot::Receiver<Option<Fault>> {
        let (word, heard) = oneshot::channel();
        (self.0)(Sighting {
            request: Arc::clone(request),
            handled,
            word,
        });
        heard
    }
}
