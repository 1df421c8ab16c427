"""Requests of one message on one member."""

import dataclasses

from keyspace import GET, PUT, SERIALIZABLE, VALUE, fill, first_put, key, transactions
from loads import Call, benchmark, benchmark_text, h2load, h2load_text, measure
from rows import Target, at_least, at_most
from rpc import Client, message
from run import BOTH_CORES, interleaved, single_members

QUARTER = at_most(0.25)


@dataclasses.dataclass
class Load:
    title: str
    call: Call
    connections: int = 100
    streams: int = 10
    rate: Target | None = None
    cpu: Target | None = None
    p99: Target | None = None
    seconds: int = 2


def run_loads(options, sheet, servers, loads):
    for load in loads:
        amount = (load.connections, load.streams, options.seconds(load.seconds))
        samples = interleaved(servers, options.rounds, lambda server: h2load(server, load.call, *amount))
        title = f"{load.title}, {load.connections} x {load.streams}"
        measure(sheet, samples, title, h2load_text(load.call, *amount), load.rate, load.cpu, load.p99)


def throughput(options, sheet):
    with single_members(options) as servers:
        for server in servers.values():
            first_put(server)
        run_loads(options, sheet, servers, [
            Load("Put", PUT, rate=at_least(4), cpu=QUARTER, p99=at_most(0.5)),
            Load("linearizable Range of one key", GET, rate=at_least(4), cpu=QUARTER),
            Load("serializable Range of one key", SERIALIZABLE, rate=at_least(4), cpu=QUARTER),
            Load("Put", PUT, 1, 1, cpu=QUARTER),
            Load("linearizable Range of one key", GET, 1, 1, cpu=QUARTER),
        ])
        keys(options, sheet, servers)


def on_both_cores(options, sheet):
    """Etcd with GOMAXPROCS above 1 and ours with a loop per core, as operators run them; the load is on one of them."""
    with single_members(options, cores=BOTH_CORES) as servers:
        for server in servers.values():
            first_put(server)
        run_loads(options, sheet, servers, [
            Load("both cores: Put", PUT, 1, 1, cpu=QUARTER),
            Load("both cores: linearizable Range of one key", GET, 1, 1, cpu=QUARTER),
            Load("both cores: Put", PUT, rate=at_least(4), cpu=QUARTER, p99=at_most(0.5)),
        ])


def keys(options, sheet, servers):
    """Puts of many keys instead of one, by our own generator: the cross-check of h2load's rows."""
    flags = ["put", "--conns", 100, "--clients", 1000, "--key-size", 35, "--val-size", 256, "--key-space-size", 100_000,
             "--duration", f"{options.seconds(2)}s"]
    samples = interleaved(servers, options.rounds, lambda server: benchmark(server, *flags))
    title, command = "Put of 100,000 different keys, 1000 clients on 100 connections", benchmark_text(*flags)
    sheet.add(title, "requests/s", samples, lambda r: r.json["requestsPerSecond"], command, at_least(4))
    sheet.add(f"{title}: server CPU", "us/request", samples,
              lambda r: r.json["server"]["cpuMicrosecondsPerRequest"], command, QUARTER)
    sheet.add(f"{title}: p99", "us", samples, lambda r: r.microseconds("99"), command, at_most(0.5))
    sheet.add(f"{title}: the generator's CPU", "us/request", samples,
              lambda r: r.json["clientCPUSeconds"] * 1e6 / r.json["succeeded"], command)


def transactions_and_ranges(options, sheet):
    with single_members(options) as servers:
        revisions = {name: first_put(server) for name, server in servers.items()}
        assert len(set(revisions.values())) == 1, "both stores are new"
        known = update(revisions["ours"])
        for server in servers.values():
            client = Client(server.endpoint)
            assert client.kv("Txn", known.request).succeeded, "the condition holds"
            client.close()
        # Before the store is filled: after a burst of writes each Txn of etcd 3.4 copies a buffer as large as it.
        run_loads(options, sheet, servers, [
            Load("Txn of one put", put_transaction(), rate=at_least(4), cpu=QUARTER, p99=at_most(0.5)),
            Load("Txn: if the revision is as known put, else get", known, rate=at_least(4), cpu=QUARTER,
                 p99=at_most(0.5)),
        ])
        count = options.count(20_000)
        for server in servers.values():
            fill(server, transactions(range(count)))
        whole = message("RangeRequest")(key=key(count // 2), range_end=key(count // 2 + 1000))
        run_loads(options, sheet, servers, [
            Load("linearizable Range of 1000 keys",
                 Call("etcdserverpb.KV/Range", whole, "Range of 1000 keys of 256 bytes"), 10, 1, rate=at_least(5),
                 cpu=QUARTER, seconds=4),
        ])


def put_transaction():
    request = message("TxnRequest")()
    request.success.add(request_put=PUT.request)
    return Call("etcdserverpb.KV/Txn", request, "Txn: put bench, 256 bytes")


def update(revision):
    """The optimistic lock of Kubernetes, on the revision the key was created at.

    Kubernetes compares the revision of the last change, which no request that is always the same can know.
    """
    request = message("TxnRequest")()
    request.compare.add(key=b"bench", target="CREATE", result="EQUAL", create_revision=revision)
    request.success.add(request_put=message("PutRequest")(key=b"bench", value=VALUE))
    request.failure.add(request_range=message("RangeRequest")(key=b"bench"))
    return Call("etcdserverpb.KV/Txn", request, "Txn: if created at R put bench, 256 bytes, else Range bench")
