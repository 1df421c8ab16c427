"""The load generators: h2load where a call is one request, our `benchmark` where it is more or keeps a rate.

h2load is the more neutral of the two and has no idea of gRPC: it does not look at trailers, so each call is first
made once by a real gRPC client.
"""

import collections
import contextlib
import json
import pathlib
import re
import resource
import shlex
import signal
import struct
import subprocess
import tempfile
import time
import typing

from run import BENCHMARK, ON_LOAD_CORE

HEADERS = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
# Latencies of requests that began while connections were made do not count.
SETTLING_MICROSECONDS = 250_000


class Call(typing.NamedTuple):
    """A request, and how a row's command line describes it."""

    path: str
    request: object
    text: str

    def frame(self):
        """As gRPC puts it on the wire: compressed flag, length, bytes."""
        body = self.request.SerializeToString()
        return struct.pack(">BI", 0, len(body)) + body


class Sample(typing.NamedTuple):
    """Requests per second, server microseconds of processor per request, microseconds of the percentiles, and the
    generator's microseconds of processor per request."""

    rate: float
    cpu: float
    p50: float
    p99: float
    own: float


def h2load(target, call, connections, streams, seconds=None, requests=None, more=()):
    """`target` has an endpoint and processor time."""
    with tempfile.TemporaryDirectory() as folder:
        body, log = pathlib.Path(folder) / "body", pathlib.Path(folder) / "log"
        body.write_bytes(call.frame())
        arguments = h2load_arguments(connections, streams, seconds, requests, more)
        before, own = target.cpu_seconds(), children_seconds()
        done = subprocess.run(
            [*ON_LOAD_CORE, *arguments, f"--log-file={log}", "-d", body, *HEADERS,
             f"http://{target.endpoint}/{call.path}"], capture_output=True, text=True, check=True)
        cpu, own = target.cpu_seconds() - before, children_seconds() - own
        succeeded, unsuccessful = map(int, re.search(r"(\d+) succeeded, (\d+) failed", done.stdout).groups())
        if unsuccessful or not succeeded:
            raise RuntimeError(done.stdout)
        times = latencies(log)
    rate = float(re.search(r"([\d.]+) req/s", done.stdout).group(1))
    return Sample(rate, cpu / succeeded * 1e6, *percentiles(times), own / succeeded * 1e6)


def children_seconds():
    """Processor of the programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def h2load_arguments(connections, streams, seconds=None, requests=None, more=()):
    amount = f"-D{seconds}" if seconds else f"-n{requests}"
    return ["h2load", "-t1", amount, f"-c{connections}", f"-m{streams}", *more]


def latencies(log):
    """Of a log of h2load, sorted: lines of start, status, microseconds."""
    lines = [line.split() for line in log.read_text().splitlines()]
    settled = min(int(line[0]) for line in lines) + SETTLING_MICROSECONDS
    times = sorted(int(line[2]) for line in lines if int(line[0]) > settled)
    return times or sorted(int(line[2]) for line in lines)


def percentiles(times):
    return times[len(times) // 2], times[len(times) * 99 // 100]


def h2load_text(call, *arguments, **options):
    """The command line as a row shows it."""
    return f"{' '.join(h2load_arguments(*arguments, **options))} -d '{call.text}' http://SERVER/{call.path}"


def measure(sheet, samples, title, command, rate=None, cpu=None, p99=None, whose="server CPU"):
    """The four rows of `Sample`s, with their targets."""
    sheet.add(title, "requests/s", samples, "rate", command, rate)
    sheet.add(f"{title}: {whose}", "us/request", samples, "cpu", command, cpu)
    sheet.add(f"{title}: p50", "us", samples, "p50", command)
    sheet.add(f"{title}: p99", "us", samples, "p99", command, p99)


def benchmark_text(*arguments):
    return shlex.join(["benchmark", *map(str, arguments), "--endpoints", "SERVER"])


class Report(typing.NamedTuple):
    """What `benchmark` says, as JSON and as text."""

    json: dict
    text: str

    def microseconds(self, percent):
        """Of the first kind of operation; `percent` as a text, or "slowest"."""
        operation = self.json["operations"][0]
        return (operation[percent] if percent == "slowest" else operation["percentiles"][percent]) * 1e3

    def count(self, kind):
        """Operations of a kind that succeeded."""
        return next(operation["count"] for operation in self.json["operations"] if operation["name"] == kind)

    def section(self, title):
        """Requests per second and the percentiles in microseconds of a part of the text."""
        part = self.text.partition(f"{title}:\n")[2].partition(" summary:")[0]
        rate = float(re.search(r"Requests/sec:\s*([\d.]+)", part).group(1))
        found = re.findall(r"([\d.]+)% in ([\d.e-]+) secs", part)
        return rate, {percent: float(value) * 1e6 for percent, value in found}


@contextlib.contextmanager
def started(server, *arguments):
    """`benchmark` beside what `with` encloses, told to stop at its end; gives a list that holds the report then."""
    with tempfile.NamedTemporaryFile("r") as result:
        process = subprocess.Popen(
            [*ON_LOAD_CORE, BENCHMARK, *map(str, arguments), "--endpoints", server.endpoint, "--quiet", "--precise",
             "--json", result.name, "--pid", str(server.process.pid)], stdout=subprocess.PIPE, text=True)
        reports = []
        try:
            yield reports
        finally:
            process.send_signal(signal.SIGINT)
            text = process.communicate()[0]
        reports.append(Report(json.loads(result.read()), text))


def benchmark(server, *arguments):
    """Runs `benchmark` to its end."""
    with tempfile.NamedTemporaryFile("r") as result:
        done = subprocess.run(
            [*ON_LOAD_CORE, BENCHMARK, *map(str, arguments), "--endpoints", server.endpoint, "--quiet", "--precise",
             "--json", result.name, "--pid", str(server.process.pid)], stdout=subprocess.PIPE, text=True, check=True)
        return Report(json.loads(result.read()), done.stdout)


WRITER = ["put", "--clients", "1", "--val-size", "256", "--key-space-size", "1", "--duration", "600s"]


@contextlib.contextmanager
def lone_writer(server):
    """One client that puts all the time, from half a second before what `with` encloses until half after."""
    with started(server, *WRITER) as reports:
        time.sleep(0.5)
        yield reports
        time.sleep(0.5)


Waits = collections.namedtuple("Waits", "seconds p50 p99 slowest")


def beside_a_writer(server, action):
    """Seconds that `action` takes, and what a lone writer meanwhile waits for a Put."""
    with lone_writer(server) as reports:
        began = time.monotonic()
        action()
        seconds = time.monotonic() - began
    return Waits(seconds, *(reports[0].microseconds(each) for each in ("50", "99", "slowest")))


def add_waits(sheet, samples, what, command):
    sheet.add(what, "s", samples, "seconds", command)
    beside = f"{command}; beside it {benchmark_text(*WRITER)}"
    for field, name in (("p50", "p50"), ("p99", "p99"), ("slowest", "the longest")):
        sheet.add(f"{what}: Put of one client meanwhile, {name}", "us", samples, field, beside)
