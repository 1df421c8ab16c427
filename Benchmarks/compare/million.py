"""A store of a million keys: memory, reads, snapshot, restart, compaction."""

import pathlib
import random
import tempfile
import time

from keyspace import END, compact, fill, key, transactions
from loads import Call, add_waits, beside_a_writer, h2load, h2load_text, measure
from rows import at_least, at_most
from rpc import message
from run import interleaved, single_members, start

KEYS = 1_000_000


def in_order(options, sheet):
    store(options, sheet, "written in order", list(range(options.count(KEYS, least=10_000))))


def at_random(options, sheet):
    numbers = list(range(options.count(KEYS, least=10_000)))
    random.Random(1).shuffle(numbers)
    store(options, sheet, "written in random order", numbers)


def store(options, sheet, title, order):
    what = f"{len(order):,} keys {title}"
    with single_members(options) as servers:
        for server in servers.values():
            fill(server, transactions(order))
        time.sleep(3)
        memory(sheet, servers, what)
        reads(options, sheet, servers, what, len(order))
        snapshot(sheet, servers, what)
        restart(sheet, servers, what)
        superseded(sheet, servers, what, order[:len(order) // 5])


def memory(sheet, servers, what):
    """Of what is mapped, the kernel takes back what it needs; the anonymous memory is the server's own."""
    both = {name: server.memory() for name, server in servers.items()}
    command = f"Txn of 100 puts of 256 bytes each until there are {what}; /proc/PID/status 3 s later"
    sheet.add_values(f"anonymous memory, {what}", "MiB", {name: each[0] / 2**20 for name, each in both.items()},
                     command, at_most(0.33))
    sheet.add_values(f"mapped file, {what}", "MiB", {name: each[1] / 2**20 for name, each in both.items()}, command)


def reads(options, sheet, servers, what, count):
    first = key(count // 2)
    whole = Call("etcdserverpb.KV/Range", message("RangeRequest")(key=first, range_end=key(count // 2 + 1000)),
                 "Range of 1000 keys")
    # A page of a long list, as an apiserver reads it; etcd counts the whole rest for each.
    page = Call("etcdserverpb.KV/Range", message("RangeRequest")(key=first, range_end=END, limit=500),
                f"Range of {count // 2:,} keys, limit 500")
    for call, title, amount, bounds in (
            (whole, "Range of 1000", {"seconds": options.seconds(3)}, {"rate": at_least(5), "cpu": at_most(0.25)}),
            (page, f"page of 500 of a list of {count // 2:,}", {"requests": 20}, {})):
        samples = interleaved(servers, min(options.rounds, 2), lambda server: h2load(server, call, 10, 1, **amount))
        measure(sheet, samples, f"{title}, {what}, 10 x 1", h2load_text(call, 10, 1, **amount), **bounds)


def snapshot(sheet, servers, what):
    def save(server):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "snapshot"
            code, _, errors = server.etcdctl("snapshot", "save", str(path), timeout=300)
            assert code == 0, errors

    samples = {name: [beside_a_writer(server, lambda: save(server))] for name, server in servers.items()}
    add_waits(sheet, samples, f"snapshot, {what}", "etcdctl snapshot save FILE")


def restart(sheet, servers, what):
    seconds = {}
    for name, server in servers.items():
        server.stop(seconds=120)
        began = time.monotonic()
        start(server)
        seconds[name] = time.monotonic() - began
    sheet.add_values(f"restart, {what}", "s", seconds, "SIGTERM; from the start to the first /health 200",
                     at_most(0.5))


def superseded(sheet, servers, what, order):
    for server in servers.values():
        fill(server, transactions(order))
    time.sleep(1)
    samples = {name: [beside_a_writer(server, lambda: compact(server))] for name, server in servers.items()}
    add_waits(sheet, samples, f"compaction of {len(order):,} superseded revisions, {what}",
              "Compact (physical) after a fifth of the keys was written again")
