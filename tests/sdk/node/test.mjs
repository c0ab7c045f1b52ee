// The whole clone flow and its errors, through Stripe's own Node library.
//
// What it proves: the simulator speaks Stripe's protocol as an independent client understands it. It is given the
// simulator's URL in PMCLONE_SIMULATOR and fails with the first thing that is not as it should be.

import assert from "node:assert/strict";
import Stripe from "stripe";

const url = new URL(process.env.PMCLONE_SIMULATOR);
const shop = "acct_1NodeShop000001";
const there = { stripeAccount: shop };

const control = async (path, body = "") => {
  const answer = await fetch(new URL(path, url), { method: "POST", body });
  assert.equal(answer.status, 200, path);
};

const client = (key, maxNetworkRetries = 0) =>
  new Stripe(key, { protocol: "http", host: url.hostname, port: url.port, maxNetworkRetries, telemetry: false });

const stripe = client("sk_test_node");
const refused = async (type, call) => {
  try {
    await call();
  } catch (error) {
    assert.equal(error.type, type, error.message);
    return error;
  }
  assert.fail(`nothing was thrown, ${type} was expected`);
};

await control("/_sim/accounts", JSON.stringify({ id: shop, country: "FR" }));
assert.equal((await stripe.accounts.retrieve(shop)).country, "FR");

// A platform customer with a saved card as its default.
const customer = await stripe.customers.create({ email: "jenny@example.com", metadata: { legacy_customer_id: "L1" } });
const card = await stripe.paymentMethods.attach("pm_card_mastercard", { customer: customer.id });

// Clone it, make the connected customer, attach, default.
const asked = { customer: customer.id, payment_method: card.id };
const once = { ...there, idempotencyKey: "node-clone" };
const clone = await stripe.paymentMethods.create(asked, once);
assert.notEqual(clone.id, card.id);
assert.equal(clone.customer, null);
assert.equal(clone.card.fingerprint, card.card.fingerprint);
const again = await stripe.paymentMethods.create(asked, once);
assert.equal(again.id, clone.id);
assert.equal(again.lastResponse.headers["idempotent-replayed"], "true");
const connected = await stripe.customers.create(
  { payment_method: clone.id, invoice_settings: { default_payment_method: clone.id } },
  there,
);
const shown = await stripe.customers.retrieve(
  connected.id,
  { expand: ["invoice_settings.default_payment_method"] },
  there,
);
assert.equal(shown.invoice_settings.default_payment_method.customer, connected.id);

// Charge it directly, refund half of it.
const intent = await stripe.paymentIntents.create(
  { amount: 1000, currency: "eur", customer: connected.id, payment_method: clone.id, off_session: true, confirm: true,
    payment_method_types: ["card"] },
  there,
);
assert.equal(intent.status, "succeeded");
assert.equal((await stripe.refunds.create({ payment_intent: intent.id, amount: 500 }, there)).amount, 500);

// Pages.
for (let number = 0; number < 25; number += 1) await stripe.customers.create({ name: `n${number}` }, there);
const names = [];
for await (const each of stripe.customers.list({ limit: 7 }, there)) names.push(each.name);
assert.deepEqual(names.slice(0, 25), Array.from({ length: 25 }, (_, number) => `n${24 - number}`));

// Errors, as the library classes them.
const stranger = await stripe.customers.create({});
const attached = await refused("StripeInvalidRequestError", () =>
  stripe.paymentMethods.attach(card.id, { customer: stranger.id }),
);
assert.equal(attached.code, undefined);
const declined = await refused("StripeCardError", () =>
  stripe.paymentMethods.attach("pm_card_visa_chargeDeclined", { customer: customer.id }),
);
assert.equal(declined.decline_code, "generic_decline");
const missing = await refused("StripeInvalidRequestError", () => stripe.paymentMethods.retrieve(card.id, {}, there));
assert.equal(missing.code, "resource_missing");
assert.equal(missing.statusCode, 404);
await refused("StripeIdempotencyError", () => stripe.paymentMethods.create({ payment_method: card.id }, once));
await refused("StripeAuthenticationError", () => client("nonsense").customers.list());
await control(`/_sim/accounts/${shop}/revoke`);
const revoked = await refused("StripePermissionError", () => stripe.customers.list({}, there));
assert.equal(revoked.code, "account_invalid");
assert.equal(revoked.requestId, undefined);
await control(`/_sim/accounts/${shop}/restore`);

// Faults: the library's own retries find a lost answer again, and go on after a lock.
await control("/_sim/faults", "nth 1 on POST /v1/customers lost-after\nnth 3 on POST /v1/customers lock");
const patient = client("sk_test_node", 2);
const back = await patient.customers.create({ name: "Lost on the way" });
assert.equal(back.lastResponse.headers["idempotent-replayed"], "true");
assert.equal((await patient.customers.create({ name: "Locked" })).name, "Locked");
await control("/_sim/faults", "nth 1 on POST /v1/customers limit endpoint-rate");
await refused("StripeRateLimitError", () => patient.customers.create({}));
await control("/_sim/faults");
const search = await stripe.customers.search({ query: "name:'Lost on the way'" });
assert.equal(search.data.length, 0, "Search lags");
await control("/_sim/clock/advance", JSON.stringify({ seconds: 60 }));
assert.equal((await stripe.customers.search({ query: "name:'Lost on the way' AND created>0" })).data[0].id, back.id);

console.log(`stripe-node ${Stripe.PACKAGE_VERSION}: all as it should be`);
