//! Lists that change while they are read.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::reads::{InDoubt, holds_all};
use super::{as_it_is, tells_no_secrets};
use crate::support::proxy::{Answer, Kind, Request, Script, Told, Turn};
use crate::support::{Proxy, Result, http};

/// Pages of three, and somebody else makes a Customer on the platform after each; two that have ids of their own making stand
/// at the top and at the end of each page.
struct Growing {
    simulator: String,
}

/// The same, and whom the next page would begin after is deleted, once.
struct Shrinking {
    growing: Growing,
    gone: Mutex<Option<String>>,
}

impl Growing {
    fn grow(&self) {
        let made = http::with_key(&self.simulator, "POST", "/v1/customers", "name=Somebody");
        assert!(made.is_ok(), "{made:?}");
    }
}

fn page(answer: &mut Answer, change: impl FnOnce(&mut Vec<Value>)) {
    if let Ok(mut list) = serde_json::from_str::<Value>(&answer.body)
        && let Some(data) = list["data"].as_array_mut()
    {
        change(data);
        answer.body = list.to_string();
    }
}

impl Script for Growing {
    fn asked(&self, _: Turn, mut request: Request) -> Option<Request> {
        request.target = request.target.replace("limit=100", "limit=3");
        Some(request)
    }

    fn told(&self, turn: Turn, _: &Request, answer: Option<Answer>) -> Told {
        let (Kind::Customers, Some(mut answer)) = (turn.kind, answer.clone()) else {
            return as_it_is(answer);
        };
        self.grow();
        page(&mut answer, |data| {
            let mut odd =
                json!({"object": "customer", "id": "42@shop", "livemode": false, "metadata": null});
            odd["created"] = data
                .first()
                .map_or(Value::Null, |first| first["created"].clone());
            data.insert(0, odd.clone());
            data.push(odd);
        });
        as_it_is(Some(answer))
    }
}

#[test]
fn pages_that_grow_while_they_are_read_are_read_to_the_end() -> Result<()> {
    let InDoubt {
        place,
        simulator,
        asked,
    } = InDoubt::new()?;
    let script = Growing {
        simulator: simulator.address().to_owned(),
    };
    let proxy = Proxy::start(&simulator, script)?;
    let ended = place.through(&proxy, &["resume"])?.with(0)?;
    proxy.had_no_trouble()?;
    assert!(proxy.count(Kind::Customers) > 9, "{}", ended.err);
    tells_no_secrets(&(ended.err + &ended.out));
    holds_all(&place, &simulator, &asked)
}

impl Script for Shrinking {
    fn asked(&self, turn: Turn, request: Request) -> Option<Request> {
        self.growing.asked(turn, request)
    }

    fn told(&self, turn: Turn, request: &Request, answer: Option<Answer>) -> Told {
        let listed = turn.kind == Kind::Customers && request.header("stripe-account").is_none();
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut answer) = answer.clone().filter(|_| listed) else {
            return self.growing.told(turn, request, answer);
        };
        match &*gone {
            None => page(&mut answer, |data| {
                let last = data.last().and_then(|last| last["id"].as_str());
                let last = last.unwrap_or_default().to_owned();
                let path = format!("/v1/customers/{last}");
                let deleted = http::with_key(&self.growing.simulator, "DELETE", &path, "");
                assert!(deleted.is_ok(), "{deleted:?}");
                *gone = Some(last);
            }),
            // The simulator still knows where the deleted one stood.
            Some(id) if request.target.contains(id.as_str()) => {
                answer.status = 404;
                answer.body = format!(
                    r#"{{"error":{{"type":"invalid_request_error","code":"resource_missing","param":"starting_after","message":"No such customer: '{id}'"}}}}"#
                );
            }
            Some(_) => {}
        }
        as_it_is(Some(answer))
    }
}

#[test]
fn a_page_that_would_begin_after_somebody_who_is_gone_proves_nothing_and_is_read_again()
-> Result<()> {
    let InDoubt {
        place,
        simulator,
        asked,
    } = InDoubt::new()?;
    let growing = Growing {
        simulator: simulator.address().to_owned(),
    };
    (0..3).for_each(|_| growing.grow());
    let script = Shrinking {
        growing,
        gone: Mutex::default(),
    };
    let proxy = Proxy::start(&simulator, script)?;
    let ended = place.through(&proxy, &["resume"])?.with(0)?;
    proxy.had_no_trouble()?;
    // What the first reading could not settle, a later one did.
    assert!(
        !ended.err.contains("could not be looked for"),
        "{}",
        ended.err
    );
    holds_all(&place, &simulator, &asked)
}
