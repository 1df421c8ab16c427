#!/usr/bin/env python3
"""Three members of ours beside three of Debian's etcd in one run, with ratios at the end.

    tools/benchmark clusters [--ours PATH] [--etcd PATH] [--rounds 3]

All members share one core and h2load has the other, so that what is compared is work, not luck with cores. Rounds are
interleaved and medians compared. CPU is that of all members together.
"""

import argparse
import contextlib
import pathlib
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Tests/Acceptance"))

from clusters import Cluster  # noqa: E402
from compare_h2load import CLIENT_CORE, SERVER_CORE, VALUE, frame, h2load  # noqa: E402
from rpc import message  # noqa: E402
from servers import REAL, REPOSITORY  # noqa: E402


class Target:
    """One member to talk to, with the CPU time of its whole cluster: what `h2load` needs of a server."""

    def __init__(self, cluster, member):
        self.cluster = cluster
        self.endpoint = member.endpoint

    def cpu_seconds(self):
        return sum(each.cpu_seconds() for each in self.cluster.running)


def percentiles(target, requests, connections=100, streams=10):
    """p50 and p99 in microseconds."""
    with tempfile.NamedTemporaryFile() as body, tempfile.TemporaryDirectory() as folder:
        body.write(frame(message("PutRequest")(key=b"bench", value=VALUE)))
        body.flush()
        log = pathlib.Path(folder) / "log"
        subprocess.run(
            ["taskset", "-c", CLIENT_CORE, "h2load", "-t1", f"-n{requests}", f"-c{connections}", f"-m{streams}",
             f"--log-file={log}", "-d", body.name, "-H", "content-type: application/grpc", "-H", "te: trailers",
             f"http://{target.endpoint}/etcdserverpb.KV/Put"], capture_output=True, text=True, check=True)
        times = sorted(int(line.split()[2]) for line in log.read_text().splitlines())
    return times[len(times) // 2], times[len(times) * 99 // 100]


def catch_up(cluster, put, entries=100_000):
    """Puts per second on the leader with a follower down, and while that one makes up for `entries`.

    The follower has the client's core, so that its own work does not count against the leader.
    """
    leader = cluster.leader()
    target = Target(cluster, leader)
    lagging = cluster.followers()[0]
    lagging.kill()
    h2load(target, "Put", put, 100, 10, entries)
    before = h2load(target, "Put", put, 100, 10, 20_000)[0]
    lagging.prefix = ["taskset", "-c", CLIENT_CORE]
    lagging.start(wait=False)
    during = h2load(target, "Put", put, 100, 10, 20_000)[0]
    lagging.wait_until_healthy()
    cluster.assert_equal_hashes()
    return before, during


class Comparison:
    def __init__(self, clusters, rounds):
        self.clusters = clusters
        self.rounds = rounds
        self.rows = []

    def measure(self, titles, sample):
        """`sample(name, cluster)` gives one value per title; medians of interleaved rounds."""
        samples = {name: [] for name in self.clusters}
        for _ in range(self.rounds):
            for name, cluster in self.clusters.items():
                samples[name].append(sample(cluster))
        for column, title in enumerate(titles):
            ours, etcd = (statistics.median(each[column] for each in samples[name]) for name in self.clusters)
            self.rows.append((title, ours, etcd))
            print(self.rows[-1], flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", default=str(REPOSITORY / ".build/release/etcd"))
    parser.add_argument("--etcd", default=REAL)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=30_000)
    arguments = parser.parse_args()
    flags = ["--quota-backend-bytes=8589934592", "--log-level=error"]
    put = message("PutRequest")(key=b"bench", value=VALUE)
    get = message("RangeRequest")(key=b"bench")
    count = arguments.requests
    with contextlib.ExitStack() as stack:
        clusters = {}
        for name, binary in (("ours", arguments.ours), ("etcd", arguments.etcd)):
            cluster = Cluster(*flags, binary=binary)
            for each in cluster.members:
                each.prefix = ["taskset", "-c", SERVER_CORE]
            clusters[name] = stack.enter_context(cluster)
            client = cluster.leader().client()
            client.kv("Put", put)
            client.close()
        run = Comparison(clusters, arguments.rounds)

        def leader(cluster):
            return Target(cluster, cluster.leader())

        def follower(cluster):
            return Target(cluster, cluster.followers()[0])

        unit = ("requests/s", "CPU of all members us/request")
        run.measure([f"Put on the leader 100x10: {each}" for each in unit],
                    lambda c: h2load(leader(c), "Put", put, 100, 10, count))
        run.measure([f"Put on a follower 100x10: {each}" for each in unit],
                    lambda c: h2load(follower(c), "Put", put, 100, 10, count))
        run.measure([f"Put on the leader 100x10: {each} us" for each in ("p50", "p99")],
                    lambda c: percentiles(leader(c), count))
        run.measure([f"linearizable Range on a follower 100x10: {each}" for each in unit],
                    lambda c: h2load(follower(c), "Range", get, 100, 10, count))
        run.measure([f"Put on the leader 1x1: {each}" for each in unit],
                    lambda c: h2load(leader(c), "Put", put, 1, 1, 1000))
        run.measure(["Put on the leader beside a member that is down: requests/s",
                     "Put while that member makes up for 100,000 entries: requests/s"],
                    lambda c: catch_up(c, put))
    print("\n| what | ours | etcd | ours / etcd |\n|---|---|---|---|")
    for what, ours, etcd in run.rows:
        print(f"| {what} | {ours:,.1f} | {etcd:,.1f} | {ours / etcd:.2f} |")


if __name__ == "__main__":
    main()
