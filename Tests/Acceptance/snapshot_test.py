"""The way in and the way out: snapshots and data directories between a real etcd and ours, by etcd's own tools."""

import hashlib
import json
import shutil

import pytest

from damage import flip
from servers import OURS, REAL, Server
from tools import BOLT_SNAPSHOT, etcdctl, golden, root_page, run

KEYS = 2000


def fill(server, users):
    """Keys with history, leases, a compaction, and users with roles where the server has them."""
    for start in range(0, KEYS, 100):
        puts = "".join(f"put key/{n:05d} value{n}\n" for n in range(start, start + 100))
        assert server.etcdctl("txn", stdin="\n" + puts + "\n\n")[0] == 0
    for number in range(5):
        lease = server.etcdctl("lease", "grant", str(5000 + number))[1].split()[1]
        assert server.etcdctl("put", f"leased/{number}", "v", "--lease", lease)[0] == 0
    assert server.etcdctl("del", "key/0001", "--prefix")[0] == 0
    assert server.etcdctl("put", "key/00500", "again")[0] == 0
    assert server.etcdctl("compaction", "10")[0] == 0
    assert server.etcdctl("put", "large", "x" * 50_000)[0] == 0
    if users:
        for command in (["user", "add", "root:pw"], ["user", "grant-role", "root", "root"],
                        ["user", "add", "bob:secret"], ["role", "add", "readers"],
                        ["role", "grant-permission", "readers", "read", "key/", "key0"],
                        ["user", "grant-role", "bob", "readers"]):
            assert server.etcdctl(*command)[0] == 0, command


def state(server):
    """Everything a client can see, in comparable form."""
    answer = json.loads(server.etcdctl("get", "", "--prefix", "-w", "json")[1])
    pairs = [(kv["key"], kv.get("value"), kv["create_revision"], kv["mod_revision"], kv["version"], kv.get("lease"))
             for kv in answer["kvs"]]
    old = json.loads(server.etcdctl("get", "key/00500", "--rev", "12", "-w", "json")[1])
    leases = sorted(server.etcdctl("lease", "list")[1].split()[3:])
    granted = [server.etcdctl("lease", "timetolive", lease, "--keys")[1] for lease in leases]
    return {
        "revision": answer["header"]["revision"], "pairs": pairs, "old": old["kvs"],
        "compacted": server.etcdctl("get", "key/00500", "--rev", "5")[2][-60:],
        "hash": server.etcdctl("endpoint", "hashkv")[1].split(",")[1],
        "hash at 15": server.etcdctl("endpoint", "hashkv", "--rev", "15")[1].split(",")[1],
        "leases": [(one.split(" remaining")[0], one.split("attached")[1]) for one in granted],
    }


def accounts(server):
    return [server.etcdctl(*command)[1] for command in (
        ["user", "list"], ["role", "list"], ["role", "get", "readers"], ["user", "get", "bob"])]


def is_served(data, binary, expected, expected_accounts=None):
    """Starts a server on a restored folder (its parent is the test's) and compares."""
    with Server(binary, data=data) as server:
        server.start()
        assert state(server) == expected
        if expected_accounts:
            assert accounts(server) == expected_accounts
        return server


def restore_flags(server):
    peer = f"http://127.0.0.1:{server.peer_port}"
    return ["--name", server.name, "--initial-cluster", f"{server.name}={peer}",
            "--initial-advertise-peer-urls", peer]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A real etcd's folder after a kill, its snapshot, and what it answered."""
    folder = tmp_path_factory.mktemp("real")
    with Server(REAL) as server:
        server.start()
        fill(server, users=True)
        expected, users = state(server), accounts(server)
        assert server.etcdctl("snapshot", "save", str(folder / "snapshot.db"))[0] == 0
        server.kill()
        shutil.copytree(server.data / "d", folder / "d")
    return folder, expected, users


@pytest.mark.parametrize("source", ["snapshot.db", "d"])
def test_a_real_etcd_comes_in_and_goes_out_again(real, tmp_path, source):
    folder, expected, users = real
    with Server(OURS, data=tmp_path / "in") as ours:
        status, _, errors = run(
            "etcdutl", "snapshot", "restore", folder / source, "--data-dir", ours.data / "d", *restore_flags(ours))
        assert status == 0, errors
        ours.start()
        assert state(ours) == expected
        status, _, errors = ours.etcdctl("snapshot", "save", str(tmp_path / "out.db"))
        assert status == 0, errors
        ours.stop()
        # Once by the daemon's snapshot, once offline.
        status, _, errors = run("etcdutl", "snapshot", "export", ours.data / "d", tmp_path / "export.db")
        assert status == 0, errors
    for number, snapshot in enumerate(["out.db", "export.db"]):
        with Server(REAL, data=tmp_path / f"back{number}") as back:
            status, output, errors = etcdctl(
                "snapshot", "restore", tmp_path / snapshot, "--data-dir", back.data / "d", *restore_flags(back))
            assert status == 0, errors
            back.start()
            assert state(back) == expected
            assert accounts(back) == users


def test_our_snapshot_is_what_real_etcdctl_says_it_is(tmp_path):
    with Server(OURS) as server:
        server.start()
        fill(server, users=False)
        target = tmp_path / "snapshot.db"
        assert server.etcdctl("snapshot", "save", str(target))[0] == 0
    content = target.read_bytes()
    assert hashlib.sha256(content[:-32]).digest() == content[-32:]
    status, output, errors = etcdctl("snapshot", "status", target, "-w", "json")
    assert status == 0, errors
    status, ours, errors = run("etcdutl", "snapshot", "status", target, "-w", "json")
    assert status == 0 and json.loads(ours) == json.loads(output), errors


def test_a_write_that_was_answered_is_in_the_next_snapshot(tmp_path):
    with Server(OURS) as server:
        server.start()
        for number in range(10):
            assert server.etcdctl("put", "counter", str(number))[0] == 0
            target = tmp_path / f"{number}.db"
            assert server.etcdctl("snapshot", "save", str(target))[0] == 0
            status, output, _ = run("etcdutl", "snapshot", "status", target, "-w", "json")
            assert status == 0 and json.loads(output)["revision"] == number + 2


def test_a_format_that_is_not_offered_is_refused_in_etcds_words():
    assert run("etcdutl", "-w", "protobuf", "snapshot", "status", BOLT_SNAPSHOT) == \
        (4, "", "Error: protobuf not supported as output format\n")
    assert run("etcdutl", "snapshot", "status", BOLT_SNAPSHOT, "-w", "xml")[0] == 2
    assert run("etcdutl", "--write-out=json", "snapshot", "status", BOLT_SNAPSHOT)[1] == \
        run("etcdutl", "snapshot", "status", BOLT_SNAPSHOT, "-w", "json")[1]
    assert "_etcdutl" in run("etcdutl", "completion", "bash")[1]


@pytest.mark.parametrize("format", ["simple", "json", "fields", "table"])
def test_the_status_of_a_real_etcds_snapshot(format):
    status, output, errors = run("etcdutl", "snapshot", "status", BOLT_SNAPSHOT, "-w", format)
    assert status == 0, errors
    golden(f"snapshot-status-{format}.txt", output)


def test_a_snapshot_with_a_wrong_or_missing_digest_is_refused(tmp_path):
    damaged = tmp_path / "damaged.db"
    content = bytearray(BOLT_SNAPSHOT.read_bytes())
    content[-40] ^= 1  # padding: nothing but the digest knows
    damaged.write_bytes(content)
    status, _, errors = run("etcdutl", "snapshot", "restore", damaged, "--data-dir", tmp_path / "a")
    assert status == 1 and "expected sha256 [" in errors
    bare = tmp_path / "bare.db"
    bare.write_bytes(content[:-32])
    status, _, errors = run("etcdutl", "snapshot", "restore", bare, "--data-dir", tmp_path / "b")
    assert status == 1 and errors == "Error: snapshot missing hash but --skip-hash-check=false\n"
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()
    status, _, errors = run(
        "etcdutl", "snapshot", "restore", bare, "--data-dir", tmp_path / "c", "--skip-hash-check")
    assert status == 0, errors
    status, _, errors = run(
        "etcdutl", "snapshot", "restore", bare, "--data-dir", tmp_path / "c", "--skip-hash-check")
    assert status == 1 and errors == f'Error: data-dir "{tmp_path}/c" not empty or could not be read\n'


def test_a_damaged_page_of_a_snapshot_is_named(tmp_path):
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(BOLT_SNAPSHOT.read_bytes())
    place = root_page(damaged) + 8
    flip(damaged, place, 6)  # the kind of the page
    status, _, errors = run("etcdutl", "snapshot", "status", damaged)
    assert status == 1 and f"{damaged}:{place}: page flags" in errors


def test_the_revision_is_bumped_and_what_was_before_is_compacted(tmp_path):
    with Server(OURS, data=tmp_path / "in") as server:
        status, _, errors = run(
            "etcdutl", "snapshot", "restore", BOLT_SNAPSHOT, "--data-dir", server.data / "d",
            "--bump-revision", "1000", "--mark-compacted", *restore_flags(server))
        assert status == 0, errors
        server.start()
        # This snapshot came with `auth enable`: a client would need a password that nobody wrote down.
        assert "\netcd_debugging_mvcc_current_revision 1013\n" in server.get("/metrics")[1]
    assert run("etcdutl", "snapshot", "restore", BOLT_SNAPSHOT, "--bump-revision", "5")[0] == 2
    assert run("etcdutl", "snapshot", "restore", BOLT_SNAPSHOT, "--mark-compacted")[0] == 2


def test_a_stopped_member_is_defragmented_hashed_migrated_and_saved(tmp_path):
    with Server(OURS) as server:
        server.start()
        fill(server, users=False)
        expected = state(server)
        data = server.data / "d"
        status, _, errors = run("etcdutl", "defrag", "--data-dir", data)
        assert status == 1 and "is locked" in errors
        server.stop()
        assert run("etcdutl", "defrag", "--data-dir", data)[0] == 0
        status, output, _ = run("etcdutl", "hashkv", data, "-w", "json")
        assert status == 0 and str(json.loads(output)["hash"]) == expected["hash"].strip()
        status, output, _ = run("etcdutl", "hashkv", data, "--rev", "15")
        assert output.split(",")[0] == expected["hash at 15"].strip()
        assert run("etcdutl", "migrate", "--data-dir", data, "--target-version", "3.6")[1] == \
            "updated storage version to 3.6.0\n"
        assert run("etcdutl", "migrate", "--data-dir", data, "--target-version", "3.6")[1] == \
            "storage version up-to-date: 3.6\n"
        assert run("etcdutl", "migrate", "--data-dir", data, "--target-version", "3.5")[0] == 0
        assert run("etcdutl", "migrate", "--data-dir", data, "--target-version", "3.4")[0] == 2
        target = tmp_path / "saved.db"
        status, output, errors = run("etcdutl", "snapshot", "save-from-data-dir", "--data-dir", data, target)
        assert status == 0 and output == f"Snapshot saved at {target}\n", errors
        status, output, _ = run("etcdutl", "hashkv", target)
        assert output.split(",")[0] == expected["hash"].strip()
        server.start()
        assert state(server) == expected


def test_a_killed_member_is_saved_with_what_only_its_log_has(tmp_path):
    with Server(OURS, "--backend-batch-interval=60s") as server:
        server.start()
        for number in range(5):
            server.etcdctl("put", f"k{number}", "v")
        server.kill()
        target = tmp_path / "saved.db"
        status, _, errors = run("etcdutl", "snapshot", "save-from-data-dir", "--data-dir", server.data / "d", target)
        assert status == 0, errors
        status, output, _ = run("etcdutl", "snapshot", "status", target, "-w", "json")
        assert json.loads(output)["revision"] == 6
