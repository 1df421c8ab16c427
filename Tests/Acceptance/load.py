"""Clients that write and watch while a cluster is hurt, and what they know afterwards."""

import queue
import random
import threading
import time

import grpc

from rpc import Client, message


class Writers:
    """Threads that put, each through its own member, and go to the next one when theirs fails.

    `acknowledged`: what was answered, by revision. `slow`: the longest time between two answers of anybody.
    """

    def __init__(self, members, count=4, seed=1, pause=0.0, timeout=0.6):
        self.members = list(members)
        self.acknowledged = {}
        self.latencies = []
        self.failures = []
        self.last_answer = time.monotonic()
        self.longest_gap = 0.0
        self._pause = pause
        self.timeout = timeout
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._write, args=(number, random.Random(f"{seed}/{number}")), daemon=True)
            for number in range(count)]

    def __enter__(self):
        self.last_answer = time.monotonic()
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for each in self._threads:
            each.join(timeout=20)

    def reset_gap(self):
        with self._lock:
            self.longest_gap = 0.0
            self.last_answer = time.monotonic()

    @property
    def count(self):
        return len(self.acknowledged)

    def wait_for_more(self, more, seconds=30):
        """Waits until so many more writes were acknowledged."""
        target, deadline = self.count + more, time.monotonic() + seconds
        while self.count < target:
            assert time.monotonic() < deadline, f"no progress: {self.failures[-3:]}"
            time.sleep(0.01)

    def _write(self, number, rng):
        turn, client = number, None
        serial = 0
        while not self._stop.is_set():
            if client is None:
                client = Client(self.members[turn % len(self.members)].endpoint)
            serial += 1
            key, value = b"load/%d" % rng.randrange(100), b"%d-%d-" % (number, serial) + rng.randbytes(20)
            begun = time.monotonic()
            try:
                answer = client.kv("Put", message("PutRequest")(key=key, value=value), timeout=self.timeout)
            except grpc.RpcError as error:
                with self._lock:
                    self.failures.append((time.monotonic(), error.code().name, error.details()))
                client.close()
                client = None
                turn += 1
                time.sleep(0.01)
                continue
            now = time.monotonic()
            with self._lock:
                self.acknowledged[answer.header.revision] = (key, value)
                self.latencies.append(now - begun)
                self.longest_gap = max(self.longest_gap, now - self.last_answer)
                self.last_answer = now
            if self._pause:
                time.sleep(self._pause)
        if client is not None:
            client.close()


class Watcher:
    """Follows every key through one member, again from where it was when its stream breaks."""

    def __init__(self, member, revision=1):
        self.member = member
        self.next = revision
        self.events = {}
        self.faults = []
        self._stop = threading.Event()
        self._call = None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        if self._call is not None:
            self._call.cancel()
        self._thread.join(timeout=20)

    def wait_for(self, revision, seconds=60):
        deadline = time.monotonic() + seconds
        while self.next <= revision:
            assert time.monotonic() < deadline, f"the watch on {self.member.name} is at {self.next}, not {revision}"
            time.sleep(0.02)

    def _watch(self):
        while not self._stop.is_set():
            client = Client(self.member.endpoint)
            try:
                self._follow(client)
            except grpc.RpcError:
                self._stop.wait(0.05)
            finally:
                client.close()

    def _follow(self, client):
        requests = queue.Queue()
        create = message("WatchCreateRequest")(
            key=b"\x00", range_end=b"\x00", start_revision=self.next, fragment=True)
        requests.put(message("WatchRequest")(create_request=create))
        self._call = client.stream(
            "etcdserverpb.Watch", "Watch", iter(requests.get, None), "WatchRequest", "WatchResponse")
        try:
            for answer in self._call:
                if answer.canceled:
                    self.faults.append(f"cancelled: {answer.cancel_reason} at {answer.compact_revision}")
                    return
                for event in answer.events:
                    self._take(event)
                if answer.events and not answer.fragment:
                    self.next = answer.events[-1].kv.mod_revision + 1
        finally:
            requests.put(None)

    def _take(self, event):
        revision, key = event.kv.mod_revision, event.kv.key
        if revision < self.next or (revision, key) in self.events:
            self.faults.append(f"event of revision {revision} came twice")
        if self.events and revision < max(self.next - 1, 0):
            self.faults.append(f"event of revision {revision} came late")
        self.events[revision, key] = event.kv.value


def assert_nothing_lost(writers, watchers, cluster):
    """Every acknowledged write was seen by every watcher once, and revisions have no holes."""
    last = max(writers.acknowledged)
    for watcher in watchers:
        watcher.wait_for(last)
        assert not watcher.faults, f"{watcher.member.name}: {watcher.faults[:5]}"
        seen = {revision for revision, _ in watcher.events}
        holes = [r for r in range(min(seen), last) if r not in seen]
        assert not holes, f"{watcher.member.name} missed revisions {holes[:5]}"
        for revision, (key, value) in writers.acknowledged.items():
            assert watcher.events.get((revision, key)) == value, f"revision {revision} was lost"
    cluster.assert_equal_hashes()
