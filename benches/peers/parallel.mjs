// Many customers at once, with Stripe's own library and p-limit: what a developer would write who has a deadline.
//
// Its library retries three times what it holds to be worth it; each request has a key of its own that is the same the next time; what
// became of each customer is in a results file, and a second start leaves out those that are done.
//
// AT_ONCE (50) is how many customers; RETRY_429=1 adds what the library does not do: a request that is answered 429 is sent again,
// up to ten times, with exponential backoff and jitter.
//
//     STRIPE_API_KEY=… node parallel.mjs customers.csv results.csv

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import Stripe from "stripe";

const [source, results] = process.argv.slice(2);
const base = new URL(process.env.STRIPE_API_BASE ?? "https://api.stripe.com");
const stripe = new Stripe(process.env.STRIPE_API_KEY, {
  protocol: base.protocol.replace(":", ""),
  host: base.hostname,
  port: base.port || undefined,
  maxNetworkRetries: 3,
  telemetry: false,
});

const TRIES = process.env.RETRY_429 === "1" ? 10 : 1;

const send = async (call) => {
  for (let tried = 1; ; tried += 1) {
    try {
      return await call();
    } catch (error) {
      if (error.statusCode !== 429 || tried >= TRIES) throw error;
      await sleep(Math.random() * Math.min(500 * 2 ** tried, 30_000));
    }
  }
};

// The file has no quoted cells.
const lines = readFileSync(source, "utf8").trim().split("\n");
const header = lines[0].split(",");
const rows = lines.slice(1).map((line) => Object.fromEntries(line.split(",").map((cell, i) => [header[i], cell])));

const before = existsSync(results) ? readFileSync(results, "utf8").split("\n") : [];
const done = new Set(before.filter((line) => line.split(",")[1] === "done").map((line) => line.split(",")[0]));

// The fewest calls that do it: n + 2nm for n cards on m accounts.
const migrate = async (row) => {
  const { legacy_id, email, name } = row;
  const cards = row.payment_method.split(";").filter((card) => card);
  const key = (...parts) => ["migration", legacy_id, ...parts].join("-");
  const customer = (card, options) => {
    const standard = card && { payment_method: card, invoice_settings: { default_payment_method: card } };
    const asked = { email, name, metadata: { legacy_customer_id: legacy_id }, ...standard };
    return send(() => stripe.customers.create(asked, options));
  };
  const attach = (card, to, options) => send(() => stripe.paymentMethods.attach(card, { customer: to }, options));
  const platform = await customer(cards[0], { idempotencyKey: key("customer") });
  for (const card of cards.slice(1)) {
    await attach(card, platform.id, { idempotencyKey: key("attach", card) });
  }
  const made = [];
  for (const account of row.connected_account.split(";")) {
    const there = (...parts) => ({ stripeAccount: account, idempotencyKey: key(...parts) });
    const clones = [];
    for (const card of cards) {
      const asked = { customer: platform.id, payment_method: card };
      const clone = await send(() => stripe.paymentMethods.create(asked, there("clone", account, card)));
      clones.push(clone.id);
    }
    const connected = await customer(clones[0], there("connected", account));
    for (const [index, clone] of clones.slice(1).entries()) {
      await attach(clone, connected.id, there("attach", account, cards[index + 1]));
    }
    made.push(`${account}=${connected.id}`);
  }
  return `${platform.id},${made.join(";")}`;
};

let failed = 0;
const limit = pLimit(Number(process.env.AT_ONCE ?? 50));
await Promise.all(
  rows
    .filter((row) => !done.has(row.legacy_id))
    .map((row) =>
      limit(async () => {
        try {
          appendFileSync(results, `${row.legacy_id},done,${await migrate(row)}\n`);
        } catch (error) {
          failed += 1;
          appendFileSync(results, `${row.legacy_id},failed,${error.type},\n`);
        }
      }),
    ),
);
process.exit(failed > 0 ? 1 : 0);
