"""Servers of both kinds on one core, and rounds that are interleaved between them.

Server and load have a core each, so that what is compared is work and not luck with cores. Medians of rounds by
turns are compared, because machines are noisy.
"""

import contextlib
import dataclasses
import pathlib
import re
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests/Acceptance"))

from clusters import Cluster  # noqa: E402
from servers import REAL, REPOSITORY, Server  # noqa: E402

SERVER_CORE, LOAD_CORE = "0", "1"
BOTH_CORES = f"{SERVER_CORE},{LOAD_CORE}"
ON_SERVER_CORE = ["taskset", "-c", SERVER_CORE]
ON_LOAD_CORE = ["taskset", "-c", LOAD_CORE]
FLAGS = ["--quota-backend-bytes=8589934592", "--log-level=error"]
BENCHMARK = str(REPOSITORY / ".build/release/benchmark")
RESULTS = REPOSITORY / "Benchmarks/RESULTS.md"
ROWS = REPOSITORY / ".build/compare"


@dataclasses.dataclass
class Options:
    ours: str = str(REPOSITORY / ".build/release/etcd")
    etcd: str = REAL
    rounds: int = 3
    # Of every amount and duration, to try the program itself.
    scale: float = 1.0

    def count(self, number, least=100):
        return max(min(number, least), int(number * self.scale))

    def seconds(self, number):
        return max(1, round(number * self.scale))

    def binaries(self):
        return {"ours": self.ours, "etcd": self.etcd}


def interleaved(targets, rounds, sample):
    """A sample of each target per round; who is first changes."""
    samples = {name: [] for name in targets}
    for turn in range(rounds):
        for name in list(targets)[::-1 if turn % 2 else 1]:
            samples[name].append(sample(targets[name]))
    return samples


@contextlib.contextmanager
def single_members(options, *flags, cores=SERVER_CORE):
    """A member of each kind, in empty folders of the same disk."""
    servers = {name: Server(binary, *FLAGS, *flags) for name, binary in options.binaries().items()}
    with contextlib.ExitStack() as stack:
        for server in servers.values():
            stack.callback(server.remove)
        for server in servers.values():
            start(server, cores)
        yield servers
        for server in servers.values():
            check_calls(server)


def start(server, cores=SERVER_CORE):
    server.start(prefix=["taskset", "-c", cores])


class Clustered:
    """One member to talk to, with the processor time of its whole cluster."""

    def __init__(self, cluster, member):
        self.cluster = cluster
        self.endpoint = member.endpoint

    def cpu_seconds(self):
        return sum(each.cpu_seconds() for each in self.cluster.running)


@contextlib.contextmanager
def three_members(options):
    """A cluster of each kind, all members on the servers' core."""
    clusters = {}
    with contextlib.ExitStack() as stack:
        for name, binary in options.binaries().items():
            cluster = Cluster(*FLAGS, binary=binary)
            for each in cluster.members:
                each.prefix = ON_SERVER_CORE
            clusters[name] = stack.enter_context(cluster)
        yield clusters
        for cluster in clusters.values():
            check_calls(cluster.leader())


class PeakMemory:
    """The most anonymous memory of a server while `with` lasts, in bytes, looked at every 10 ms."""

    def __init__(self, server):
        self.server = server
        self.before = self.peak = server.memory()[0]
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.over.wait(0.01):
            self.peak = max(self.peak, self.server.memory()[0])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    @property
    def growth(self):
        return self.peak - self.before


def metric(server, name):
    """The value of a metric without labels."""
    found = re.search(rf"^{name} (\S+)$", server.get("/metrics")[1], re.M)
    return float(found.group(1)) if found else 0.0


def check_calls(server):
    """Fails if more than one call in a thousand did: h2load sees no status of gRPC.

    Calls that were in flight when a load ended are cancelled (etcd calls some of them unknown); a stream that ends
    so is unavailable to etcd, and is not looked at.
    """
    handled, failed = 0, {}
    for line in re.findall(r'^grpc_server_handled_total.*grpc_type="unary".*', server.get("/metrics")[1], re.M):
        count, code = float(line.rpartition(" ")[2]), re.search(r'grpc_code="(\w+)"', line).group(1)
        handled += count
        if code not in ("OK", "Canceled", "Unknown") and count:
            failed[code] = failed.get(code, 0) + count
    if sum(failed.values()) > handled / 1000:
        raise RuntimeError(f"{server.binary}: of {handled:,.0f} calls failed {failed}")
