"""The whole clone flow and its errors, through Stripe's own Python library.

What it proves: the simulator speaks Stripe's protocol as an independent client understands it. It is given the
simulator's URL in PMCLONE_SIMULATOR and fails with the first thing that is not as it should be.
"""

import json
import os
import urllib.request

import stripe

URL = os.environ["PMCLONE_SIMULATOR"]
SHOP = "acct_1PythonShop0001"


def control(path, body=""):
    request = urllib.request.Request(URL + path, data=body.encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def client(key="sk_test_python"):
    return stripe.StripeClient(key, base_addresses={"api": URL}, max_network_retries=0)


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"nothing was raised, {kind.__name__} was expected")


def main():
    control("/_sim/accounts", json.dumps({"id": SHOP, "country": "DE"}))
    api = client().v1
    there = {"stripe_account": SHOP}

    # Accounts.
    assert api.accounts.retrieve(SHOP).type == "standard"
    assert SHOP in [account.id for account in api.accounts.list().auto_paging_iter()]

    # A platform customer with a saved card as its default: one write.
    customer = api.customers.create({"email": "jenny@example.com", "metadata": {"legacy_customer_id": "L1"}})
    card = api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    customer = api.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})
    assert customer.invoice_settings.default_payment_method == card.id

    # Clone it, make the connected customer, attach, default.
    asked = {"customer": customer.id, "payment_method": card.id}
    once = {**there, "idempotency_key": "python-clone"}
    clone = api.payment_methods.create(asked, once)
    assert clone.id != card.id and clone.customer is None and clone.metadata.to_dict() == {}
    assert clone.card.fingerprint == card.card.fingerprint
    again = api.payment_methods.create(asked, once)
    assert again.id == clone.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.last_response.headers["Original-Request"] == clone.last_response.headers["Request-Id"]
    connected = api.customers.create(
        {
            "email": "jenny@example.com",
            "payment_method": clone.id,
            "invoice_settings": {"default_payment_method": clone.id},
        },
        there,
    )
    assert api.payment_methods.retrieve(clone.id, {}, there).customer == connected.id
    listed = api.customers.payment_methods.list(connected.id, {"type": "card"}, there)
    assert [method.id for method in listed.data] == [clone.id]

    # Charge it directly, refund it.
    intent = api.payment_intents.create(
        {
            "amount": 1000,
            "currency": "eur",
            "customer": connected.id,
            "payment_method": clone.id,
            "off_session": True,
            "confirm": True,
            "payment_method_types": ["card"],
            "application_fee_amount": 100,
        },
        there,
    )
    assert intent.status == "succeeded"
    refund = api.refunds.create({"payment_intent": intent.id, "refund_application_fee": True}, there)
    assert refund.amount == 1000

    # Pages.
    made = [api.customers.create({"name": f"n{number}"}, there).id for number in range(25)]
    found = [each.id for each in api.customers.list({"limit": 10}, there).auto_paging_iter()]
    assert found[:25] == made[::-1]

    # Errors, as the library classes them.
    error = refused(
        stripe.InvalidRequestError,
        lambda: api.payment_methods.attach(card.id, {"customer": api.customers.create().id}),
    )
    assert error.http_status == 400 and error.code is None, error
    error = refused(
        stripe.CardError,
        lambda: api.payment_methods.attach("pm_card_visa_chargeDeclined", {"customer": customer.id}),
    )
    assert error.code == "card_declined" and error.http_status == 402
    error = refused(stripe.InvalidRequestError, lambda: api.customers.retrieve("cus_nobody"))
    assert error.code == "resource_missing" and error.param == "id" and error.http_status == 404
    error = refused(
        stripe.IdempotencyError, lambda: api.payment_methods.create({"payment_method": card.id}, once)
    )
    assert error.http_status == 400
    error = refused(stripe.InvalidRequestError, lambda: api.customers.create({"nonsense": 1}))
    assert error.code == "parameter_unknown"
    refused(stripe.AuthenticationError, lambda: client("pk_test_python").v1.customers.list())
    control(f"/_sim/accounts/{SHOP}/revoke")
    error = refused(stripe.PermissionError, lambda: api.customers.list({}, there))
    assert error.error.code == "account_invalid" and error.request_id is None
    control(f"/_sim/accounts/{SHOP}/restore")

    # Faults: a lost answer is found again under its key; a limit is a RateLimitError.
    control("/_sim/faults", "nth 1 on POST /v1/customers lost-after\nnth 3 on POST /v1/customers limit")
    lost = {"idempotency_key": "python-lost"}
    refused(stripe.APIConnectionError, lambda: api.customers.create({"name": "Lost"}, lost))
    back = api.customers.create({"name": "Lost"}, lost)
    assert back.last_response.headers["Idempotent-Replayed"] == "true"
    refused(stripe.RateLimitError, lambda: api.customers.create())
    control("/_sim/faults")

    # A day later the key is forgotten.
    control("/_sim/clock/advance", json.dumps({"seconds": 24 * 3600}))
    second = api.customers.create({"name": "Lost"}, lost)
    assert second.id != back.id and second.created >= back.created + 24 * 3600
    print(f"stripe-python {stripe.VERSION}: all as it should be")


main()
