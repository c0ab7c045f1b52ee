"""pmclone and two scripts, each before the same simulator with Stripe's documented limits of live mode.

Each of them moves the same customers, three times: to the end (without latency, and with 150 ms), killed (SIGKILL) in the middle and
started again at once, and killed and started again 25 hours later by Stripe's clock, when idempotency keys are forgotten. What became
of the customers is read from the simulator, not from what anybody says of himself.

Processor time and peak memory are what the kernel counted for the process; the simulator's own are not in it. Linux only.
"""

import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PMCLONE = os.environ["PMCLONE"]
CUSTOMERS = int(os.environ.get("PEERS_CUSTOMERS", "200"))
LATENCY_MS = int(os.environ.get("PEERS_LATENCY_MS", "150"))
ACCOUNTS = 20
PLATFORM = "acct_1SimPlatform0001"
KEY = {"STRIPE_API_KEY": "sk_live_peers"}
TWENTY_FIVE_HOURS = 25 * 3600

Contender = collections.namedtuple("Contender", "name command environment state")


def contenders(python):
    node = ["node", "parallel.mjs", "customers.csv", "results.csv"]
    ours = [PMCLONE, "run", "customers.csv", "--live", "--confirm", PLATFORM, "--quiet", "--api-base"]
    return [
        Contender("Python, sequential", [python, str(HERE / "sequential.py"), "customers.csv", "results.csv"], {}, None),
        Contender("Node, p-limit(50)", node, {}, None),
        Contender("Node, p-limit(10)", node, {"AT_ONCE": "10"}, None),
        Contender("Node, p-limit(50), own retry of 429", node, {"RETRY_429": "1"}, None),
        Contender("pmclone (share 0.8)", ours, {}, "pmclone.db"),
        Contender("pmclone --share 1", [*ours[:-1], "--share", "1", "--api-base"], {}, "pmclone.db"),
    ]


def customers():
    """Every fifth has two cards, every tenth two accounts, and every twentieth, but others, no card."""
    for number in range(CUSTOMERS):
        cards = [f"pm_1Peer{number:08}{card}" for card in range(2 if number % 5 == 0 else 0 if number % 20 == 7 else 1)]
        accounts = [f"acct_1Peers{(number + other) % ACCOUNTS:05}" for other in range(2 if number % 10 == 0 else 1)]
        yield f"L{number:06}", cards, accounts


def write_csv(path):
    lines = ["legacy_id,email,name,payment_method,connected_account"]
    for legacy_id, cards, accounts in customers():
        cells = [legacy_id, f"{legacy_id.lower()}@example.com", f"Customer {legacy_id}", ";".join(cards), ";".join(accounts)]
        lines.append(",".join(cells))
    path.write_text("\n".join(lines) + "\n")


class Simulator:
    """A process of its own; its URL, and what is in it."""

    def __init__(self, latency_ms):
        command = [PMCLONE, "simulate", "--listen", "127.0.0.1:0", "--limits", "on", "--on-demand", "on"]
        self.process = subprocess.Popen(
            [*command, "--latency", str(latency_ms)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def lines(self, kind, account):
        with urllib.request.urlopen(f"{self.url}/_sim/{kind}?account={account}&livemode=true") as answer:
            return [json.loads(line) for line in answer]

    def advance(self, seconds):
        body = json.dumps({"seconds": seconds}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/_sim/clock/advance", body, method="POST")):
            pass

    def outcome(self):
        """Customers that lack something, and objects over what was asked for."""
        made, cards = collections.Counter(), collections.Counter()
        for account in [PLATFORM, *(f"acct_1Peers{number:05}" for number in range(ACCOUNTS))]:
            owners = {each["id"]: each["metadata"].get("legacy_customer_id") for each in self.lines("customers", account)}
            made.update((legacy_id, account) for legacy_id in owners.values())
            attached = (method.get("customer") for method in self.lines("payment_methods", account))
            cards.update((owners[owner], account) for owner in attached if owner in owners)
        lost = duplicates = 0
        for legacy_id, sources, accounts in customers():
            places = [(legacy_id, account) for account in [PLATFORM, *accounts]]
            lost += any(made[place] < 1 or cards[place] < len(sources) for place in places)
            duplicates += sum(max(0, made[place] - 1) + max(0, cards[place] - len(sources)) for place in places)
        return lost, duplicates


def start(contender, folder, url, kill_after=None):
    """Seconds, processor seconds and peak bytes of one start."""
    command = [*contender.command, *([url, "--state", contender.state] if contender.state else [])]
    environment = {**os.environ, **KEY, **contender.environment, "STRIPE_API_BASE": url}
    begun = time.monotonic()
    with open(folder / "said.txt", "ab") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)
    peak, ended = 0, 0
    while not ended:
        # Not what wait4 says of memory: this process's own, which it was forked from, is in that.
        peak = max(peak, peak_bytes(process.pid))
        if kill_after and time.monotonic() - begun > kill_after:
            # Not through Popen, which would wait for it first.
            os.kill(process.pid, signal.SIGKILL)
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        time.sleep(0.005)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.monotonic() - begun, usage.ru_utime + usage.ru_stime, peak


def peak_bytes(pid):
    with open(f"/proc/{pid}/status") as file:
        lines = (line.split() for line in file)
        return next((int(words[1]) * 1024 for words in lines if words[0] == "VmHWM:"), 0)


def fresh(folder):
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    write_csv(folder / "customers.csv")
    modules = pathlib.Path.cwd()
    for name in ["node_modules", "package.json", "parallel.mjs"]:
        (folder / name).symlink_to(modules / name)
    return folder


def to_the_end(contender, folder, latency_ms):
    with Simulator(latency_ms) as simulator:
        cost = start(contender, fresh(folder), simulator.url)
        return (*cost, *simulator.outcome())


def killed(contender, folder, after, hours_later):
    with Simulator(LATENCY_MS) as simulator:
        start(contender, fresh(folder), simulator.url, kill_after=after)
        if hours_later:
            simulator.advance(TWENTY_FIVE_HOURS)
        start(contender, folder, simulator.url)
        return simulator.outcome()


def main():
    folder = pathlib.Path.cwd() / "at-work"
    asked = f"{CUSTOMERS} customers, every fifth with two cards, every tenth with two accounts, every twentieth without a card; limits of live mode: 100 requests/s, 25 for each endpoint"
    print(f"{asked}\n")
    columns = ["", "latency", "customers/s", "CPU ms a customer", "peak memory", "lost", "doubled"]
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}", flush=True)
    times, keys = {}, []
    for contender in contenders(sys.argv[1]):
        for latency_ms in (0, LATENCY_MS):
            seconds, cpu, peak, lost, doubled = to_the_end(contender, folder, latency_ms)
            times[contender.name] = seconds
            moved = CUSTOMERS - lost
            cells = [f"{moved / seconds:.1f}", f"{cpu * 1000 / max(moved, 1):.1f}", f"{peak / 1e6:.0f} MB", lost, doubled]
            print(f"| {contender.name} | {latency_ms} ms | {' | '.join(map(str, cells))} |", flush=True)
        keys.append((contender.name, f"{moved / seconds:.1f} customers/s, {cpu * 1000 / max(moved, 1):.1f} ms of CPU a customer, {peak / 1e6:.0f} MB, {lost} of {CUSTOMERS} lost"))
    print(f"\nKilled in the middle and started again, {LATENCY_MS} ms: customers that lack something then / objects made twice\n")
    print("| | at once | 25 hours later |\n| --- | --- | --- |", flush=True)
    for index, contender in enumerate(contenders(sys.argv[1])):
        outcomes = [killed(contender, folder, times[contender.name] / 2, later) for later in (False, True)]
        cells = [f"{lost} / {doubled}" for lost, doubled in outcomes]
        print(f"| {contender.name} | {' | '.join(cells)} |", flush=True)
        name, told = keys[index]
        keys[index] = (name, f"{told}; killed and started again at once {cells[0]}, 25 hours later {cells[1]}")
    print()
    for name, told in keys:
        print(f"= | {name}, {LATENCY_MS} ms, documented limits: lost / doubled | {told} |")


main()
