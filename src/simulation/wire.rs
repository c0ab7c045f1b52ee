//! A process's end of the wire: where the real transport would have sockets.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Duration, sleep, timeout};

use super::net::{Boundary, Learnt, Net, TIMED_OUT};
use crate::simulator::Request;
use crate::stripe::answer::{AnswerHeaders, WireAnswer};

/// How long the real transport waits for an answer.
const PATIENCE: Duration = Duration::from_secs(80);

/// A process's end of the wire; cheap to clone.
#[derive(Clone)]
pub struct Wire {
    pub net: Arc<Mutex<Net>>,
    /// Something was sent, or the machine slept.
    pub stirred: Arc<Notify>,
    /// The process is killed.
    pub killed: Arc<Notify>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    pub fn new(net: Arc<Mutex<Net>>) -> Self {
        Self {
            net,
            stirred: Arc::new(Notify::new()),
            killed: Arc::new(Notify::new()),
        }
    }

    pub fn net(&self) -> MutexGuard<'_, Net> {
        self.net.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends one attempt, as the real transport prepared it.
    pub async fn send(&self, request: &reqwest::Request) -> Learnt {
        self.survive(Boundary::BeforeSend).await;
        let request = received(request);
        let blind = self.net().mutant.is_blind_to(&request);
        let learns = self.net().post(request);
        self.stirred.notify_one();
        let learnt = match timeout(PATIENCE, learns).await {
            Ok(Ok(learnt)) => learnt,
            // Whoever tells is dropped only with the process.
            Ok(Err(_)) => pending().await,
            Err(_) => Err(TIMED_OUT),
        };
        if blind && !matches!(&learnt, Ok(answer) if answer.status == 200) {
            return Ok(empty_list());
        }
        learnt
    }

    /// Goes on, unless the process is killed at this moment: then never.
    pub async fn survive(&self, boundary: Boundary) {
        if self.net().dies_at(boundary) {
            self.killed.notify_one();
            pending::<()>().await;
        }
    }

    /// Lets things happen, each at its time, for as long as the process lives.
    pub async fn carry(&self) {
        loop {
            let wait = {
                let mut net = self.net();
                let wait = net.catch_up();
                if net.dead {
                    self.killed.notify_one();
                }
                wait
            };
            match wait {
                Some(wait) => tokio::select! {
                    biased;
                    () = sleep(wait) => {}
                    () = self.stirred.notified() => {}
                },
                None => self.stirred.notified().await,
            }
        }
    }
}

/// A request as it arrives.
fn received(request: &reqwest::Request) -> Request {
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let body = request.body().and_then(reqwest::Body::as_bytes);
    let url = request.url();
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    Request::from_parts(
        request.method().as_str(),
        &target,
        headers,
        body.unwrap_or_default(),
    )
}

fn empty_list() -> WireAnswer {
    WireAnswer {
        status: 200,
        headers: AnswerHeaders::default(),
        body: br#"{"object":"list","data":[],"has_more":false,"url":"/v1/customers"}"#.to_vec(),
    }
}
