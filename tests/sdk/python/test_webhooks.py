"""The simulator's webhooks, through Stripe's own Python library.

What it proves: what the simulator sends is signed as Stripe signs, and is an event as an independent client understands
it; so a listener that takes the simulator's events takes Stripe's. The simulator's URL is in PMCLONE_SIMULATOR, and
PMCLONE_WEBHOOK says where it sends to.
"""

import http.server
import json
import os
import queue
import threading
import urllib.request

import stripe

URL = os.environ["PMCLONE_SIMULATOR"]
SHOP = "acct_1PythonShop0002"
SECRET = "whsec_python_and_others"
came = queue.Queue()


class Endpoint(http.server.BaseHTTPRequestHandler):
    # The first delivery is turned away: it has to come again.
    refused = False

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = 200
        if not Endpoint.refused:
            Endpoint.refused, answer = True, 503
        else:
            came.put((body, self.headers["Stripe-Signature"]))
        self.send_response(answer)
        self.end_headers()

    def log_message(self, *_):
        pass


def control(path, body=""):
    request = urllib.request.Request(URL + path, data=body.encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def next_event():
    body, header = came.get(timeout=60)
    assert stripe.WebhookSignature.verify_header(body.decode(), header, SECRET, tolerance=300)
    try:
        stripe.WebhookSignature.verify_header(body.decode() + " ", header, SECRET, tolerance=300)
        raise AssertionError("a changed body passed")
    except stripe.SignatureVerificationError:
        pass
    return stripe.Webhook.construct_event(body, header, SECRET)


def main():
    host, port = os.environ["PMCLONE_WEBHOOK"].split(":")
    server = http.server.ThreadingHTTPServer((host, int(port)), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api = stripe.StripeClient("sk_test_python", base_addresses={"api": URL}, max_network_retries=0).v1

    control("/_sim/accounts", json.dumps({"id": SHOP, "country": "DE", "modes": "test"}))
    control(f"/_sim/accounts/{SHOP}/revoke")
    event = next_event()
    assert (event.type, event.account, event.livemode) == ("account.application.deauthorized", SHOP, False)
    control(f"/_sim/accounts/{SHOP}/restore")
    assert next_event().type == "account.application.authorized"

    customer = api.customers.create({"email": "jenny@example.com"})
    card = api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    api.payment_methods.update(card.id, {"metadata": {"a": "b"}})
    event = next_event()
    assert (event.type, event.data.object.id) == ("payment_method.updated", card.id)
    control(f"/_sim/payment_methods/{card.id}/renew")
    event = next_event()
    assert event.type == "payment_method.automatically_updated"
    assert event.data.object.card.exp_year == event.data.previous_attributes["card"]["exp_year"] + 3
    api.payment_methods.detach(card.id)
    event = next_event()
    assert event.type == "payment_method.detached"
    assert event.data.previous_attributes["customer"] == customer.id and event.data.object.customer is None

    listed = api.events.list({"types": ["payment_method.detached", "payment_method.updated"], "limit": 1})
    assert [found.id for found in listed.auto_paging_iter()][0] == event.id
    assert api.events.retrieve(event.id).data.object.id == card.id
    print("python: the simulator's webhooks are as they should be")


main()
