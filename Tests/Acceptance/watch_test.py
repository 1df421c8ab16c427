"""Watchers that come and go: what they see from their first revision on, and whom a write wakes."""

import os
import pathlib
import queue
import threading
import time

import grpc
import pytest

from rpc import Client, message
from servers import OURS, Server

PREFIX, END = b"w/", b"w0"
OWN_CONNECTION = ("grpc.use_local_subchannel_pool", 1)


@pytest.fixture
def server():
    with Server(OURS) as server:
        yield server.start()


def put(client, number):
    return client.kv("Put", message("PutRequest")(key=PREFIX + b"%d" % (number % 10), value=b"v")).header.revision


def revisions(client, seconds):
    """A watch from now on, for so long: the revision its creation named, and those of its events."""
    over = threading.Event()

    def requests():
        create = message("WatchCreateRequest")(key=PREFIX, range_end=END)
        yield message("WatchRequest")(create_request=create)
        over.wait()

    stream = client.stream("etcdserverpb.Watch", "Watch", requests(), "WatchRequest", "WatchResponse")
    created = next(stream)
    assert created.created and not created.canceled, created
    timer = threading.Timer(seconds, stream.cancel)
    timer.start()
    seen = []
    try:
        for response in stream:
            assert not response.canceled, response
            seen += [event.kv.mod_revision for event in response.events]
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.CANCELLED, error
    finally:
        timer.cancel()
        over.set()
    return created.header.revision, seen


def test_a_loops_first_watcher_misses_nothing_though_all_is_compacted_at_once(server):
    end, failures, watches = time.monotonic() + 4, queue.Queue(), queue.Queue()

    def run(work):
        client = Client(server.endpoint, OWN_CONNECTION)
        try:
            while time.monotonic() < end:
                work(client)
        except Exception as error:
            failures.put(error)
        client.close()

    def write(client):
        revision = put(client, time.monotonic_ns())
        if revision % 7 == 0:
            client.compact(revision)

    def watch(client):
        first, seen = revisions(client, 0.02)
        assert seen == list(range(first + 1, first + 1 + len(seen)))
        watches.put(len(seen))

    # A connection each: a loop has one watcher or none, or, by chance, both.
    threads = [threading.Thread(target=run, args=(work,)) for work in (write, watch, watch)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures.empty(), failures.get()
    counts = [watches.get() for _ in range(watches.qsize())]
    assert len(counts) > 20 and sum(counts) > 100


def turns(server):
    """How often each event loop has run."""
    found = {}
    for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        if name.startswith("loop-"):
            found[name] = int((task / "schedstat").read_text().split()[2])
    return found


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core has one loop")
def test_a_write_wakes_no_loop_that_has_nothing_to_show(server):
    client = Client(server.endpoint)
    put(client, 0)
    before, began = turns(server), time.monotonic()
    for number in range(400):
        put(client, number)
    ticks = 10 * (time.monotonic() - began)
    idle = [turn - before[loop] for loop, turn in turns(server).items()]
    idle.remove(max(idle))
    client.close()
    assert max(idle) < 100 + 2 * ticks
