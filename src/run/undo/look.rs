//! What Stripe has of a Customer, read to the end. A look-up that failed is no sight of anything.

use crate::ids::{AccountId, CustomerId, PaymentMethodId};
use crate::run::VisitError;
use crate::stripe::{Client, Page, PaymentMethodFacts, ReadAnswer, Removal, UseFacts, UseKind};
use crate::undo::Sight;

/// What a look came to.
pub(super) enum Looked {
    /// All of it.
    Seen(Box<Sight>),
    /// Stripe does not know such a Customer, not even as a deleted one.
    Absent(String),
    /// Not known, and why.
    Unread(String),
}

/// Whether something is there.
pub(super) enum There {
    Yes,
    No,
    /// Not known, and why.
    Unread(String),
}

/// What a read told; absent, or not read.
enum Read<T> {
    Found(T),
    Absent(String),
    Unread(String),
}

fn read<T>(answer: ReadAnswer<T>) -> Result<Read<T>, VisitError> {
    Ok(match answer {
        ReadAnswer::Found(fact, _) => Read::Found(fact),
        ReadAnswer::Missing(refusal) => Read::Absent(refusal.message),
        ReadAnswer::AccountInvalid(refusal) => Read::Unread(refusal.message),
        ReadAnswer::Failed(failed) => Read::Unread(failed.to_string()),
        ReadAnswer::Stop(stop) => return Err(VisitError::Stop(stop)),
    })
}

/// Reads a Customer, what is attached to it, and what it was used for.
pub(super) async fn at(
    client: &Client,
    customer: &CustomerId,
    account: Option<&AccountId>,
) -> Result<Looked, VisitError> {
    let facts = match read(client.customer(customer, account).await)? {
        Read::Found(facts) => facts,
        Read::Absent(message) => return Ok(Looked::Absent(message)),
        Read::Unread(why) => return Ok(Looked::Unread(why)),
    };
    let mut sight = Sight {
        customer: facts,
        methods: Vec::new(),
        uses: Vec::new(),
    };
    // Lists of a deleted Customer are not there.
    if sight.customer.deleted {
        return Ok(Looked::Seen(Box::new(sight)));
    }
    match methods(client, customer, account).await? {
        Ok(methods) => sight.methods = methods,
        Err(why) => return Ok(Looked::Unread(why)),
    }
    for kind in UseKind::ALL {
        match uses(client, kind, customer, account).await? {
            Ok(uses) => sight.uses.extend(uses),
            Err(why) => return Ok(Looked::Unread(why)),
        }
    }
    Ok(Looked::Seen(Box::new(sight)))
}

/// How many PaymentMethods are attached to a platform Customer; none where there is no such Customer any more.
pub(super) async fn attached(
    client: &Client,
    customer: &CustomerId,
) -> Result<Result<usize, String>, VisitError> {
    let first = client.customer_payment_methods(customer, None, None);
    Ok(match read(first.await)? {
        Read::Found(page) if !page.has_more => Ok(page.data.len()),
        Read::Found(_) => methods(client, customer, None).await?.map(|all| all.len()),
        // A look at the Customer tells what there is.
        Read::Absent(_) => Ok(0),
        Read::Unread(why) => Err(why),
    })
}

/// Whether a read list goes on, and after what.
enum Onward<I> {
    End,
    After(I),
    Circle,
}

fn onward<T, I: PartialEq>(page: &Page<T>, before: Option<&I>, last: Option<I>) -> Onward<I> {
    match (page.has_more, last) {
        (false, _) => Onward::End,
        (true, Some(last)) if before != Some(&last) => Onward::After(last),
        (true, _) => Onward::Circle,
    }
}

const CIRCLE: &str = "a list of Stripe's does not come to an end";

async fn methods(
    client: &Client,
    customer: &CustomerId,
    account: Option<&AccountId>,
) -> Result<Result<Vec<PaymentMethodFacts>, String>, VisitError> {
    let (mut all, mut after): (Vec<_>, Option<PaymentMethodId>) = (Vec::new(), None);
    loop {
        let page = client.customer_payment_methods(customer, after.as_ref(), account);
        let page = match read(page.await)? {
            Read::Found(page) => page,
            Read::Absent(why) | Read::Unread(why) => return Ok(Err(why)),
        };
        let last = page.data.last().map(|method| method.id.clone());
        let next = onward(&page, after.as_ref(), last);
        all.extend(page.data);
        match next {
            Onward::End => return Ok(Ok(all)),
            Onward::After(last) => after = Some(last),
            Onward::Circle => return Ok(Err(CIRCLE.to_owned())),
        }
    }
}

async fn uses(
    client: &Client,
    kind: UseKind,
    customer: &CustomerId,
    account: Option<&AccountId>,
) -> Result<Result<Vec<UseFacts>, String>, VisitError> {
    let (mut all, mut after): (Vec<UseFacts>, Option<String>) = (Vec::new(), None);
    loop {
        let page = client.uses(kind, customer, after.as_deref(), account);
        let page = match read(page.await)? {
            Read::Found(page) => page,
            Read::Absent(why) | Read::Unread(why) => return Ok(Err(why)),
        };
        let last = page.data.last().map(|each| each.id.clone());
        let next = onward(&page, after.as_ref(), last);
        all.extend(page.data);
        match next {
            Onward::End => return Ok(Ok(all)),
            Onward::After(last) => after = Some(last),
            Onward::Circle => return Ok(Err(CIRCLE.to_owned())),
        }
    }
}

/// Reads whether what was to be removed is still there.
pub(super) async fn is_there(
    client: &Client,
    removal: Removal<'_>,
    owner: Option<&CustomerId>,
) -> Result<There, VisitError> {
    Ok(match removal {
        Removal::Detach {
            payment_method,
            account,
        } => match read(client.payment_method(payment_method, Some(account)).await)? {
            Read::Found(facts) if facts.customer.as_ref() == owner => There::Yes,
            Read::Found(facts) if facts.customer.is_none() => There::No,
            Read::Found(_) => There::Unread(format!("{payment_method} is attached elsewhere")),
            Read::Absent(why) | Read::Unread(why) => There::Unread(why),
        },
        Removal::DeleteCustomer { customer, account } => {
            match read(client.customer(customer, account).await)? {
                Read::Found(facts) if facts.deleted => There::No,
                Read::Found(_) => There::Yes,
                Read::Absent(why) | Read::Unread(why) => There::Unread(why),
            }
        }
    })
}
