#!/usr/bin/env python3
"""Our etcd beside Debian's in one run: h2load on one core, the server on the other, ratios at the end.

    tools/benchmark [--ours PATH] [--etcd PATH] [--keys 1000000] [--rounds 3]
                    [--only tail|compaction|throughput|lone|in-order|random-order]

Rounds of the two servers are interleaved and the medians compared, because machines are noisy.
h2load does not look at trailers, so each target is first asked once by a real gRPC client.
"""

import argparse
import collections
import itertools
import os
import pathlib
import random
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Tests/Acceptance"))

from rpc import Client, message  # noqa: E402
from servers import REAL, REPOSITORY, Server  # noqa: E402

SERVER_CORE, CLIENT_CORE = "0", "1"
VALUE = bytes(range(256))
PREFIX = b"/registry/pods/ns/pod-"


def key(number):
    return PREFIX + b"%010d" % number


def frame(request):
    """The request as gRPC puts it on the wire: compressed flag, length, bytes."""
    body = request.SerializeToString()
    return struct.pack(">BI", 0, len(body)) + body


def h2load(server, method, request, connections, streams, requests):
    """Requests per second and server microseconds of CPU per request."""
    with tempfile.NamedTemporaryFile() as body:
        body.write(frame(request))
        body.flush()
        before, started = server.cpu_seconds(), time.monotonic()
        done = subprocess.run(
            ["taskset", "-c", CLIENT_CORE, "h2load", "-t1", f"-n{requests}", f"-c{connections}", f"-m{streams}",
             "-d", body.name, "-H", "content-type: application/grpc", "-H", "te: trailers",
             f"http://{server.endpoint}/etcdserverpb.KV/{method}"],
            capture_output=True, text=True, check=True)
        elapsed = time.monotonic() - started
        cpu = server.cpu_seconds() - before
    succeeded = int(re.search(r"(\d+) succeeded", done.stdout).group(1))
    assert succeeded == requests, done.stdout
    return requests / elapsed, cpu / requests * 1e6


def transactions(order):
    """The keys of those numbers with 256-byte values, 100 to an encoded transaction."""
    encoded = []
    for start in range(0, len(order), 100):
        request = message("TxnRequest")()
        for number in order[start:start + 100]:
            request.success.add(request_put=message("PutRequest")(key=key(number), value=VALUE))
        encoded.append(request.SerializeToString())
    return encoded


def load(server, encoded):
    """Sends encoded transactions, 64 in flight."""
    client = Client(server.endpoint)
    txn = client.channel.unary_unary(
        "/etcdserverpb.KV/Txn", request_serializer=lambda b: b, response_deserializer=lambda b: b)
    pending = collections.deque()
    for request in encoded:
        pending.append(txn.future(request, timeout=120))
        if len(pending) > 64:
            pending.popleft().result()
    for each in pending:
        each.result()
    client.close()


class Run:
    """Two servers of the same settings, and the rows measured on them."""

    def __init__(self, arguments, rows, *more):
        self.rows = rows
        self.rounds = arguments.rounds
        flags = ["--quota-backend-bytes=8589934592", "--log-level=error", *more]
        self.servers = {"ours": Server(arguments.ours, *flags), "etcd": Server(arguments.etcd, *flags)}

    def __enter__(self):
        for server in self.servers.values():
            self.start(server)
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            server.remove()

    def start(self, server):
        server.start(prefix=["taskset", "-c", SERVER_CORE])

    def row(self, what, function):
        values = [function(server) for server in self.servers.values()]
        self.rows.append((what, *values))
        print(self.rows[-1], flush=True)

    def measure(self, title, method, request, connections, streams, requests):
        samples = {name: [] for name in self.servers}
        for _ in range(self.rounds):
            for name, server in self.servers.items():
                samples[name].append(h2load(server, method, request, connections, streams, requests))
        for column, unit in ((0, "requests/s"), (1, "server CPU us/request")):
            medians = [statistics.median(each[column] for each in samples[name]) for name in self.servers]
            self.rows.append((f"{title}: {unit}", *medians))
            print(self.rows[-1], flush=True)


def throughput(run):
    put = message("PutRequest")(key=b"bench", value=VALUE)
    get = message("RangeRequest")(key=b"bench")
    serializable = message("RangeRequest")(key=b"bench", serializable=True)
    for server in run.servers.values():
        client = Client(server.endpoint)
        client.kv("Put", put)
        assert client.kv("Range", get).kvs[0].value == VALUE
        client.close()
    run.measure("Put 100x10", "Put", put, 100, 10, 60000)
    run.measure("Put 1x1", "Put", put, 1, 1, 2000)
    run.measure("Range 100x10", "Range", get, 100, 10, 60000)
    run.measure("Range 1x1", "Range", get, 1, 1, 4000)
    run.measure("Range serializable 100x10", "Range", serializable, 100, 10, 60000)


def median_microseconds(count, action):
    """How long one call takes."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        action()
        times.append((time.perf_counter() - began) * 1e6)
    return statistics.median(times)


def raw_write(folder):
    """Microseconds of what no Put can do without: a pwrite of its record and an fdatasync, in a file of zeros."""
    path = pathlib.Path(folder) / "raw"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(descriptor, bytes(4 << 20), 0)
        os.fsync(descriptor)
        offsets = itertools.count(0, 384)

        def write():
            os.pwrite(descriptor, VALUE + bytes(128), next(offsets))
            os.fdatasync(descriptor)

        return median_microseconds(2000, write)
    finally:
        os.close(descriptor)
        path.unlink()


def round_trip():
    """Microseconds of a byte over loopback TCP to the server's core and back."""
    program = (
        "import socket\n"
        "with socket.create_server(('127.0.0.1', 0)) as listener:\n"
        "    print(listener.getsockname()[1], flush=True)\n"
        "    peer = listener.accept()[0]\n"
        "    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)\n"
        "    while data := peer.recv(64): peer.sendall(data)\n")
    echo = subprocess.Popen(
        ["taskset", "-c", SERVER_CORE, sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    with socket.create_connection(("127.0.0.1", int(echo.stdout.readline()))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        os.sched_setaffinity(0, {int(CLIENT_CORE)})

        def ask():
            connection.sendall(b"x")
            connection.recv(64)

        time_taken = median_microseconds(5000, ask)
    os.sched_setaffinity(0, range(os.cpu_count()))
    echo.wait()
    return time_taken


def lone(run):
    """One client with one request at a time, and what bounds it: a disk write, a round trip."""
    put = message("PutRequest")(key=b"bench", value=VALUE)
    get = message("RangeRequest")(key=b"bench")
    for server in run.servers.values():
        client = Client(server.endpoint)
        client.kv("Put", put)
        client.close()
    disk, network = raw_write(run.servers["ours"].data), round_trip()
    run.rows.append(("pwrite + fdatasync alone: us", disk, disk))
    run.rows.append(("a byte over loopback and back: us", network, network))
    for row in run.rows[-2:]:
        print(row, flush=True)
    run.measure("Put 1x1", "Put", put, 1, 1, 2000)
    run.measure("Range 1x1", "Range", get, 1, 1, 8000)


def latencies(server, requests=100_000):
    """p50 and p99 in microseconds of Puts by 100 clients, while snapshots, flushes and compactions run."""
    stop = threading.Event()

    def compact():
        client = Client(server.endpoint)
        while not stop.wait(0.5):
            revision = client.kv("Range", message("RangeRequest")(key=b"bench", serializable=True)).header.revision
            client.compact(revision - 1)
        client.close()

    compactor = threading.Thread(target=compact)
    compactor.start()
    with tempfile.NamedTemporaryFile() as body, tempfile.TemporaryDirectory() as folder:
        body.write(frame(message("PutRequest")(key=b"bench", value=VALUE)))
        body.flush()
        log = pathlib.Path(folder) / "log"
        subprocess.run(
            ["taskset", "-c", CLIENT_CORE, "h2load", "-t1", f"-n{requests}", "-c100", "-m1", f"--log-file={log}",
             "-d", body.name, "-H", "content-type: application/grpc", "-H", "te: trailers",
             f"http://{server.endpoint}/etcdserverpb.KV/Put"], capture_output=True, text=True, check=True)
        times = sorted(int(line.split()[2]) for line in log.read_text().splitlines())
    stop.set()
    compactor.join()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def tail(run):
    """p99 beside p50 with everything running that runs in the background."""
    encoded = transactions(range(50_000))
    for server in run.servers.values():
        load(server, encoded)
    samples = {name: [] for name in run.servers}
    for _ in range(run.rounds):
        for name, server in run.servers.items():
            p50, p99 = latencies(server)
            samples[name].append((p50, p99, p99 / p50))
            print(f"{name}: p50 {p50} us, p99 {p99} us, {p99 / p50:.2f}", flush=True)
    for column, what in enumerate(("p50 us", "p99 us", "p99 / p50")):
        medians = [statistics.median(each[column] for each in samples[name]) for name in run.servers]
        run.rows.append((f"Put 100x1 under snapshots, compaction, flushes: {what}", *medians))


def stalls(server, requests):
    """Seconds a compaction of all but the newest revisions takes, and the p50, p99 and maximum in microseconds of
    the Puts of one client meanwhile."""
    client = Client(server.endpoint)
    revision = client.kv("Range", message("RangeRequest")(key=b"bench", serializable=True)).header.revision
    done = []

    def compact():
        began = time.monotonic()
        request = message("CompactionRequest")(revision=revision, physical=True)
        client.unary("etcdserverpb.KV", "Compact", request, response="CompactionResponse", timeout=300)
        done.append(time.monotonic() - began)

    compactor = threading.Thread(target=compact)
    times = []
    put = message("PutRequest")(key=b"bench", value=VALUE)
    writer = Client(server.endpoint)
    writer.kv("Put", put)
    compactor.start()
    while compactor.is_alive() or len(times) < requests:
        began = time.perf_counter()
        writer.kv("Put", put)
        times.append((time.perf_counter() - began) * 1e6)
    compactor.join()
    client.close()
    writer.close()
    times.sort()
    return done[0], times[len(times) // 2], times[len(times) * 99 // 100], times[-1]


def compaction(run):
    """A compaction of 500,000 superseded revisions beside Puts of one client."""
    encoded = [each for _ in range(500) for each in transactions(range(1000))]
    for name, server in run.servers.items():
        load(server, encoded)
        time.sleep(2)
        print(f"{name}: loaded", flush=True)
    samples = []
    for name, server in run.servers.items():
        samples.append(stalls(server, 1000))
        print(name, samples[-1], flush=True)
    for column, what in enumerate(("seconds", "Put p50 us meanwhile", "Put p99 us meanwhile", "Put max us meanwhile")):
        run.rows.append((f"compaction of 500,000 revisions: {what}", samples[0][column], samples[1][column]))
        print(run.rows[-1], flush=True)


def restart_seconds(run, server):
    server.stop()
    began = time.monotonic()
    run.start(server)
    return time.monotonic() - began


def large_store(run, title, order):
    encoded = transactions(order)
    for name, server in run.servers.items():
        began = time.monotonic()
        load(server, encoded)
        print(f"{name}: loaded in {time.monotonic() - began:.0f} s", flush=True)
    del encoded
    time.sleep(3)
    what = f"{len(order)} keys written {title}"
    run.row(f"anonymous MiB, {what}", lambda s: s.memory()[0] / 2**20)
    run.row(f"mapped file MiB, {what}", lambda s: s.memory()[1] / 2**20)
    first, last = key(len(order) // 2), key(len(order) // 2 + 1000)
    whole = message("RangeRequest")(key=first, range_end=last)
    run.measure(f"Range of 1000, {what}", "Range", whole, 10, 1, 1000)
    # A page of a long list, as an apiserver reads it; etcd counts the whole rest for each.
    page = message("RangeRequest")(key=first, range_end=PREFIX[:-1] + b".", limit=500)
    run.measure(f"page of 500, {what}", "Range", page, 10, 1, 60)
    run.row(f"restart seconds, {what}", lambda s: restart_seconds(run, s))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", default=str(REPOSITORY / ".build/release/etcd"))
    parser.add_argument("--etcd", default=REAL)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["tail", "compaction", "throughput", "lone", "in-order", "random-order"])
    arguments = parser.parse_args()
    rows = []
    if arguments.only in (None, "tail"):
        with Run(arguments, rows, "--snapshot-count=20000") as run:
            tail(run)
    if arguments.only in (None, "compaction"):
        with Run(arguments, rows) as run:
            compaction(run)
    if arguments.only in (None, "throughput"):
        with Run(arguments, rows) as run:
            throughput(run)
    if arguments.only in (None, "lone"):
        with Run(arguments, rows) as run:
            lone(run)
    numbers = list(range(arguments.keys))
    if arguments.only in (None, "in-order"):
        with Run(arguments, rows) as run:
            large_store(run, "in order", numbers)
    if arguments.only in (None, "random-order"):
        random.Random(1).shuffle(numbers)
        with Run(arguments, rows) as run:
            large_store(run, "in random order", numbers)
    print("\n| what | ours | etcd | ours / etcd |\n|---|---|---|---|")
    for what, ours, etcd in rows:
        print(f"| {what} | {ours:,.1f} | {etcd:,.1f} | {ours / etcd:.2f} |")


if __name__ == "__main__":
    main()
