"""Ours beside what bounds it: the disk, loopback, HTTP/2. Etcd is measured against the same limits."""

import collections
import contextlib
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

from floors import disk_sync, received_and_synced, round_trip
from keyspace import GET, PUT, VALUE, fill, first_put, key, transactions
from loads import Call, h2load, h2load_text
from rows import at_least, at_most
from rpc import Client, message
from run import ON_SERVER_CORE, interleaved, metric, single_members
from servers import free_ports

# What two C programs take of a core for what a store does to each Put, added up: an answer of nghttpd (of a file of one
# byte), and receiving the Put's bytes and writing them as log and database. No hard limit, as one may answer quicker,
# but a measure of how far half of dd is away.
SERVED = "an answer of nghttpd, and received and written twice"
# What this machine's disk takes when all that arrives goes to it twice, as to a log and a B-tree, and hardly any
# processor is needed; and how many Puts the generator could send with all of its core, were the server for nothing.
DISK = "received, and written twice past the page cache"
ASKED = "as many as h2load can ask with its core"


def lone(options, sheet):
    """One client with one request at a time: medians, for now and then the disk takes long for both sides."""
    with single_members(options) as servers:
        for server in servers.values():
            first_put(server)
        samples = collections.defaultdict(list)
        amount = (1, 1, options.seconds(2))
        for _ in range(options.rounds):
            for name, floor in (("disk", disk_sync(servers["ours"].data)), ("loopback", round_trip())):
                samples[name].append(floor.value)
                samples[f"{name} cpu"].append(floor.cpu)
            for call, kind in ((PUT, "put"), (GET, "get")):
                for name, server in servers.items():
                    sample = h2load(server, call, *amount)
                    samples[f"{name} {kind}"].append(sample.p50)
                    samples[f"{name} {kind} cpu"].append(sample.cpu)
    for tail in ("", " cpu"):
        samples[f"limit{tail}"] = [sum(pair) for pair in zip(samples[f"disk{tail}"], samples[f"loopback{tail}"])]
    command = f"{h2load_text(PUT, *amount)}; floors sync FOLDER 2000; floors echo 300; floors ask PORT 300 5000"
    limit, echo = "fdatasync + loopback", "an echo"

    def against(what, ours, other, beside, target=None):
        sheet.add(what, "us", {"ours": samples[ours], beside: samples[other]}, float, command, target, beside)

    against("Put, 1 x 1, p50", "ours put", "limit", limit, at_most(1.5))
    against("etcd's Put, 1 x 1, p50", "etcd put", "limit", limit)
    against("Put, 1 x 1, p50", "ours put", "disk", "pwrite + fdatasync alone")
    against("linearizable Range, 1 x 1, p50", "ours get", "loopback", echo)
    against("Put, 1 x 1: server CPU", "ours put cpu", "limit cpu", limit)
    against("etcd's Put, 1 x 1: server CPU", "etcd put cpu", "limit cpu", limit)
    against("linearizable Range, 1 x 1: server CPU", "ours get cpu", "loopback cpu", echo)
    against("etcd's linearizable Range, 1 x 1: server CPU", "etcd get cpu", "loopback cpu", echo)


def log_rate(options, sheet):
    """Bytes of the log per second at 1,000 clients, beside dd with blocks as large as the log's batches."""
    for size in (256, 4096, 32_768):
        # A new member each time, so that dd and the log find the disk alike.
        with single_members(options) as servers, contextlib.ExitStack() as stack:
            server = servers["ours"]
            files = stack.enter_context(file_server(1))
            call = Call("etcdserverpb.KV/Put", message("PutRequest")(key=b"bench", value=bytes(VALUE) * (size // 256)),
                        f"Put bench, {size} bytes")
            first_put(server)
            amount = (100, 10, options.seconds(3))
            samples = {"ours": [], "dd": [], SERVED: [], DISK: [], ASKED: []}
            for _ in range(options.rounds):
                rate, batch, record, own = logged(server, call, amount)
                samples["ours"].append(rate)
                samples[ASKED].append(record / own)
                samples["dd"].append(synced_copy(server.data, batch))
                answers = h2load(files, ONE_FILE, *amount).rate
                received = received_and_synced(server.data, batch, amount[2]).value
                samples[SERVED].append(record / (1 / answers + record / received) / 1e6)
                samples[DISK].append(received_and_synced(server.data, batch, amount[2], True).value / 1e6)
        what = f"log, Puts of {size:,} bytes by 1,000 clients (batches of {batch / 1024:,.0f} KiB)"
        command = (f"{h2load_text(call, *amount)}; dd if=/dev/zero of=ZEROS bs={batch} oflag=dsync conv=notrunc; "
                   f"the same of http://NGHTTPD/file, 1 byte; floors log FOLDER {batch} {amount[2]} [past]; "
                   f"floors pour PORT; a Put logs {record:.0f} bytes")
        sheet.add(what, "MB/s", samples, float, command, at_least(0.5), beside="dd")
        sheet.add(what, "MB/s", samples, float, command, beside=SERVED)
        for limit in (SERVED, DISK, ASKED):
            sheet.add(f"{limit}, beside dd (blocks of {batch / 1024:,.0f} KiB)", "MB/s",
                      {"ours": samples[limit], "dd": samples["dd"]}, float, command, beside="dd")


def logged(server, call, amount):
    """MB/s; the bytes of a batch, which is what was written between two syncs; the bytes a Put adds; the generator's
    microseconds of processor for a Put."""
    names = ("etcd_disk_wal_write_bytes_total", "etcd_disk_wal_fsync_duration_seconds_count")
    before = [metric(server, name) for name in names]
    load = h2load(server, call, *amount)
    puts = load.rate * amount[2]
    time.sleep(1.1)  # The server publishes its counts once per second.
    written, syncs = (metric(server, name) - old for name, old in zip(names, before))
    return written / amount[2] / 1e6, max(512, round(written / max(syncs, 1))), written / puts, load.own


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


ONE_FILE = Call("file", message("RangeRequest")(), "")


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
    paths = {target: ONE_FILE if name == "nghttpd" else call
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
