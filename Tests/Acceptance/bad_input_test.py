"""Damaged files, full disks, impossible settings and hostile requests: a clear error, and nothing lost."""

import os
import socket
import subprocess
import time

import grpc
import pytest

from damage import PUT, count_keys, flip, last_record_end, put_many, refused, segments
from rpc import Client, message, outcome
from servers import OURS, Server


def test_a_torn_tail_of_the_log_is_cut_and_everything_before_it_is_there():
    with Server(OURS) as server:
        server.start()
        put_many(server, 50)
        server.kill()
        path = segments(server)[-1]
        end = last_record_end(path)
        with open(path, "r+b") as file:
            file.truncate(end - 5)
        server.start()
        assert count_keys(server) >= 49
        put_many(server, 60)
        server.kill()
        server.start()
        assert count_keys(server) == 60


def test_a_flipped_bit_in_the_log_is_named_with_file_and_offset():
    with Server(OURS) as server:
        server.start()
        put_many(server, 50)
        server.kill()
        path = segments(server)[0]
        flip(path, last_record_end(path) // 2)
        refused(server, path.name, "offset")


@pytest.mark.parametrize("damage", ["delete", "truncate", "zero the meta pages", "garbage"])
def test_a_lost_or_damaged_database_is_rebuilt_from_snapshot_and_log(damage):
    with Server(OURS, "--snapshot-count=100") as server:
        server.start()
        put_many(server, 450)
        deadline = time.monotonic() + 30
        while not list((server.data / "d/member/snap").glob("0*.snap")):
            assert time.monotonic() < deadline, "no snapshot was written"
            time.sleep(0.05)
        server.kill()
        database = server.data / "d/member/snap/db"
        if damage == "delete":
            database.unlink()
        elif damage == "truncate":
            os.truncate(database, 4096 * 3)
        elif damage == "garbage":
            database.write_bytes(os.urandom(100_000))
        else:
            with open(database, "r+b") as file:
                file.write(bytes(8192))
        server.start()
        assert count_keys(server) == 450
        assert "rebuil" in server.log_text()


def test_a_damaged_newest_snapshot_is_set_aside_and_an_older_one_serves():
    with Server(OURS, "--snapshot-count=100") as server:
        server.start()
        deadline = time.monotonic() + 60
        while len(list((server.data / "d/member/snap").glob("0*.snap"))) < 2:
            assert time.monotonic() < deadline
            put_many(server, 150)
        expected = count_keys(server)
        server.kill()
        newest = sorted((server.data / "d/member/snap").glob("0*.snap"))[-1]
        flip(newest, newest.stat().st_size // 2)
        (server.data / "d/member/snap/db").unlink()
        server.start()
        assert count_keys(server) == expected
        assert newest.name in server.log_text()


def test_a_port_in_use_is_named():
    with Server(OURS) as first:
        first.start()
        second = Server(OURS)
        second.client_port = first.client_port
        with second:
            refused(second, str(first.client_port), "address already in use")


@pytest.mark.parametrize("flags, status, text", [
    (["--listen-client-urls=127.0.0.1:1"], 2, "listen-client-urls"),
    (["--initial-cluster=other=http://127.0.0.1:1"], 1, "couldn't find local name"),
    (["--nosuchflag"], 2, "flag provided but not defined: -nosuchflag"),
    (["--election-timeout=abc"], 2, 'invalid value "abc" for flag -election-timeout: parse error'),
    (["--heartbeat-interval=1000", "--election-timeout=2000"], 1, "should be at least as 5 times"),
    (["--config-file=/nonexistent.yml"], 1, "/nonexistent.yml"),
    (["--config-file=/"], 1, "is a directory"),
    (["--listen-client-urls=http://"], 2, "listen-client-urls"),
    (["--listen-client-urls=ftp://127.0.0.1:1"], 2, "URL scheme must be http, https, unix, or unixs"),
    (["--listen-client-urls=http://127.0.0.1"], 2, "listen-client-urls"),
    (["--listen-client-urls=http://127.0.0.1:1/path"], 2, "listen-client-urls"),
    (["--listen-peer-urls=http://127.0.0.1:abc"], 2, "listen-peer-urls"),
    (["--listen-client-urls=http://not-an-ip:1"], 1, "expected IP in URL for binding (http://not-an-ip:1)"),
    (["--advertise-client-urls=http://%zz:1"], 2, "advertise-client-urls"),
    (["--initial-cluster=m1=ftp://x:1"], 1, "URL scheme must be http, https, unix, or unixs: ftp://x:1"),
    (["--initial-cluster=m1=http://127.0.0.1:1"], 1, "--initial-cluster"),
    (["--initial-cluster-state=maybe"], 2, "initial-cluster-state"),
    (["--snapshot-count=-1"], 2, "snapshot-count"),
    (["--data-dir=/dev/null/x"], 1, "/dev/null/x"),
    (["stray"], 1, "'stray' is not a valid flag"),
    (["--log-level=loud"], 1, "loud"),
    (["--auto-compaction-mode=never"], 1, "auto-compaction-mode"),
])
def test_impossible_settings_are_refused_by_name(flags, status, text):
    with Server(OURS, *flags) as server:
        refused(server, text, status=status)


@pytest.mark.parametrize("text, says", [
    ("name: [1\n", "did not find expected"),
    ("heartbeat-interval: abc\n", "heartbeat-interval"),
    ("\0\1\2", "error converting YAML to JSON"),
])
def test_a_config_file_that_cannot_be_read_is_refused(tmp_path, text, says):
    path = tmp_path / "etcd.yml"
    path.write_text(text)
    with Server(OURS, f"--config-file={path}") as server:
        refused(server, says)


def test_a_data_folder_without_permission_is_named(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", OURS, "--data-dir", str(folder)],
        capture_output=True, text=True, timeout=30, cwd="/")
    if "setpriv" in done.stderr or done.returncode == 127:
        pytest.skip("setpriv cannot change user here")
    assert done.returncode == 1
    assert str(folder) in done.stderr and "ermission denied" in done.stderr


def test_a_full_disk_stops_the_member_and_loses_nothing(tmp_path):
    mount = tmp_path / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(mount)], capture_output=True).returncode:
        pytest.skip("no right to mount a small file system")
    try:
        with Server(OURS, data=mount / "m") as server:
            (mount / "m").mkdir()
            server.log_path = tmp_path / "log"
            server.start()
            client = Client(server.endpoint)
            acknowledged, value = 0, os.urandom(1_000_000)
            while acknowledged < 400:
                try:
                    client.kv("Put", PUT(key=b"big%d" % acknowledged, value=value), timeout=10)
                except grpc.RpcError:
                    break
                acknowledged += 1
            client.close()
            assert 10 < acknowledged < 400
            if server.process.poll() is None:
                server.kill()
            subprocess.run(["mount", "-o", "remount,size=900m", str(mount)], check=True)
            server.start()
            assert count_keys(server) >= acknowledged
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=False)


@pytest.fixture(scope="module")
def server():
    with Server(OURS) as one:
        yield one.start()


@pytest.fixture
def client(server):
    one = Client(server.endpoint)
    yield one
    one.close()


def test_large_and_many(client):
    assert outcome(client.kv, "Put", PUT(key=b"v", value=bytes(1_000_000)))[0] == "ok"
    assert outcome(client.kv, "Put", PUT(key=b"v", value=bytes(1_600_000))) == (
        "error", "INVALID_ARGUMENT", "etcdserver: request is too large")
    assert outcome(client.kv, "Put", PUT(key=b"v", value=bytes(2_200_000)))[1] == "RESOURCE_EXHAUSTED"
    txn = message("TxnRequest")()
    for number in range(10_000):
        txn.success.add(request_put=PUT(key=b"%d" % number))
    assert outcome(client.kv, "Txn", txn) == (
        "error", "INVALID_ARGUMENT", "etcdserver: too many operations in txn request")
    grant = message("LeaseGrantRequest")(TTL=9_000_000_001)
    assert outcome(client.lease, "LeaseGrant", grant) == ("error", "OUT_OF_RANGE", "etcdserver: too large lease TTL")


def test_unknown_methods_and_services(client):
    request = PUT(key=b"a")
    assert outcome(client.unary, "etcdserverpb.KV", "NoSuch", request, response="PutResponse") == (
        "error", "UNIMPLEMENTED", "unknown method NoSuch for service etcdserverpb.KV")
    assert outcome(client.unary, "no.Such", "Thing", request, response="PutResponse") == (
        "error", "UNIMPLEMENTED", "unknown service no.Such")


def test_a_deadline_is_kept_and_a_cancelled_watch_is_forgotten(server, client):
    before = server.get("/metrics")[1]
    stream = client.stream(
        "etcdserverpb.Watch", "Watch",
        iter([message("WatchRequest")(create_request=message("WatchCreateRequest")(key=b"w"))]),
        "WatchRequest", "WatchResponse", timeout=0.3)
    with pytest.raises(grpc.RpcError) as error:
        for _ in stream:
            pass
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    deadline = time.monotonic() + 5
    while "etcd_debugging_mvcc_watcher_total 0" not in server.get("/metrics")[1]:
        assert time.monotonic() < deadline, before
        time.sleep(0.02)


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")


@pytest.mark.parametrize("name, flood", [
    ("settings", bytes.fromhex("000000040000000000") * 100_000),
    ("ping", bytes.fromhex("0000080600000000000000000000000000") * 100_000),
    ("window updates", bytes.fromhex("00000408000000000000000001") * 100_000),
    ("garbage", os.urandom(1_000_000)),
])
def test_a_flood_harms_nobody_else(server, client, name, flood):
    attacker = socket.create_connection(("127.0.0.1", server.client_port))
    attacker.settimeout(0.5)
    try:
        attacker.sendall(PREFACE + flood)
    except OSError:
        pass
    assert client.kv("Put", PUT(key=b"alive", value=name.encode())).header.revision > 1
    attacker.close()
    assert server.memory()[0] < 400 << 20


def test_half_open_connections_and_slow_readers_harm_nobody_else(server, client):
    for number in range(100):
        client.kv("Put", PUT(key=b"slow%03d" % number, value=bytes(100_000)))
    idle = [socket.create_connection(("127.0.0.1", server.client_port)) for _ in range(200)]
    half = [socket.create_connection(("127.0.0.1", server.client_port)) for _ in range(50)]
    for each in half:
        each.sendall(PREFACE[:10])
    slow = [Client(server.endpoint) for _ in range(20)]
    request = message("RangeRequest")(key=b"slow", range_end=b"slox")
    streams = [each.channel.unary_stream(
        "/etcdserverpb.KV/Range", request_serializer=lambda m: m.SerializeToString(),
        response_deserializer=lambda b: b)(request) for each in slow]
    before = server.memory()[0]
    for _ in range(200):
        client.kv("Put", PUT(key=b"alive", value=b"1"))
    assert server.memory()[0] < before + (64 << 20)
    for each in streams:
        each.cancel()
    for each in idle + half:
        each.close()
    for each in slow:
        each.close()


def test_the_quota_raises_an_alarm_that_can_be_disarmed():
    with Server(OURS, "--quota-backend-bytes=8388608") as server:
        server.start()
        client = Client(server.endpoint)
        result = None
        for number in range(400):
            result = outcome(client.kv, "Put", PUT(key=b"q%d" % number, value=os.urandom(100_000)))
            if result[0] == "error":
                break
        assert result == ("error", "RESOURCE_EXHAUSTED", "etcdserver: mvcc: database space exceeded")
        assert "alarm:NOSPACE" in server.etcdctl("alarm", "list")[1]
        assert server.etcdctl("get", "q0", "--keys-only")[0] == 0
        status, _, errors = server.etcdctl("del", "q", "--prefix")
        assert status == 0, errors
        revision = client.kv("Range", message("RangeRequest")(key=b"q0")).header.revision
        client.compact(revision, physical=True)
        assert server.etcdctl("defrag")[0] == 0
        assert server.etcdctl("alarm", "disarm")[0] == 0
        assert outcome(client.kv, "Put", PUT(key=b"q", value=b"fits"))[0] == "ok"
        client.close()
