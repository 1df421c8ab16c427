"""Debian's etcdctl on our server and on a real etcd: the same output and the same exit status.

Ids, times and sizes are replaced by what they are; everything else must agree to the letter.
"""

import re
import subprocess
import os
import signal
import time

import pytest

from servers import ETCDCTL, OURS, REAL, Server


@pytest.fixture(scope="module")
def pair():
    with Server(OURS) as ours, Server(REAL) as real:
        ours.start()
        real.start()
        yield ours, real


def plain(text, server):
    """The text without ids, ports, durations and sizes."""
    text = text.replace(server.endpoint, "ENDPOINT").replace(str(server.peer_port), "PEER")
    text = re.sub(r"\b([0-9a-f]{12,16}|\d{12,20})\b", "ID", text)  # leading zeros are not printed
    text = re.sub(r"\d+(\.\d+)?[mµu]s\b", "T", text)
    text = re.sub(r" +", " ", re.sub(r"-+", "-", text))
    text = re.sub(r"\d+(\.\d+)? [kMG]?B", "SIZE", text)
    text = re.sub(r"remaining\(\d+s\)", "remaining(S)", text)
    text = re.sub(
        r'"(raft_term|raftTerm|RaftTerm|raftIndex|dbSize|dbSizeInUse|raftAppliedIndex)":\s?\d+', r'"\1":N', text)
    return re.sub(r'("RaftTerm" : )\d+', r"\1N", text)


def same(pair, *arguments, stdin=None):
    """Runs the command on both; returns our standard output once both agree."""
    answers = []
    for server in pair:
        status, output, errors = server.etcdctl(*arguments, stdin=stdin)
        errors = re.sub(r'^\{"level".*$', "", errors, flags=re.M)
        errors = re.sub(r'"(ts|caller)":"[^"]*",?', "", errors)
        answers.append((status, plain(output, server), plain(errors, server)))
    assert answers[0] == answers[1], f"etcdctl {' '.join(arguments)}\n ours: {answers[0]}\n etcd: {answers[1]}"
    return answers[0]


FORMATS = ["simple", "json", "fields"]

SCRIPT = [
    ["put", "foo", "bar"], ["put", "foo", "baz", "--prev-kv"], ["put", "foo1", "1"], ["put", "foo2", "2"],
    ["put", "--ignore-value", "foo"], ["put", "--ignore-lease", "missing", "x"], ["put", "", "x"],
    ["put", "--lease=1234", "foo", "x"],
    ["get", "foo"], ["get", "foo", "--rev=2"], ["get", "foo", "--rev=999"], ["get", "fo", "--prefix"],
    ["get", "foo", "foo2"], ["get", "foo", "--from-key", "--limit=2"], ["get", "", "--prefix"],
    ["get", "fo", "--prefix", "--keys-only"], ["get", "fo", "--prefix", "--count-only"],
    ["get", "fo", "--prefix", "--sort-by=MODIFY", "--order=DESCEND"],
    ["get", "fo", "--prefix", "--sort-by=VALUE", "--order=ASCEND"],
    ["get", "fo", "--prefix", "--print-value-only"], ["get", "foo", "--consistency=s"], ["get", "nothing"],
    ["get", "a", "b", "c"], ["get"],
    ["del", "foo1", "--prev-kv"], ["del", "nothing"], ["del", "fo", "--prefix"], ["del", "x", "--from-key"],
    ["compaction", "3"], ["compaction", "3"], ["compaction", "9999"], ["compact", "4", "--physical"],
    ["get", "foo", "--rev=2"],
    ["lease", "grant", "100"], ["lease", "grant", "9000000001"], ["lease", "revoke", "1234"],
    ["lease", "timetolive", "1234"], ["lease", "timetolive", "1234", "--keys"], ["lease", "list"],
    ["lease", "keep-alive", "1234", "--once"],
    ["member", "list"], ["member", "remove", "1234"], ["member", "update", "1234", "--peer-urls=http://127.0.0.1:1"],
    ["member", "promote", "1234"], ["member", "add", "x", "--peer-urls=foo"],
    ["endpoint", "health"], ["alarm", "list"], ["alarm", "disarm"], ["defrag"],
    ["move-leader", "1234"], ["check", "nothing"], ["nosuchcommand"],
]


@pytest.mark.parametrize("form", FORMATS)
def test_a_session_prints_the_same(pair, form):
    for server in pair:
        server.etcdctl("del", "", "--prefix")
    for arguments in SCRIPT:
        if form != "simple" and arguments[0] in ("check", "nosuchcommand", "defrag", "move-leader"):
            continue
        if form != "simple" and arguments[0] == "alarm":
            continue  # etcd 3.4 sends no header there (3.5 does), on which this etcdctl crashes for fields
        if form == "simple" or not arguments[0].startswith("compact"):
            same(pair, *arguments, "-w", form)


TXNS = [
    'value("k") = "v"\n\nput k v2\nget k\n\nput k v\nget k\ndel nothing\n\n',
    'create("k") > "0"\nmod("k") > "0"\nversion("k") = "1"\n\nput k w\n\n\n',
    '\nput a 1\nget a\nput b 2\nget a --prefix\n\n\n',
    'version("k") = "9"\n\nget k\n\nget k --rev=1\n\n',
    '\nput a 1\nput a 2\n\n\n',
    'bad("k") = "v"\n\n\n\n',
]


@pytest.mark.parametrize("text", TXNS)
@pytest.mark.parametrize("form", FORMATS)
def test_a_transaction_prints_the_same(pair, text, form):
    same(pair, "txn", "-w", form, stdin=text)


def test_tables_print_the_same(pair):
    same(pair, "member", "list", "-w", "table")
    same(pair, "endpoint", "health", "-w", "table")
    same(pair, "version")


def test_endpoint_status_and_hashkv_answer(pair):
    for server in pair:
        status, output, _ = server.etcdctl("endpoint", "status", "-w", "simple")
        assert status == 0 and output.count(",") >= 8
        assert server.etcdctl("endpoint", "hashkv")[0] == 0


def test_the_shortest_lease_is_as_long(pair):
    same(pair, "lease", "grant", "0")


def lease_of(server, ttl="100"):
    return server.etcdctl("lease", "grant", ttl)[1].split()[1]


def test_leases_hold_and_release_keys(pair):
    answers = []
    for server in pair:
        lease = lease_of(server)
        steps = [
            server.etcdctl("put", "leased", "1", f"--lease={lease}"),
            server.etcdctl("get", "leased", "-w", "fields"),
            server.etcdctl("lease", "timetolive", lease, "--keys"),
            server.etcdctl("lease", "keep-alive", lease, "--once"),
            server.etcdctl("lease", "list"),
            server.etcdctl("lease", "revoke", lease),
            server.etcdctl("get", "leased"),
        ]
        answers.append([
            (s, re.sub(r'("Lease" : )\d+', r"\1ID",
                       re.sub(r"found \d+", "found N", plain(o, server)).split("\nID")[0]), plain(e, server))
            for s, o, e in steps])
    strip = lambda steps: [re.sub(r'"(Revision|CreateRevision|ModRevision)" : \d+', "REV", str(step)) for step in steps]
    assert strip(answers[0]) == strip(answers[1])


def test_an_expired_lease_takes_its_keys(pair):
    for server in pair:
        lease = lease_of(server, "2")
        server.etcdctl("put", "short", "1", f"--lease={lease}")
        deadline = time.monotonic() + 10
        while server.etcdctl("get", "short")[1] != "":
            assert time.monotonic() < deadline, f"{server.binary}: the key outlived its lease"
        assert server.etcdctl("lease", "timetolive", lease)[1] == f"lease {lease} already expired\n"


def background(server, *arguments, stdin=None):
    return subprocess.Popen(
        [ETCDCTL, "--endpoints", server.endpoint, *arguments], stdin=stdin, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"], "ETCDCTL_API": "3"})


def read_lines(process, count):
    return [process.stdout.readline() for _ in range(count)]


def test_a_watch_prints_the_same_events(pair):
    answers = []
    for server in pair:
        server.etcdctl("put", "w1", "before")
        revision = int(re.search(r'"revision":(\d+)', server.etcdctl("get", "w1", "-w", "json")[1]).group(1))
        watch = background(server, "watch", "w", "--prefix", "--prev-kv", f"--rev={revision}")
        lines = read_lines(watch, 3)
        server.etcdctl("put", "w2", "x")
        server.etcdctl("put", "w2", "y")
        server.etcdctl("del", "w", "--prefix")
        lines += read_lines(watch, 3 + 5 + 5 + 5)
        watch.terminate()
        watch.wait(timeout=10)
        answers.append(lines)
    assert answers[0] == answers[1]


def test_a_watch_from_a_compacted_revision_is_canceled_alike(pair):
    answers = []
    for server in pair:
        for value in "12345":
            server.etcdctl("put", "cw", value)
        revision = int(re.search(r'"revision":(\d+)', server.etcdctl("get", "cw", "-w", "json")[1]).group(1))
        server.etcdctl("compaction", str(revision))
        watch = background(server, "watch", "cw", "--rev=1")
        output, errors = watch.communicate(timeout=20)
        answers.append((watch.returncode, output, re.sub(r"\d+", "N", errors)))
    assert answers[0] == answers[1]


def test_lock_runs_a_command_under_the_lock(pair):
    for server in pair:
        status, output, errors = server.etcdctl("lock", "mutex", "--", "sh", "-c", "echo held $ETCD_LOCK_KEY; exit 7")
        assert (status, output.split("/")[0], errors) == (1, "held mutex", "Error: exit status 7\n")


def test_elect_wins_and_is_seen_by_listeners(pair):
    for server in pair:
        candidate = background(server, "elect", "office", "me")
        lines = read_lines(candidate, 2)
        assert lines[0].startswith("office/") and lines[1] == "me\n"
        listener = background(server, "elect", "-l", "office")
        assert read_lines(listener, 2) == lines
        for process in (candidate, listener):
            process.send_signal(signal.SIGINT)
            process.wait(timeout=10)


def test_a_snapshot_is_saved(pair, tmp_path):
    for server in pair:
        target = tmp_path / f"{server.client_port}.db"
        status, output, errors = server.etcdctl("snapshot", "save", str(target))
        assert status == 0, errors
        assert output == f"Snapshot saved at {target}\n"
        assert target.stat().st_size % 512 == 32


def test_a_mirror_copies_everything(pair):
    ours, real = pair
    for source, target, prefix in ((ours, real, "from-ours/"), (real, ours, "from-real/")):
        source.etcdctl("put", "mirrored", "1")
        mirror = background(
            source, "make-mirror", target.endpoint, "--prefix=mirrored", f"--dest-prefix={prefix}",
            "--no-dest-prefix=false")
        deadline = time.monotonic() + 15
        while target.etcdctl("get", f"{prefix}", "--prefix", "--print-value-only")[1] != "1\n":
            assert time.monotonic() < deadline and mirror.poll() is None
        mirror.terminate()
        mirror.wait(timeout=10)
