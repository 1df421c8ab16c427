"""Leases: granted, kept alive, and run out all at once."""

import threading
import time

from loads import Call, benchmark, benchmark_text, h2load, h2load_text, measure, started
from rows import at_least, at_most
from rpc import Client, message
from run import interleaved, single_members

LEASES = 5000
TIME_TO_LIVE = 5
# Of a Put meanwhile.
WRITER = ["put", "--clients", 1, "--val-size", 256, "--key-space-size", 1, "--rate", 200, "--duration", "600s"]


def rates(options, sheet):
    with single_members(options) as servers:
        for server in servers.values():
            client = Client(server.endpoint)
            client.lease("LeaseGrant", message("LeaseGrantRequest")(ID=7, TTL=3600))
            assert list(renew(client, [7])) == [7]
            client.close()
        alive = Call("etcdserverpb.Lease/LeaseKeepAlive", message("LeaseKeepAliveRequest")(ID=7), "LeaseKeepAlive")
        amount = (100, 10, options.seconds(2))
        samples = interleaved(servers, options.rounds, lambda server: h2load(server, alive, *amount))
        measure(sheet, samples, "lease keep-alive, a stream for each, 100 x 10", h2load_text(alive, *amount),
                at_least(4), at_most(0.25))
        kept_alive(options, sheet, servers)
        grant = Call("etcdserverpb.Lease/LeaseGrant", message("LeaseGrantRequest")(TTL=3600), "LeaseGrant of an hour")
        requests = {"requests": options.count(LEASES)}
        samples = interleaved(servers, options.rounds, lambda server: h2load(server, grant, 100, 1, **requests))
        measure(sheet, samples, "lease grant, 5,000 by 100 x 1", h2load_text(grant, 100, 1, **requests))


def kept_alive(options, sheet, servers):
    flags = ["lease-keepalive", "--conns", 100, "--clients", options.count(LEASES), "--total",
             options.count(40_000, least=5000)]
    samples = interleaved(servers, options.rounds, lambda server: benchmark(server, *flags))
    title, command = "keep-alive of 5,000 leases by 5,000 clients on 100 connections", benchmark_text(*flags)
    sheet.add(title, "requests/s", samples, lambda r: r.json["requestsPerSecond"], command, at_least(4))
    sheet.add(f"{title}: server CPU", "us/request", samples,
              lambda r: r.json["server"]["cpuMicrosecondsPerRequest"], command, at_most(0.25))
    sheet.add(f"{title}: p99", "us", samples, lambda r: r.microseconds("99"), command)


def expiry(options, sheet):
    count = options.count(LEASES)
    with single_members(options) as servers:
        samples = interleaved(servers, 1, lambda server: expire(server, count))
    title = f"{count:,} leases with a key each, renewed together, run out"
    command = f"LeaseGrant, Put and LeaseKeepAlive of {count:,} leases of {TIME_TO_LIVE} s, a watch of their keys"
    sheet.add(f"{title}: the first key is deleted after its time", "s", samples, lambda s: s[0][0], command)
    sheet.add(f"{title}: the median key", "s", samples, lambda s: s[0][len(s[0]) // 2], command)
    sheet.add(f"{title}: the last key", "s", samples, lambda s: s[0][-1], command)
    command += f"; beside it {benchmark_text(*WRITER)}"
    for percent in ("50", "99", "slowest"):
        name = "the longest" if percent == "slowest" else f"p{percent}"
        sheet.add(f"{title}: Put of one client meanwhile, {name}", "us", samples,
                  lambda s: s[1].microseconds(percent), command)


def expire(server, count):
    """How late each key was deleted, in seconds, sorted; and the report of Puts meanwhile.

    A lease's time begins when its renewal is answered, as its client sees it.
    """
    client = Client(server.endpoint)
    gone = {}
    watch = deletions(server, gone, count)
    grant(server, range(1, count + 1))
    renewed = renew(client, range(1, count + 1))
    time.sleep(TIME_TO_LIVE - 1)
    with started(server, *WRITER) as reports:
        watch.join(timeout=60)
    client.close()
    assert len(gone) == count, f"{len(gone)} of {count} keys were deleted"
    return sorted(gone[lease] - renewed[lease] - TIME_TO_LIVE for lease in renewed), reports[0]


def deletions(server, gone, count):
    """A thread that notes when the key of each lease is deleted; it watches when this returns."""
    watching = threading.Event()
    create = message("WatchCreateRequest")(key=b"lease/", range_end=b"lease0", filters=["NOPUT"])

    def follow():
        client = Client(server.endpoint)
        over = threading.Event()

        def requests():
            yield message("WatchRequest")(create_request=create)
            over.wait()

        answers = client.stream("etcdserverpb.Watch", "Watch", requests(), "WatchRequest", "WatchResponse", timeout=120)
        for answer in answers:
            watching.set()
            for event in answer.events:
                gone[int(event.kv.key.removeprefix(b"lease/"))] = time.monotonic()
            if len(gone) == count:
                break
        over.set()
        answers.cancel()
        client.close()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    watching.wait(timeout=30)
    return thread


def grant(server, leases):
    """A lease of each of those ids with a key, 64 calls in flight."""
    client = Client(server.endpoint)

    def send(path, requests):
        call = client.channel.unary_unary(path, request_serializer=lambda m: m.SerializeToString())
        pending = []
        for request in requests:
            pending.append(call.future(request, timeout=60))
            if len(pending) == 64:
                for each in pending:
                    each.result()
                pending.clear()
        for each in pending:
            each.result()

    send("/etcdserverpb.Lease/LeaseGrant",
         (message("LeaseGrantRequest")(ID=lease, TTL=TIME_TO_LIVE) for lease in leases))
    send("/etcdserverpb.KV/Put", (message("PutRequest")(key=b"lease/%d" % lease, lease=lease) for lease in leases))
    client.close()


def renew(client, leases):
    """Keeps leases alive on one stream; when each was answered."""
    requests = (message("LeaseKeepAliveRequest")(ID=lease) for lease in leases)
    answers = client.stream(
        "etcdserverpb.Lease", "LeaseKeepAlive", requests, "LeaseKeepAliveRequest", "LeaseKeepAliveResponse", timeout=60)
    return {answer.ID: time.monotonic() for answer in answers if answer.TTL > 0}
