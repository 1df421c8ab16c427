"""kill -9 under load, again and again on one data folder: nothing acknowledged is lost.

CRASH_ROUNDS (50) and CRASH_SEED choose the run. After each restart every revision since the last one is read
through a watch: they must be dense, hold every acknowledged write, and hash to what HashKV answers.
"""

import os
import queue
import random
import struct
import threading
import time

import google_crc32c
import grpc

from rpc import Client, message
from servers import OURS, Server

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "50"))
SEED = int(os.environ.get("CRASH_SEED", "1"))


class Replay:
    """What the store must hold, rebuilt from the events of a watch; its hash is HashKV's (api.md 16)."""

    def __init__(self):
        self.revision = 1
        self.sub = 0
        self.crc = google_crc32c.extend(0, b"key")
        self.values = {}

    def take(self, event):
        main = event.kv.mod_revision
        self.sub = self.sub + 1 if main == self.revision else 0
        assert main in (self.revision, self.revision + 1), f"revision {main} follows {self.revision}"
        self.revision = main
        key = struct.pack(">qcq", main, b"_", self.sub)
        if event.type == 1:
            record = message("KeyValue")(key=event.kv.key)
            key += b"t"
            self.values.pop(event.kv.key, None)
        else:
            record = event.kv
            self.values[event.kv.key] = event.kv.value
        self.crc = google_crc32c.extend(google_crc32c.extend(self.crc, key), record.SerializeToString())

    def catch_up(self, client):
        target = client.kv("Range", message("RangeRequest")(key=b"x")).header.revision
        assert target >= self.revision, "acknowledged revisions are gone"
        if target == self.revision:
            return
        requests = queue.Queue()
        create = message("WatchCreateRequest")(key=b"\x00", range_end=b"\x00", start_revision=self.revision + 1)
        requests.put(message("WatchRequest")(create_request=create))
        stream = client.stream(
            "etcdserverpb.Watch", "Watch", iter(requests.get, None), "WatchRequest", "WatchResponse", timeout=60)
        for answer in stream:
            for event in answer.events:
                self.take(event)
            if self.revision >= target:
                break
        requests.put(None)
        stream.cancel()


def load(client, rng, acknowledged, stop):
    """Puts, deletes and two-key transactions, 32 in flight, until stopped or the server is gone."""
    in_flight = []
    put = client.channel.unary_unary(
        "/etcdserverpb.KV/Put", request_serializer=lambda m: m.SerializeToString(),
        response_deserializer=message("PutResponse").FromString)
    while not stop.is_set():
        key, value = b"k%d" % rng.randrange(200), rng.randbytes(rng.choice([10, 100, 1000]))
        in_flight.append((key, value, put.future(message("PutRequest")(key=key, value=value), timeout=20)))
        if len(in_flight) >= 32:
            settle(in_flight.pop(0), acknowledged)
    for each in in_flight:
        settle(each, acknowledged)


def settle(item, acknowledged):
    key, value, future = item
    try:
        acknowledged.append((future.result().header.revision, key, value))
    except grpc.RpcError:
        pass


def test_no_acknowledged_write_is_lost_by_kill_9():
    rng = random.Random(SEED)
    replay = Replay()
    with Server(OURS, "--snapshot-count=2000") as server:
        for number in range(ROUNDS):
            server.start()
            client = Client(server.endpoint)
            replay.catch_up(client)
            answer = client.maintenance("HashKV", message("HashKVRequest")(revision=replay.revision))
            assert answer.hash == replay.crc, f"seed {SEED} round {number}: HashKV differs at {replay.revision}"
            acknowledged, stop = [], threading.Event()
            worker = threading.Thread(target=load, args=(client, random.Random(rng.random()), acknowledged, stop))
            worker.start()
            time.sleep(rng.uniform(0.02, 0.4))
            server.kill()
            stop.set()
            worker.join()
            client.close()
            verify_acknowledged(server, replay, acknowledged, number)


def verify_acknowledged(server, replay, acknowledged, number):
    server.start()
    client = Client(server.endpoint)
    history = {}
    take = replay.take

    def remember(event):
        take(event)
        history[event.kv.mod_revision] = (event.kv.key, event.kv.value)

    replay.take = remember
    replay.catch_up(client)
    replay.take = take
    for revision, key, value in acknowledged:
        assert history.get(revision) == (key, value), f"seed {SEED} round {number}: revision {revision} was lost"
    client.close()
    server.kill()
