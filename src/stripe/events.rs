//! PURE. A page of `GET /v1/events`: what happened on the platform while nobody listened. Stripe keeps thirty days of it
//! (<https://docs.stripe.com/api/events/list>).

use serde_json::value::RawValue;

use super::answer::Garbled;
use super::facts::{Fact, Page};
use crate::webhook::{Event, Read as ReadEvent};

/// For how long Stripe gives out an event.
pub const EVENTS_KEPT_SECONDS: i64 = 30 * 24 * 3600;

/// An event, as a list carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFacts(pub Event);

impl TryFrom<&RawValue> for EventFacts {
    type Error = Garbled;

    fn try_from(found: &RawValue) -> Result<Self, Garbled> {
        match ReadEvent::parse(found.get().as_bytes()) {
            Ok(ReadEvent::Event(event)) => Ok(Self(*event)),
            Ok(ReadEvent::Thin) => Err(Garbled::OtherObject),
            Err(_) => Err(Garbled::NotAnObject),
        }
    }
}

impl Fact for Page<EventFacts> {
    fn parse(body: &[u8]) -> Result<Self, Garbled> {
        Self::parse_of::<&RawValue>(body, |_| false, |each| Some(each.0.livemode))
    }

    /// A list has none.
    fn id(&self) -> &'static str {
        ""
    }

    fn livemode(&self) -> Option<bool> {
        self.data.first().map(|each| each.0.livemode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_events_is_read_and_a_page_of_something_else_is_not() {
        let page = |object: &str| {
            let body = format!(
                r#"{{"object":"list","data":[{object}],"has_more":true,"url":"/v1/events"}}"#
            );
            Page::<EventFacts>::parse(body.as_bytes())
        };
        let event = r#"{"id":"evt_1","object":"event","created":7,"livemode":false,"type":"payment_method.detached",
            "data":{"object":{"id":"pm_1","object":"payment_method"}}}"#;
        let found = page(event).unwrap();
        assert_eq!(found.data[0].0.id.as_str(), "evt_1");
        assert!(found.has_more);
        assert_eq!(found.livemode(), Some(false));
        for other in ["", r#"{"id":"cus_1","object":"customer"}"#, "7"] {
            assert!(page(other).is_err(), "{other}");
        }
    }
}
