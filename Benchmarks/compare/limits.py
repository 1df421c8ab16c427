"""Ours beside what bounds it: the disk, loopback, HTTP/2. Etcd is measured against the same limits."""

import contextlib
import itertools
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from keyspace import GET, PUT, VALUE, fill, first_put, key, transactions
from loads import Call, h2load, h2load_text
from rows import at_least, at_most
from rpc import Client, message
from run import LOAD_CORE, ON_SERVER_CORE, interleaved, metric, single_members
from servers import free_ports


def median_microseconds(count, action):
    times = []
    for _ in range(count):
        began = time.perf_counter()
        action()
        times.append((time.perf_counter() - began) * 1e6)
    return statistics.median(times)


def disk_sync(folder, count=2000):
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

        return median_microseconds(count, write)
    finally:
        os.close(descriptor)
        path.unlink()


ECHO = """
import socket
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    peer = listener.accept()[0]
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := peer.recv(64): peer.sendall(data)
"""


def round_trip(count=5000):
    """Microseconds of a byte over loopback TCP to the servers' core and back."""
    echo = subprocess.Popen([*ON_SERVER_CORE, sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True)
    cores = os.sched_getaffinity(0)
    with socket.create_connection(("127.0.0.1", int(echo.stdout.readline()))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        os.sched_setaffinity(0, {int(LOAD_CORE)})

        def ask():
            connection.sendall(b"x")
            connection.recv(64)

        taken = median_microseconds(count, ask)
    os.sched_setaffinity(0, cores)
    echo.wait()
    return taken


def lone(options, sheet):
    """One client with one request at a time: medians, for now and then the disk takes long for both sides."""
    with single_members(options) as servers:
        for server in servers.values():
            first_put(server)
        folder = servers["ours"].data
        samples = {name: [] for name in ("ours", "etcd", "limit", "read", "disk", "loopback")}
        amount = (1, 1, options.seconds(2))
        for _ in range(options.rounds):
            disk, loopback = disk_sync(folder), round_trip()
            samples["disk"].append(disk)
            samples["loopback"].append(loopback)
            samples["limit"].append(disk + loopback)
            for name, server in servers.items():
                samples[name].append(h2load(server, PUT, *amount).p50)
            samples["read"].append(h2load(servers["ours"], GET, *amount).p50)
    command = f"{h2load_text(PUT, *amount)}; pwrite of 384 bytes and fdatasync, 2000 times; a byte echoed, 5000 times"
    limit = "fdatasync + loopback"

    def against(what, ours, other, target=None, beside=limit):
        sheet.add(what, "us", {"ours": samples[ours], beside: samples[other]}, float, command, target, beside)

    against("Put, 1 x 1, p50", "ours", "limit", at_most(1.5))
    against("etcd's Put, 1 x 1, p50", "etcd", "limit")
    against("Put, 1 x 1, p50", "ours", "disk", beside="pwrite + fdatasync alone")
    against("linearizable Range, 1 x 1, p50", "read", "loopback", beside="a byte echoed alone")


def log_rate(options, sheet):
    """Bytes of the log per second at 1,000 clients, beside dd with blocks as large as the log's batches."""
    for size in (256, 4096, 32_768):
        # A new member each time, so that dd and the log find the disk alike.
        with single_members(options) as servers:
            server = servers["ours"]
            call = Call("etcdserverpb.KV/Put", message("PutRequest")(key=b"bench", value=bytes(VALUE) * (size // 256)),
                        f"Put bench, {size} bytes")
            first_put(server)
            amount = (100, 10, options.seconds(3))
            samples = {"ours": [], "dd": []}
            for _ in range(options.rounds):
                rate, batch = logged(server, call, amount)
                samples["ours"].append(rate)
                samples["dd"].append(synced_copy(server.data, batch))
        sheet.add(f"log, Puts of {size:,} bytes by 1,000 clients (batches of {batch / 1024:,.0f} KiB)", "MB/s", samples,
                  float, f"{h2load_text(call, *amount)}; dd if=/dev/zero of=ZEROS bs={batch} oflag=dsync conv=notrunc",
                  at_least(0.5), beside="dd")


def logged(server, call, amount):
    """MB/s, and the bytes of a batch: what was written between two syncs."""
    names = ("etcd_disk_wal_write_bytes_total", "etcd_disk_wal_fsync_duration_seconds_count")
    before = [metric(server, name) for name in names]
    h2load(server, call, *amount)
    time.sleep(1.1)  # The server publishes its counts once per second.
    written, syncs = (metric(server, name) - old for name, old in zip(names, before))
    return written / amount[2] / 1e6, max(512, round(written / max(syncs, 1)))


def synced_copy(folder, block):
    """MB/s of dd into a file that is there already, as the log's segments are."""
    count = max(20, min(2000, (256 << 20) // block))
    path = pathlib.Path(folder) / "zeros"
    subprocess.run(["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={block * count // 2**20 + 1}", "conv=fsync"],
                   capture_output=True, check=True)
    done = subprocess.run(
        [*ON_SERVER_CORE, "dd", "if=/dev/zero", f"of={path}", f"bs={block}", f"count={count}", "oflag=dsync",
         "conv=notrunc"], capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"})
    path.unlink()
    seconds = float(re.search(r"copied, ([\d.e-]+) s", done.stderr).group(1))
    return block * count / seconds / 1e6


class FileServer:
    """nghttpd with one file on the servers' core: HTTP/2 and nothing else."""

    def __init__(self, folder, port):
        self.endpoint = f"127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [*ON_SERVER_CORE, "nghttpd", "--no-tls", f"--htdocs={folder}", str(port)], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < deadline:
            time.sleep(0.02)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def file_server(size):
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "file").write_bytes(os.urandom(1 << 20) * (size >> 20) + bytes(size % (1 << 20)))
        server = FileServer(folder, *free_ports(1))
        try:
            yield server
        finally:
            server.process.terminate()
            server.process.wait()


def large_range(options, sheet):
    """Megabytes per second of a Range beside a file of the same size from nghttpd."""
    for count, bytes_of_value in ((options.count(100_000, least=10_000), 256), (options.count(30_000), 1024)):
        request = message("RangeRequest")(key=key(0), range_end=key(count))
        call = Call("etcdserverpb.KV/Range", request, f"Range of {count:,} keys of {bytes_of_value} bytes")
        with contextlib.ExitStack() as stack:
            servers = stack.enter_context(single_members(options))
            for server in servers.values():
                fill(server, transactions(range(count), VALUE * (bytes_of_value // 256)))
            client = Client(servers["ours"].endpoint)
            size = 5 + client.kv("Range", request).ByteSize()
            client.close()
            beside_files(options, sheet, {**servers, "nghttpd": stack.enter_context(file_server(size))}, call, size)


def beside_files(options, sheet, targets, call, size):
    paths = {target: Call("file", message("RangeRequest")(), "") if name == "nghttpd" else call
             for name, target in targets.items()}
    for connections in (1, 10):
        amount = dict(connections=connections, streams=1, requests=20)
        samples = interleaved(targets, options.rounds, lambda target: h2load(target, paths[target], **amount))
        add_bytes(sheet, samples, f"{call.text}, {connections} x 1", size / 1e6,
                  f"{h2load_text(call, **amount)}; the same of http://NGHTTPD/file, {size:,} bytes")


def add_bytes(sheet, samples, title, megabytes, command):
    sheet.add(title, "MB/s", samples, lambda s: s.rate * megabytes, command, at_least(0.5), beside="nghttpd")
    sheet.add(f"{title}: server CPU", "ms/MB", samples, lambda s: s.cpu / 1e3 / megabytes, command, beside="nghttpd")
    sheet.add(title, "MB/s", samples, lambda s: s.rate * megabytes, command)
