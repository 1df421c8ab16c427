"""Ranges of 100,000 keys by 10 clients, and reads of single keys during heavy writes."""

import dataclasses

from keyspace import fill, first_put, key, transactions
from loads import Call, benchmark, benchmark_text, h2load, h2load_text, started
from rows import at_most, ours_at_most
from rpc import message
from run import PeakMemory, interleaved, single_members

WHOLE = 100_000
WRITER = ["put", "--conns", 10, "--clients", 100, "--rate", 5000, "--key-size", 35, "--val-size", 256,
          "--key-space-size", 100_000, "--duration", "600s"]
STORM = ["put", "--conns", 10, "--clients", 100, "--key-size", 35, "--val-size", 256, "--key-space-size", 100_000,
         "--duration", "600s"]


def whole(options, sheet):
    count = options.count(WHOLE, least=1000)
    call = Call("etcdserverpb.KV/Range", message("RangeRequest")(key=key(0), range_end=key(count)),
                f"Range of {count:,} keys of 256 bytes")
    with single_members(options) as servers:
        for server in servers.values():
            fill(server, transactions(range(count)))
        # h2load takes everything at once by default; with windows of 64 KiB the server has to wait for it.
        for title, windows in (("windows of 1 GiB", ()), ("windows of 64 KiB", ("-w16", "-W16"))):
            amount = dict(connections=10, streams=1, requests=20, more=windows)
            samples = interleaved(servers, min(options.rounds, 2), lambda server: read(server, call, amount))
            command = h2load_text(call, **amount)
            title = f"Range of {count:,} keys, 10 x 1, {title}"
            sheet.add(title, "s/range", samples, lambda s: s[0].p50 / 1e6, command)
            sheet.add(f"{title}: server CPU", "ms/range", samples, lambda s: s[0].cpu / 1e3, command)
            sheet.add(f"{title}: anonymous memory more than before", "MiB", samples, lambda s: s[1] / 2**20, command,
                      ours_at_most(64))


def read(server, call, amount):
    with PeakMemory(server) as memory:
        sample = h2load(server, call, **amount)
    return sample, memory.growth


@dataclasses.dataclass
class Beside:
    """Reads, and the writes beside them."""

    p50: float
    p99: float
    writes: float


def beside_writes(options, sheet):
    flags = ["range", "bench", "--conns", 10, "--clients", 20, "--rate", 1000, "--duration",
             f"{options.seconds(3)}s"]
    with single_members(options) as servers:
        for server in servers.values():
            first_put(server)
        for title, writer in (("5,000 Puts/s", WRITER), ("Puts of 100 clients as fast as they go", STORM)):
            samples = interleaved(servers, options.rounds, lambda server: reads_beside(server, writer, flags))
            command = f"{benchmark_text(*flags)}; beside it {benchmark_text(*writer)}"
            title = f"1,000 linearizable Ranges/s of one key beside {title}"
            sheet.add(f"{title}: p50", "us", samples, "p50", command)
            sheet.add(f"{title}: p99", "us", samples, "p99", command, at_most(0.5))
            sheet.add(f"{title}: Puts meanwhile", "requests/s", samples, "writes", command)
        scan(options, sheet, servers)


def reads_beside(server, writer, flags):
    with started(server, *writer) as reports:
        reads = benchmark(server, *flags)
    return Beside(reads.microseconds("50"), reads.microseconds("99"), reports[0].json["requestsPerSecond"])


def scan(options, sheet, servers):
    """Who reads or writes one key while others read 100,000."""
    count = options.count(WHOLE, least=1000)
    large = Call("etcdserverpb.KV/Range", message("RangeRequest")(key=key(0), range_end=key(count)),
                 f"Range of {count:,} keys of 256 bytes")
    flags = ["--conns", 1, "--clients", 1, "--val-size", 256, "--key-space-size", 1, "--duration", "600s"]
    for server in servers.values():
        fill(server, transactions(range(count)))
    amount = dict(connections=2, streams=1, requests=10)
    for name, small in (("Put", ["put", *flags]), ("Range of one key", ["range", "bench", *flags[:4], *flags[-2:]])):
        samples = interleaved(servers, min(options.rounds, 2), lambda each: small_beside(each, small, large, amount))
        command = f"{benchmark_text(*small)}; beside it {h2load_text(large, **amount)}"
        sheet.add(f"{name} of one client beside Ranges of {count:,} keys, 2 x 1: p99", "us", samples,
                  lambda r: r.microseconds("99"), command)


def small_beside(server, small, large, amount):
    with started(server, *small) as reports:
        h2load(server, large, **amount)
    return reports[0]
