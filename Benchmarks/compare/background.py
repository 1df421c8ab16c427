"""The tail of Puts while the server tidies up behind their backs."""

import threading

from keyspace import PUT, SERIALIZABLE, compact, fill, transactions
from loads import add_waits, beside_a_writer, h2load, h2load_text
from rows import at_most
from rpc import Client
from run import interleaved, single_members


def tail(options, sheet):
    """Puts of 100 clients under snapshots (every 20,000 entries), compactions (twice a second) and flushes."""
    with single_members(options, "--snapshot-count=20000") as servers:
        for server in servers.values():
            fill(server, transactions(range(options.count(50_000))))
        amount = {"requests": options.count(100_000, least=1000)}
        samples = interleaved(servers, options.rounds, lambda server: compacted(server, amount))
    title = "Put, 100 x 1, under snapshots, compactions and flushes"
    command = h2load_text(PUT, 100, 1, **amount) + "; --snapshot-count=20000; a compaction every 0.5 s"
    sheet.add(f"{title}: p50", "us", samples, "p50", command)
    sheet.add(f"{title}: p99", "us", samples, "p99", command, at_most(0.5))
    sheet.add(f"{title}: p99 / p50", "", samples, lambda s: s.p99 / s.p50, command)
    sheet.add(title, "requests/s", samples, "rate", command)


def compacted(server, amount):
    over = threading.Event()
    failures = []

    def compact_again_and_again():
        client = Client(server.endpoint)
        try:
            while not over.wait(0.5):
                client.compact(client.kv("Range", SERIALIZABLE.request).header.revision - 1)
        except Exception as failure:
            failures.append(failure)
        finally:
            client.close()

    compactor = threading.Thread(target=compact_again_and_again)
    compactor.start()
    try:
        sample = h2load(server, PUT, 100, 1, **amount)
    finally:
        over.set()
        compactor.join()
    if failures:  # the row says that it was compacted all the time
        raise failures[0]
    return sample


def compaction(options, sheet):
    """A compaction of 500,000 superseded revisions of 1000 keys."""
    count = options.count(500_000, least=10_000)
    with single_members(options) as servers:
        for server in servers.values():
            fill(server, (each for _ in range(count // 1000) for each in transactions(range(1000))))
        samples = {name: [beside_a_writer(server, lambda: compact(server))] for name, server in servers.items()}
    add_waits(sheet, samples, f"compaction of {count:,} superseded revisions",
              f"Compact (physical) of {count:,} revisions of 1000 keys, 256 bytes")
