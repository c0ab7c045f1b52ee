"""One customer after the other, with Stripe's own library: the first script that a developer would write.

Its library retries three times what it holds to be worth it; each request has a key of its own that is the same the next time; what
became of each customer is in a results file, and a second start leaves out those that are done.

    STRIPE_API_KEY=… python sequential.py customers.csv results.csv
"""

import csv
import os
import sys

import stripe

client = stripe.StripeClient(
    os.environ["STRIPE_API_KEY"],
    base_addresses={"api": os.environ.get("STRIPE_API_BASE", "https://api.stripe.com")},
    max_network_retries=3,
).v1


def migrate(row):
    """The fewest calls that do it: n + 2nm for n cards on m accounts."""
    legacy_id = row["legacy_id"]
    cards = [card for card in row["payment_method"].split(";") if card]
    contact = {"email": row["email"], "name": row["name"], "metadata": {"legacy_customer_id": legacy_id}}

    def key(*parts):
        return {"idempotency_key": "-".join(["migration", legacy_id, *parts])}

    def carrying(cards):
        default = {"payment_method": cards[0], "invoice_settings": {"default_payment_method": cards[0]}} if cards else {}
        return {**contact, **default}

    customer = client.customers.create(carrying(cards), key("customer"))
    for card in cards[1:]:
        client.payment_methods.attach(card, {"customer": customer.id}, key("attach", card))
    made = []
    for account in row["connected_account"].split(";"):
        there = {"stripe_account": account}
        clones = [
            client.payment_methods.create(
                {"customer": customer.id, "payment_method": card}, {**there, **key("clone", account, card)}
            ).id
            for card in cards
        ]
        connected = client.customers.create(carrying(clones), {**there, **key("connected", account)})
        for card, clone in zip(cards[1:], clones[1:]):
            client.payment_methods.attach(
                clone, {"customer": connected.id}, {**there, **key("attach", account, card)}
            )
        made.append(f"{account}={connected.id}")
    return customer.id, ";".join(made)


def done_before(path):
    if not os.path.exists(path):
        return set()
    with open(path, newline="") as file:
        return {row[0] for row in csv.reader(file) if len(row) == 4 and row[1] == "done"}


def main(source, results):
    done = done_before(results)
    failed = 0
    with open(source, newline="") as rows, open(results, "a", newline="") as file:
        writer = csv.writer(file)
        for row in csv.DictReader(rows):
            if row["legacy_id"] in done:
                continue
            try:
                writer.writerow([row["legacy_id"], "done", *migrate(row)])
            except stripe.StripeError as error:
                failed += 1
                writer.writerow([row["legacy_id"], "failed", type(error).__name__, str(error)])
            file.flush()
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:]))
