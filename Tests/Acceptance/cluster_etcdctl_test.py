"""Debian's etcdctl on a cluster of three of ours and on three real etcds: the same output and exit status."""

import json
import re
import signal
import subprocess
import time

import pytest

from clusters import Cluster
from etcdctl_test import plain
from load import Writers
from servers import ETCDCTL, OURS, REAL


@pytest.fixture(scope="module")
def pair():
    with Cluster(binary=OURS) as ours, Cluster(binary=REAL) as real:
        for each in (ours, real):
            each.leader()
        yield ours, real


def scrubbed(text, cluster):
    for number, member in enumerate(cluster.members):
        text = text.replace(member.endpoint, f"ENDPOINT{number}").replace(member.peer_url, f"PEER{number}")
    text = plain(text, cluster.members[0])
    # Which member leads and how large its file is differs from run to run, also in etcd.
    text = re.sub(r"\b3\.\d+\.\d+\b", "VERSION", text)
    # The order of members is that of their ids, which are hashes of URLs.
    return "\n".join(sorted(text.splitlines()))


def same(pair, *arguments, stdin=None, through=None):
    answers = []
    for cluster in pair:
        target = cluster if through is None else cluster.members[through]
        status, output, errors = target.etcdctl(*arguments, stdin=stdin)
        errors = re.sub(r'^\{"level".*$', "", errors, flags=re.M)
        answers.append((status, scrubbed(output, cluster), scrubbed(errors, cluster)))
    assert answers[0] == answers[1], f"etcdctl {' '.join(arguments)}\n ours: {answers[0]}\n etcd: {answers[1]}"
    return answers[0]


SCRIPT = [
    ["put", "foo", "bar"], ["get", "foo"], ["get", "foo", "-w", "json"], ["put", "foo", "baz", "--prev-kv"],
    ["del", "foo", "--prev-kv"], ["get", "fo", "--prefix"], ["put", "a", "1"], ["compaction", "3"],
    ["get", "a", "--rev=2"], ["lease", "grant", "100"], ["lease", "timetolive", "1234"], ["lease", "list"],
    ["lease", "keep-alive", "1234", "--once"], ["lease", "revoke", "1234"], ["member", "list"],
    ["member", "remove", "1234"], ["member", "promote", "1234"],
    ["member", "update", "1234", "--peer-urls=http://127.0.0.1:1"],
    ["endpoint", "health"], ["endpoint", "health", "--cluster"], ["alarm", "list"], ["move-leader", "1234"],
    ["defrag"],
]


@pytest.mark.parametrize("through", [0, 1, 2])
def test_every_member_prints_the_same(pair, through):
    for cluster in pair:
        cluster.etcdctl("del", "", "--prefix")
    for arguments in SCRIPT:
        if arguments[0] == "move-leader" or arguments[0] == "compaction" and through:
            continue  # depends on who leads, and a revision is compacted once
        same(pair, *arguments, through=through)


def test_a_transaction_goes_through_any_member(pair):
    text = 'value("k") = "v"\n\nput k v2\nget k\n\nput k v\nget k\ndel nothing\n\n'
    for through in range(3):
        for cluster in pair:
            cluster.etcdctl("del", "k")
        same(pair, "txn", stdin=text, through=through)
        same(pair, "txn", stdin=text, through=through)


def test_the_member_list_names_everybody(pair):
    same(pair, "member", "list", "-w", "table")
    same(pair, "member", "list", "-w", "fields")


def test_status_and_hashes_of_the_whole_cluster_agree(pair):
    for cluster in pair:
        cluster.etcdctl("put", "x", "y")
        cluster.assert_equal_hashes()
        code, out, err = cluster.members[0].etcdctl("endpoint", "status", "--cluster", "-w", "json")
        assert code == 0, err
        rows = json.loads(out)
        leaders = {row["Status"]["leader"] for row in rows}
        assert len(rows) == 3 and len(leaders) == 1
        assert leaders <= {row["Status"]["header"]["member_id"] for row in rows}
        code, out, err = cluster.members[0].etcdctl("endpoint", "hashkv", "--cluster")
        assert code == 0, err
        assert len({line.split(", ")[1] for line in out.splitlines()}) == 1


def test_leadership_moves_where_it_is_told(pair):
    outputs = []
    for cluster in pair:
        leader = cluster.leader()
        target = next(each for each in cluster.members if each is not leader)
        code, out, err = cluster.etcdctl("move-leader", cluster.ids()[target.name])
        assert code == 0, out + err
        assert cluster.leader() is target
        outputs.append(scrubbed(out, cluster))
        # A follower cannot give away what it has not.
        code, out, err = leader.etcdctl("move-leader", cluster.ids()[leader.name])
        assert code != 0
        outputs[-1] += re.sub(r"\{.*?\}", "", scrubbed(err, cluster))
    assert re.sub(r"ENDPOINT\d", "ENDPOINT", outputs[0]) == re.sub(r"ENDPOINT\d", "ENDPOINT", outputs[1])


def test_a_lease_is_granted_renewed_and_asked_for_through_any_member(pair):
    for cluster in pair:
        lease = cluster.members[0].etcdctl("lease", "grant", "300")[1].split()[1]
        for member in cluster.members:
            assert member.etcdctl("put", f"leased/{member.name}", "1", f"--lease={lease}")[0] == 0
            out = member.etcdctl("lease", "timetolive", lease, "--keys")[1]
            assert "granted with TTL(300s), remaining(29" in out and f"leased/{member.name}" in out
            out = member.etcdctl("lease", "keep-alive", lease, "--once")[1]
            assert out == f"lease {lease} keepalived with TTL(300)\n"
        assert cluster.members[2].etcdctl("lease", "revoke", lease)[0] == 0
        assert cluster.members[1].etcdctl("get", "leased/", "--prefix")[1] == ""
        out = cluster.followers()[0].etcdctl("lease", "timetolive", lease)[1]
        assert "already expired" in out


def test_a_lease_expires_on_all_members():
    with Cluster() as cluster:
        lease = cluster.members[0].etcdctl("lease", "grant", "2")[1].split()[1]
        follower = cluster.followers()[0]
        assert follower.etcdctl("put", "mortal", "1", f"--lease={lease}")[0] == 0
        deadline = time.monotonic() + 15
        while follower.etcdctl("get", "mortal")[1] and time.monotonic() < deadline:
            time.sleep(0.1)
        assert all(each.etcdctl("get", "mortal")[1] == "" for each in cluster.members)


def test_a_lock_is_handed_from_one_member_to_the_next(pair):
    for cluster in pair:
        done = [
            cluster.members[number].etcdctl("lock", "mutex", "echo", f"held {number}") for number in range(3)]
        assert [(code, out) for code, out, _ in done] == [(0, f"held {number}\n") for number in range(3)]


def test_an_election_is_seen_through_another_member(pair):
    for cluster in pair:
        campaign = subprocess.Popen(
            [ETCDCTL, "--endpoints", cluster.members[0].endpoint, "elect", "office", "me"],
            stdout=subprocess.PIPE, text=True, env={"ETCDCTL_API": "3"})
        key = campaign.stdout.readline()
        assert key.startswith("office/") and campaign.stdout.readline() == "me\n"
        watcher = subprocess.Popen(
            [ETCDCTL, "--endpoints", cluster.members[1].endpoint, "elect", "office", "-l"],
            stdout=subprocess.PIPE, text=True, env={"ETCDCTL_API": "3"})
        assert watcher.stdout.readline() == key and watcher.stdout.readline() == "me\n"
        for process in (watcher, campaign):
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)


def test_a_watch_on_one_member_sees_what_is_written_through_another(pair):
    for cluster in pair:
        watch = subprocess.Popen(
            [ETCDCTL, "--endpoints", cluster.members[2].endpoint, "watch", "w/", "--prefix"],
            stdout=subprocess.PIPE, text=True, env={"ETCDCTL_API": "3"})
        time.sleep(0.5)
        for number in range(3):
            assert cluster.members[number].etcdctl("put", f"w/{number}", f"v{number}")[0] == 0
        lines = [watch.stdout.readline() for _ in range(9)]
        assert lines == [line for n in range(3) for line in ("PUT\n", f"w/{n}\n", f"v{n}\n")]
        watch.send_signal(signal.SIGTERM)
        watch.wait(timeout=20)


def test_members_agree_on_a_cluster_version():
    with Cluster() as cluster:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            versions = {json.loads(each.get("/version")[1])["etcdcluster"] for each in cluster.members}
            if versions == {"3.5.0"}:
                return
            time.sleep(0.1)
        raise AssertionError(f"cluster versions: {versions}")


def test_a_rolling_restart_fails_no_write_for_good():

    with Cluster("--log-level=warn") as cluster:
        with Writers(cluster.members, count=4, timeout=5) as writers:
            writers.wait_for_more(200)
            for member in cluster.members:
                member.stop()
                member.start()
                writers.wait_for_more(100)
        latencies = sorted(writers.latencies)
        print(f"p50 {latencies[len(latencies) // 2] * 1e3:.1f} ms, p99 {latencies[-len(latencies) // 100] * 1e3:.1f}"
              f" ms, {len(writers.failures)} tries failed of {len(latencies)}")
        codes = {code for _, code, _ in writers.failures}
        assert codes <= {"UNAVAILABLE"}, writers.failures[:5]
        cluster.assert_equal_hashes()


def damage_a_follower(cluster):
    """Changes one member's database behind its back, and starts it again."""
    for number in range(20):
        cluster.etcdctl("put", f"k{number}", "value-of-some-length")
    victim = cluster.followers()[0]
    victim.stop()
    path = victim.data / "d/member/snap/db"
    data = bytearray(path.read_bytes())
    at = data.find(b"value-of-some-length")
    assert at > 0
    while at >= 0:
        data[at:at + 5] = b"VALUE"
        at = data.find(b"value-of-some-length", at + 5)
    path.write_bytes(data)
    victim.start(wait=False)
    return victim


def await_corrupt_alarm(cluster):
    deadline = time.monotonic() + 30
    while "CORRUPT" not in (listed := cluster.etcdctl("alarm", "list")[1]):
        assert time.monotonic() < deadline, "no alarm"
        time.sleep(0.2)
    return listed


def test_corruption_is_found_at_a_compaction():
    """The leader's check of CompactHashCheck raises the alarm for the one that differs from the majority."""
    flags = ["--experimental-compact-hash-check-enabled=true", "--experimental-compact-hash-check-time=1s"]
    with Cluster(*flags, "--log-level=warn") as cluster:
        victim = damage_a_follower(cluster)
        # All agree on how far they are, and nobody has compacted: nothing to see yet.
        time.sleep(2.5)
        assert "CORRUPT" not in cluster.etcdctl("alarm", "list")[1]
        assert cluster.etcdctl("compaction", "15")[0] == 0
        assert f"memberID:{int(cluster.ids()[victim.name], 16)} alarm:CORRUPT" in await_corrupt_alarm(cluster)


def test_corruption_is_found_and_stops_the_cluster():
    """The leader's periodic check raises the alarm."""
    with Cluster("--experimental-corrupt-check-time=1s", "--log-level=warn") as cluster:
        victim = damage_a_follower(cluster)
        await_corrupt_alarm(cluster)
        code, _, err = cluster.etcdctl("put", "a", "b")
        assert code != 0 and "corrupt cluster" in err
        # The initial check does not even let such a member start.
        victim.stop()
        victim.flags.append("--experimental-initial-corrupt-check=true")
        victim.start(wait=False)
        assert victim.process.wait(timeout=20) == 1
        assert "found different hash values" in victim.log_text()


