"""A client that is alone: its writes go the short way (`ShortPath`), and are what they are on the long one."""

import os
import pathlib
import re
import signal
import threading

import grpc
import pytest

from rpc import Client, message
from servers import OURS, Server


@pytest.fixture
def server():
    with Server(OURS) as server:
        yield server.start()


def put(client, key, value=b"v"):
    return client.kv("Put", message("PutRequest")(key=key, value=value)).header.revision


def get(client, key):
    return client.kv("Range", message("RangeRequest")(key=key)).kvs[0].value


def turns(server, thread):
    """How often a thread of the server has run."""
    for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
        if (task / "comm").read_text().strip() == thread:
            return int((task / "schedstat").read_text().split()[2])
    raise KeyError(thread)


def sync_seconds(server):
    """What a sync of the log has taken, in the mean."""
    text = server.get("/metrics")[1]
    total, count = (float(re.search(rf"^etcd_disk_wal_fsync_duration_seconds_{name} (\S+)$", text, re.M).group(1))
                    for name in ("sum", "count"))
    return total / count


def test_one_client_has_no_need_of_the_apply_thread(server):
    client = Client(server.endpoint)
    first = put(client, b"k")
    before = turns(server, "apply")
    for number in range(400):
        assert put(client, b"k", b"%d" % number) == first + 1 + number
        assert get(client, b"k") == b"%d" % number
    used = turns(server, "apply") - before
    client.close()
    if sync_seconds(server) > 0.0005:
        pytest.skip("the disk is too slow for the short way")
    assert used < 200


def test_what_goes_the_short_way_is_seen_by_watchers_and_txns(server):
    client = Client(server.endpoint)
    requests = iter([message("WatchRequest")(create_request=message("WatchCreateRequest")(key=b"k"))])
    stream = client.stream("etcdserverpb.Watch", "Watch", requests, "WatchRequest", "WatchResponse", timeout=60)
    assert next(stream).created
    writer = Client(server.endpoint)
    revision = put(writer, b"k")
    seen = []
    while len(seen) < 1:
        seen += [event.kv.mod_revision for event in next(stream).events]
    for _ in range(50):
        compare = message("Compare")(key=b"k", target=2, mod_revision=revision)
        operation = message("RequestOp")(request_put=message("PutRequest")(key=b"k", value=b"w"))
        answer = writer.kv("Txn", message("TxnRequest")(compare=[compare], success=[operation]))
        assert answer.succeeded
        revision = answer.header.revision
        seen += [event.kv.mod_revision for event in next(stream).events]
    assert seen == list(range(revision - 50, revision + 1))
    stream.cancel()
    client.close()
    writer.close()


def test_kill_9_loses_nothing_acknowledged_to_a_lone_client(server):
    for round in range(3):
        client, acknowledged = Client(server.endpoint), 0
        threading.Timer(0.3, os.kill, (server.process.pid, signal.SIGKILL)).start()
        with pytest.raises(grpc.RpcError):
            while True:
                put(client, b"k%d" % round, b"%d" % (acknowledged + 1))
                acknowledged += 1
        client.close()
        server.process.wait()
        assert acknowledged > 0
        server.start()
        client = Client(server.endpoint)
        # The write that was under way may be there or not.
        assert int(get(client, b"k%d" % round)) in (acknowledged, acknowledged + 1)
        client.close()
