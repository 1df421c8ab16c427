"""From a real etcd to ours and back with passwords in force; and a cluster of three restored from one snapshot.

ROUND_TRIP_KEYS=100000 makes the first as large as issue 4 wants it seen.
"""

import json
import os
import shutil

import pytest

from clusters import Cluster
from servers import OURS, REAL, Server
from tools import BOLT_SNAPSHOT, etcdctl, run

KEYS = int(os.environ.get("ROUND_TRIP_KEYS", "2000"))
ROOT = ["--user", "root:pw", "--command-timeout", "120s"]
BOB = ["--user", "bob:secret"]


def ask(server, *command, user=ROOT, stdin=None):
    """Standard output of etcdctl, which must succeed."""
    status, output, errors = server.etcdctl(*user, *command, stdin=stdin, timeout=300)
    assert status == 0, (command, errors)
    return output


def fill(server):
    """Keys with history, leases, users and roles, passwords in force, and a compaction."""
    for start in range(0, KEYS, 100):
        puts = "".join(f"put key/{n:06d} value{n}\n" for n in range(start, start + 100))
        ask(server, "txn", user=[], stdin="\n" + puts + "\n\n")
    for number in range(5):
        lease = ask(server, "lease", "grant", str(50_000 + number), user=[]).split()[1]
        for part in "ab":
            ask(server, "put", f"leased/{number}{part}", "v", "--lease", lease, user=[])
    ask(server, "del", "key/0000", "--prefix", user=[])
    for number in range(20):
        ask(server, "put", f"key/{number:06d}", f"again{number}", user=[])
    for command in (["user", "add", "root:pw"], ["user", "grant-role", "root", "root"], ["user", "add", "bob:secret"],
                    ["role", "add", "readers"], ["role", "grant-permission", "readers", "read", "key/", "key0"],
                    ["user", "grant-role", "bob", "readers"], ["auth", "enable"]):
        ask(server, *command, user=[])
    ask(server, "compaction", "12")
    ask(server, "put", "large", "x" * 50_000)


def state(server):
    """All a client can see, in comparable form: keys with revisions, hashes, leases, what auth grants and denies."""
    answer = json.loads(ask(server, "get", "", "--prefix", "-w", "json"))
    revision = answer["header"]["revision"]
    pairs = [[kv.get(field) for field in ("key", "value", "create_revision", "mod_revision", "version", "lease")]
             for kv in answer["kvs"]]
    leases = sorted(ask(server, "lease", "list").split()[3:])
    granted = [ask(server, "lease", "timetolive", each, "--keys") for each in leases]
    denied = [server.etcdctl(*user, *command)[2].split("\n")[-2] for user, command in (
        (BOB, ["put", "key/000001", "x"]), (BOB, ["get", "large"]), (BOB, ["user", "list"]),
        (["--user", "bob:wrong"], ["get", "key/000001"]), ([], ["get", "key/000001"]))]
    return {
        "revision": revision, "pairs": pairs, "count": len(pairs),
        "old": ask(server, "get", "key/000777", "--rev", str(revision - 5), "-w", "fields").split("\n", 4)[4],
        "compacted": server.etcdctl(*ROOT, "get", "key/000500", "--rev", "5")[2].split("\n")[-2][-60:],
        "hashes": [ask(server, "endpoint", "hashkv", "--rev", str(at)).split(",")[1]
                   for at in (13, revision // 2 + 7, revision)],
        "leases": [(each.split(" remaining")[0], sorted(each.split("keys([")[1].strip("])\n ").split()))
                   for each in granted],
        "auth": [ask(server, *command) for command in (
            ["user", "list"], ["role", "list"], ["role", "get", "readers"], ["user", "get", "bob"])],
        "allowed": ask(server, "get", "key/000001", user=BOB), "denied": [each[-60:] for each in denied],
    }


def restore_flags(server):
    peer = f"http://127.0.0.1:{server.peer_port}"
    return ["--name", server.name, "--initial-cluster", f"{server.name}={peer}", "--initial-advertise-peer-urls", peer]


@pytest.mark.parametrize("source", ["snapshot", "data directory"])
def test_real_ours_real_with_passwords_in_force(tmp_path, source):
    with Server(REAL) as server:
        server.start()
        fill(server)
        expected = state(server)
        assert expected["count"] == KEYS - 100 + 20 + 10 + 1 and len(expected["leases"]) == 5
        ask(server, "snapshot", "save", str(tmp_path / "real.db"))
        server.kill()
        shutil.copytree(server.data / "d", tmp_path / "real")
    origin = tmp_path / ("real.db" if source == "snapshot" else "real")
    with Server(OURS, data=tmp_path / "in") as ours:
        status, _, errors = run(
            "etcdutl", "snapshot", "restore", origin, "--data-dir", ours.data / "d", *restore_flags(ours),
            timeout=600)
        assert status == 0, errors
        ours.start()
        assert state(ours) == expected
        ask(ours, "snapshot", "save", str(tmp_path / "out.db"))
    with Server(REAL, data=tmp_path / "back") as back:
        status, _, errors = etcdctl(
            "snapshot", "restore", tmp_path / "out.db", "--data-dir", back.data / "d", *restore_flags(back))
        assert status == 0, errors
        back.start()
        assert state(back) == expected


def test_three_members_restored_from_one_snapshot_serve_and_agree(tmp_path):
    with Server(REAL) as server:
        server.start()
        for number in range(50):
            ask(server, "put", f"key/{number}", "v", user=[])
        snapshot = tmp_path / "snapshot.db"
        ask(server, "snapshot", "save", str(snapshot), user=[])
        revision = json.loads(ask(server, "get", "x", "-w", "json", user=[]))["header"]["revision"]
    cluster = Cluster()
    for member in cluster.members:
        member.data.mkdir()
        status, _, errors = run(
            "etcdutl", "snapshot", "restore", snapshot, "--data-dir", member.data / "d", "--name", member.name,
            "--initial-cluster", cluster.initial, "--initial-cluster-token", cluster.token,
            "--initial-advertise-peer-urls", member.peer_url)
        assert status == 0, errors
    with cluster:
        cluster.leader()
        for member in cluster.members:
            kvs = json.loads(ask(member, "get", "key/", "--prefix", "-w", "json", user=[]))
            assert len(kvs["kvs"]) == 50 and kvs["header"]["revision"] == revision
        ask(cluster.members[1], "put", "after", "restore", user=[])
        assert {ask(member, "get", "after", "--print-value-only", user=[]) for member in cluster.members} == \
            {"restore\n"}
        hashes = {ask(member, "endpoint", "hashkv", "--rev", str(revision + 1), user=[]).split(",")[1]
                  for member in cluster.members}
        assert len(hashes) == 1
        listed = [ask(member, "member", "list", user=[]) for member in cluster.members]
        assert len(set(listed)) == 1 and listed[0].count("started") == 3


def test_members_restored_with_different_names_of_the_cluster_are_refused(tmp_path):
    status, _, errors = run(
        "etcdutl", "snapshot", "restore", BOLT_SNAPSHOT, "--data-dir", tmp_path / "d", "--name", "m9",
        "--initial-cluster", "m1=http://127.0.0.1:1,m2=http://127.0.0.1:2")
    assert status == 1 and "m9" in errors and not (tmp_path / "d").exists()
