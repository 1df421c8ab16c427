"""A cluster of three under load while members die, hang, lose their disk or their network.

FAILOVER_ROUNDS (30) chooses how often the leader is killed. "Two election timeouts" is 2 s with the defaults; what
is measured here goes through Python clients on a busy machine, which get half a second more to notice.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import pytest

from clusters import Cluster, NamespaceCluster
from load import Watcher, Writers, assert_nothing_lost

ROUNDS = int(os.environ.get("FAILOVER_ROUNDS", "30"))
OUTAGE_MAX = 2.5
FLAGS = ["--snapshot-count=2000", "--log-level=warn"]


@contextlib.contextmanager
def watched(cluster, seed=1):
    """Writers on all members, started, and a watcher on each; afterwards nothing may be lost."""
    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(Watcher(each)) for each in cluster.members]
        with Writers(cluster.members, seed=seed) as writers:
            yield writers
        assert_nothing_lost(writers, watchers, cluster)


def test_killing_the_leader_loses_nothing_and_interrupts_little():
    with Cluster(*FLAGS) as cluster:
        gaps = []
        with watched(cluster) as writers:
            for number in range(ROUNDS):
                writers.wait_for_more(50)
                leader = cluster.leader()
                writers.reset_gap()
                leader.kill()
                others = [each for each in cluster.members if each is not leader]
                cluster.leader(among=others)
                writers.wait_for_more(50)
                gaps.append(writers.longest_gap)
                assert writers.longest_gap <= OUTAGE_MAX, f"round {number}: no write for {writers.longest_gap} s"
                leader.start()
        print(f"outages: median {sorted(gaps)[len(gaps) // 2]:.2f} s, longest {max(gaps):.2f} s")


def test_a_stopped_leader_is_replaced_and_follows_when_it_goes_on():
    with Cluster(*FLAGS) as cluster:
        with watched(cluster) as writers:
            for _ in range(3):
                writers.wait_for_more(50)
                leader = cluster.leader()
                os.kill(leader.process.pid, signal.SIGSTOP)
                others = [each for each in cluster.members if each is not leader]
                assert cluster.leader(among=others) is not leader
                writers.wait_for_more(50)
                os.kill(leader.process.pid, signal.SIGCONT)
                writers.wait_for_more(50)


def test_all_members_restart_at_once():
    with Cluster(*FLAGS) as cluster:
        with watched(cluster) as writers:
            for _ in range(3):
                writers.wait_for_more(100)
                for each in cluster.members:
                    each.kill()
                for each in cluster.members:
                    each.start(wait=False)
                cluster.leader()
                writers.wait_for_more(100)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and mounts need root")


def in_hub(cluster, body):
    """Runs `body` with this thread's network in the cluster's hub, so that clients reach the members."""
    libc = __import__("ctypes").CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{cluster.hub}") as hub:
        assert libc.setns(hub.fileno(), 0) == 0
        try:
            return body()
        finally:
            assert libc.setns(home.fileno(), 0) == 0


@needs_root
@pytest.mark.parametrize("kind", ["isolated", "muted", "deafened"])
def test_a_leader_cut_off_from_its_followers_is_replaced(kind):
    """Both ways, only what it sends, only what it receives."""
    cluster = NamespaceCluster(*FLAGS)

    def body():
        with cluster:
            with watched(cluster) as writers:
                for _ in range(2):
                    writers.wait_for_more(50)
                    leader = cluster.leader()
                    others = [each for each in cluster.members if each is not leader]
                    if kind == "isolated":
                        cluster.isolate(leader)
                    for each in others if kind == "muted" else ():
                        cluster.mute(leader, each)
                    for each in others if kind == "deafened" else ():
                        cluster.mute(each, leader)
                    assert cluster.leader(among=others, seconds=30) is not leader
                    writers.wait_for_more(50)
                    cluster.heal()
                    writers.wait_for_more(50)

    in_hub(cluster, body)


@needs_root
def test_a_member_with_a_full_disk_stops_and_the_others_go_on():
    with tempfile.TemporaryDirectory(prefix="etcd-full-") as folder:
        cluster = Cluster(*FLAGS)
        victim = cluster.members[0]
        victim.data.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(victim.data)], check=True)
        try:
            with cluster:
                with Writers(cluster.members[1:]) as writers:
                    writers.wait_for_more(100)
                    fill(victim.data)
                    # The next segment, or the next flush, does not fit.
                    deadline = time.monotonic() + 60
                    while victim.is_running and time.monotonic() < deadline:
                        writers.wait_for_more(100)
                    writers.wait_for_more(200)
                    text = victim.log_text()
                    if not victim.is_running:
                        assert "no space left" in text.lower(), text[-2000:]
                        (victim.data / "filler").unlink()
                        victim.start()
                    else:
                        (victim.data / "filler").unlink()
                    writers.wait_for_more(100)
                cluster.assert_equal_hashes()
        finally:
            if victim.is_running:
                victim.kill()
            subprocess.run(["umount", str(victim.data)], check=False)


def fill(folder):
    # Unbuffered: what a buffer still holds when the disk is full would be written, and fail, once more at the end.
    with open(folder / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass


SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>
int fdatasync(int descriptor) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    struct timespec pause = {0, 500000000};
    nanosleep(&pause, 0);
    return next(descriptor);
}
"""


@pytest.mark.parametrize("victim_leads", [False, True])
def test_a_member_with_a_slow_disk_slows_nobody_but_itself(victim_leads):
    with tempfile.TemporaryDirectory(prefix="etcd-shim-") as folder:
        source, library = pathlib.Path(folder) / "shim.c", pathlib.Path(folder) / "shim.so"
        source.write_text(SHIM)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        cluster = Cluster(*FLAGS)
        victim = cluster.members[0]
        victim.environment = {"LD_PRELOAD": str(library)}
        with cluster:
            other = cluster.leader()
            if victim_leads != (other is victim):
                target = victim if victim_leads else cluster.members[1]
                code, out, err = other.etcdctl("move-leader", cluster.ids()[target.name])
                assert code == 0, out + err
            with Writers(cluster.members[1:]) as writers:
                writers.wait_for_more(300)
            # A leader's own vote for an entry is one of three; the followers' disks are a quorum.
            fast = sorted(writers.latencies)[len(writers.latencies) // 2]
            assert fast < 0.25, f"half of the writes took {fast} s beside a disk that takes 0.5 s"
            cluster.assert_equal_hashes()
