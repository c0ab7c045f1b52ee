//! The bare loop: the requests of a migration, with the same HTTP client, as many in flight, and nothing kept.
//!
//! It is what the whole pipeline is measured against: no state file, no intents, no limits, no retries, no checks.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

/// Customers in flight at once, here and in the pipeline.
pub const CONCURRENCY: usize = 256;

/// One customer, gathered from neighbouring lines.
#[derive(Default)]
struct Customer {
    legacy_id: String,
    /// Form pairs of the contact fields that are not empty.
    contact: Vec<(String, String)>,
    sources: Vec<String>,
    accounts: Vec<String>,
}

/// Sends everything that `csv` asks for to `url`, and prints how many requests that took.
pub fn run(url: &str, csv: &Path) -> anyhow::Result<()> {
    let customers = Arc::new(Mutex::new(read(csv)?));
    let sender = Arc::new(Sender::new(url)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..CONCURRENCY {
            let (customers, sender) = (Arc::clone(&customers), Arc::clone(&sender));
            tasks.spawn(async move {
                while let Some(customer) = next(&customers) {
                    sender.migrate(&customer).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        anyhow::Ok(())
    })?;
    eprintln!("{}", sender.sent.load(Ordering::Relaxed));
    Ok(())
}

fn next(customers: &Mutex<VecDeque<Customer>>) -> Option<Customer> {
    customers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front()
}

fn read(path: &Path) -> anyhow::Result<VecDeque<Customer>> {
    let mut csv = csv::Reader::from_path(path)?;
    let header = csv.headers()?.clone();
    let mut customers: VecDeque<Customer> = VecDeque::new();
    for record in csv.records() {
        let record = record?;
        let mut line = Customer::default();
        for (column, value) in header.iter().zip(&record) {
            line.take(column, value);
        }
        match customers.back_mut() {
            Some(last) if last.legacy_id == line.legacy_id => {
                last.sources.append(&mut line.sources);
            }
            Some(_) | None => customers.push_back(line),
        }
    }
    Ok(customers)
}

impl Customer {
    fn take(&mut self, column: &str, value: &str) {
        let list = || value.split(';').map(str::to_owned).collect();
        match column {
            _ if value.is_empty() => {}
            "legacy_id" => value.clone_into(&mut self.legacy_id),
            "payment_method" => self.sources = list(),
            "connected_account" => self.accounts = list(),
            "default_payment_method" | "platform_customer" => {}
            _ => {
                let name = match column.split_once(['_', '.']) {
                    Some(("address", field)) => format!("address[{field}]"),
                    Some(("metadata", key)) => format!("metadata[{key}]"),
                    _ => column.to_owned(),
                };
                self.contact.push((name, value.to_owned()));
            }
        }
    }
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

struct Sender {
    client: reqwest::Client,
    url: String,
    sent: AtomicU64,
}

impl Sender {
    /// The settings of `stripe/http.rs`.
    fn new(url: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .timeout(std::time::Duration::from_secs(80))
            .tcp_nodelay(true)
            .no_proxy()
            .build()?;
        Ok(Self {
            client,
            url: url.to_owned(),
            sent: AtomicU64::new(0),
        })
    }

    /// `n + 2nm` requests, one after the other, as the pipeline sends them.
    async fn migrate(&self, customer: &Customer) -> anyhow::Result<()> {
        let (first, rest) = customer.sources.split_first().context("no source")?;
        let platform = self.customer(customer, first, None).await?;
        for source in rest {
            self.attach(source, &platform, None).await?;
        }
        for account in &customer.accounts {
            let on = Some(account.as_str());
            let mut clones = Vec::with_capacity(customer.sources.len());
            for source in &customer.sources {
                let form = [("customer", platform.as_str()), ("payment_method", source)];
                clones.push(self.post("/v1/payment_methods", &form, on).await?);
            }
            let made = self.customer(customer, &clones[0], on).await?;
            for clone in &clones[1..] {
                self.attach(clone, &made, on).await?;
            }
        }
        Ok(())
    }

    async fn customer(
        &self,
        customer: &Customer,
        source: &str,
        account: Option<&str>,
    ) -> anyhow::Result<String> {
        let contact = customer.contact.iter();
        let mut form: Vec<(&str, &str)> = contact
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        form.push(("payment_method", source));
        form.push(("invoice_settings[default_payment_method]", source));
        form.push(("metadata[legacy_customer_id]", &customer.legacy_id));
        self.post("/v1/customers", &form, account).await
    }

    async fn attach(
        &self,
        source: &str,
        to: &str,
        account: Option<&str>,
    ) -> anyhow::Result<String> {
        let path = format!("/v1/payment_methods/{source}/attach");
        self.post(&path, &[("customer", to)], account).await
    }

    async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        account: Option<&str>,
    ) -> anyhow::Result<String> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let mut request = self
            .client
            .post(format!("{}{path}", self.url))
            .header("authorization", "Bearer sk_test_bench")
            .header("stripe-version", pmclone::stripe::STRIPE_VERSION)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("idempotency-key", format!("bench-{number}"))
            .body(body);
        if let Some(account) = account {
            request = request.header("stripe-account", account);
        }
        let answer = request.send().await?;
        let (status, text) = (answer.status(), answer.bytes().await?);
        ensure!(
            status == 200,
            "{path}: {status} {}",
            String::from_utf8_lossy(&text)
        );
        Ok(serde_json::from_slice::<Made>(&text)?.id)
    }
}
