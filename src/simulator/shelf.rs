//! Where objects of one kind are kept: by id, and per account and mode in the order that lists show them.

use super::params::Params;
use super::response::{Failure, Place, missing};
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

/// One account in one mode: nothing is visible from one ledger to another.
pub(super) type LedgerId = usize;

/// Position of an object on its shelf.
pub(super) type Slot = usize;

/// The order of lists: by creation, then by arrival.
pub(super) type Order = BTreeSet<(i64, Slot)>;

/// An object with what its shelf has to know of it.
#[derive(Debug, Clone)]
pub(super) struct Kept<T> {
    pub ledger: LedgerId,
    pub created: i64,
    pub value: T,
}

/// All objects of one kind in the whole world. Ids are unique across accounts and modes, as they are at Stripe.
#[derive(Debug, Clone)]
pub(super) struct Shelf<T> {
    items: Vec<Kept<T>>,
    by_id: HashMap<Arc<str>, Slot>,
    orders: Vec<Order>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            by_id: HashMap::new(),
            orders: Vec::new(),
        }
    }
}

impl<T> Shelf<T> {
    pub fn put(&mut self, ledger: LedgerId, id: Arc<str>, created: i64, value: T) -> Slot {
        let slot = self.items.len();
        self.items.push(Kept {
            ledger,
            created,
            value,
        });
        self.by_id.insert(id, slot);
        if self.orders.len() <= ledger {
            self.orders.resize_with(ledger + 1, Order::new);
        }
        self.orders[ledger].insert((created, slot));
        slot
    }

    /// The slot of an id, in whatever account it is.
    pub fn slot(&self, id: &str) -> Option<Slot> {
        self.by_id.get(id).copied()
    }

    /// The slot of an id if the object is in this ledger.
    pub fn slot_in(&self, ledger: LedgerId, id: &str) -> Option<Slot> {
        self.slot(id)
            .filter(|&slot| self.items[slot].ledger == ledger)
    }

    pub fn kept(&self, slot: Slot) -> &Kept<T> {
        &self.items[slot]
    }

    pub fn get(&self, slot: Slot) -> &T {
        &self.items[slot].value
    }

    pub fn get_mut(&mut self, slot: Slot) -> &mut T {
        &mut self.items[slot].value
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Takes an object out of the lists; its id stays known.
    pub fn unlist(&mut self, slot: Slot) {
        let Kept {
            ledger, created, ..
        } = self.items[slot];
        if let Some(order) = self.orders.get_mut(ledger) {
            order.remove(&(created, slot));
        }
    }

    /// The order of one ledger's objects.
    pub fn order(&self, ledger: LedgerId) -> Option<&Order> {
        self.orders.get(ledger)
    }
}

/// One page of a list: what was asked for, in `params`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    limit: usize,
    oldest: i64,
    newest: i64,
    start: Option<(i64, Slot)>,
    backwards: bool,
}

impl Window {
    /// Reads `limit`, `created` and the cursors. `find` gives the place of the object that a cursor names.
    pub fn read(
        params: &Params,
        noun: &str,
        mut find: impl FnMut(&str) -> Option<(i64, Slot)>,
    ) -> Result<Self, Failure> {
        let limit = params
            .integer("limit")
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(10);
        let bound = |name: &str| params.integer(name);
        let exact = bound("created");
        let oldest = [
            exact,
            bound("created[gte]"),
            bound("created[gt]").map(|at| at.saturating_add(1)),
        ];
        let newest = [
            exact,
            bound("created[lte]"),
            bound("created[lt]").map(|at| at.saturating_sub(1)),
        ];
        let (after, before) = (
            params.filled("starting_after"),
            params.filled("ending_before"),
        );
        if after.is_some() && before.is_some() {
            return Err(Failure::invalid(
                "You cannot use both `starting_after` and `ending_before`.",
            )
            .param("ending_before"));
        }
        let cursor = after
            .map(|id| ("starting_after", id))
            .or(before.map(|id| ("ending_before", id)));
        let start = match cursor {
            Some((param, id)) => {
                Some(find(id).ok_or_else(|| missing(noun, id, Place::Parameter(param), None))?)
            }
            None => None,
        };
        Ok(Self {
            limit,
            oldest: oldest.into_iter().flatten().max().unwrap_or(i64::MIN),
            newest: newest.into_iter().flatten().min().unwrap_or(i64::MAX),
            start,
            backwards: before.is_some(),
        })
    }

    /// The slots of this page, newest first, and whether there are more beyond it.
    pub fn page(&self, order: &Order, mut wanted: impl FnMut(Slot) -> bool) -> (Vec<Slot>, bool) {
        let mut low = Bound::Included((self.oldest, 0));
        let mut high = Bound::Included((self.newest, Slot::MAX));
        match (self.start, self.backwards) {
            (Some(start), false) if start < (self.newest, Slot::MAX) => {
                high = Bound::Excluded(start);
            }
            (Some(start), true) if start > (self.oldest, 0) => low = Bound::Excluded(start),
            _ => {}
        }
        let (Bound::Included(first) | Bound::Excluded(first)) = low else {
            return (Vec::new(), false);
        };
        let (Bound::Included(last) | Bound::Excluded(last)) = high else {
            return (Vec::new(), false);
        };
        if first >= last {
            return (Vec::new(), false);
        }
        let range = order.range((low, high)).map(|&(_, slot)| slot);
        let one_more = self.limit + 1;
        let mut page: Vec<Slot> = if self.backwards {
            range.filter(|&slot| wanted(slot)).take(one_more).collect()
        } else {
            range
                .rev()
                .filter(|&slot| wanted(slot))
                .take(one_more)
                .collect()
        };
        let more = page.len() > self.limit;
        page.truncate(self.limit);
        if self.backwards {
            page.reverse();
        }
        (page, more)
    }
}
