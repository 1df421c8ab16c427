"""What a member keeps over restarts, and what it lets go: leases, snapshots, segments, old revisions."""

import os
import re
import time

from rpc import Client, message, outcome
from servers import OURS, REAL, Server

import pytest

PUT = message("PutRequest")


def remaining(server, lease):
    text = server.etcdctl("lease", "timetolive", lease, "--keys")[1]
    return int(re.search(r"remaining\((\d+)s\)", text).group(1)), text


def test_leases_keep_their_keys_and_their_time_over_a_restart():
    with Server(OURS) as server:
        server.start()
        lease = server.etcdctl("lease", "grant", "500")[1].split()[1]
        short = server.etcdctl("lease", "grant", "3")[1].split()[1]
        server.etcdctl("put", "long", "1", f"--lease={lease}")
        server.etcdctl("put", "short", "1", f"--lease={short}")
        server.kill()
        server.start()
        seconds, text = remaining(server, lease)
        assert 490 <= seconds <= 501 and "attached keys([long])" in text
        deadline = time.monotonic() + 15
        while server.etcdctl("get", "short")[1]:
            assert time.monotonic() < deadline, "the key outlived its lease"
        assert server.etcdctl("get", "long")[1] == "long\n1\n"


def test_a_checkpoint_keeps_the_remaining_time_over_a_restart():
    flags = ["--experimental-enable-lease-checkpoint", "--experimental-enable-lease-checkpoint-persist"]
    with Server(OURS, *flags) as server:
        server.start()
        client = Client(server.endpoint)
        client.lease("LeaseGrant", message("LeaseGrantRequest")(ID=77, TTL=4000))
        client.close()
        server.stop()
        server.start()
        assert 3990 <= remaining(server, "4d")[0] <= 4001


def test_snapshots_and_segments_beyond_the_limits_go_and_the_rest_recovers():
    with Server(OURS, "--snapshot-count=40", "--max-snapshots=2", "--max-wals=2",
                "--quota-backend-bytes=-1") as server:
        server.start()
        client = Client(server.endpoint)
        value = os.urandom(1_000_000)
        for number in range(280):
            client.kv("Put", PUT(key=b"k%03d" % (number % 20), value=value))
        client.close()
        folder = server.data / "d/member"
        deadline = time.monotonic() + 60
        while len(list((folder / "wal").glob("*.wal"))) > 3 or len(list((folder / "snap").glob("0*.snap"))) > 3:
            assert time.monotonic() < deadline, sorted(p.name for p in folder.glob("*/*"))
            client = Client(server.endpoint)
            client.kv("Put", PUT(key=b"more", value=value))
            client.close()
            time.sleep(0.2)
        server.kill()
        (folder / "snap/db").unlink()
        server.start()
        client = Client(server.endpoint)
        everything = message("RangeRequest")(key=b"k", range_end=b"l", count_only=True)
        assert client.kv("Range", everything).count == 20
        client.close()


@pytest.mark.parametrize("binary", [OURS, REAL], ids=["ours", "etcd"])
def test_old_revisions_are_compacted_by_themselves(binary):
    with Server(binary, "--auto-compaction-mode=periodic", "--auto-compaction-retention=1s") as server:
        server.start()
        for number in range(5):
            server.etcdctl("put", "a", str(number))
        deadline = time.monotonic() + 20
        while server.etcdctl("get", "a", "--rev=2")[0] == 0:
            assert time.monotonic() < deadline, "revision 2 was never compacted"
            time.sleep(0.2)
        assert "has been compacted" in server.etcdctl("get", "a", "--rev=2")[2]
        assert server.etcdctl("get", "a")[1] == "a\n4\n"


def test_a_large_range_costs_no_memory_of_its_size():
    with Server(OURS) as server:
        server.start()
        client = Client(server.endpoint)
        for start in range(0, 100_000, 100):
            txn = message("TxnRequest")()
            for number in range(start, start + 100):
                txn.success.add(request_put=PUT(key=b"key%06d" % number, value=bytes(500)))
            client.kv("Txn", txn)
        before = server.memory()[0]
        everything = message("RangeRequest")(key=b"\x00", range_end=b"\x00")
        raw = client.channel.unary_unary(
            "/etcdserverpb.KV/Range", request_serializer=lambda m: m.SerializeToString(),
            response_deserializer=len)
        answers = [raw.future(everything, timeout=120) for _ in range(10)]
        peak = before
        while not all(answer.done() for answer in answers):
            peak = max(peak, server.memory()[0])
            time.sleep(0.02)
        assert all(answer.result() > 50_000_000 for answer in answers)
        assert peak - before < 64 << 20, f"{(peak - before) >> 20} MiB more"
        client.close()


def test_a_defragmentation_shrinks_the_file_and_readers_go_on():
    with Server(OURS) as server:
        server.start()
        client = Client(server.endpoint)
        for number in range(300):
            client.kv("Put", PUT(key=b"k", value=os.urandom(50_000)))
        revision = client.kv("Range", message("RangeRequest")(key=b"k")).header.revision
        client.compact(revision, physical=True)
        size = lambda: client.maintenance("Status", message("StatusRequest")()).dbSize
        before = size()
        call = client.channel.unary_unary(
            "/etcdserverpb.Maintenance/Defragment", request_serializer=lambda m: m.SerializeToString(),
            response_deserializer=message("DefragmentResponse").FromString)
        pending = call.future(message("DefragmentRequest")(), timeout=60)
        while not pending.done():
            assert outcome(client.kv, "Range", message("RangeRequest")(key=b"k"))[0] == "ok"
        pending.result()
        assert size() < before / 4
        client.close()
