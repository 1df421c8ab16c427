"""Random operations to our server and to a real etcd; any difference beyond ids, terms and times fails.

The seed is printed on failure; DIFFERENTIAL_SEED and DIFFERENTIAL_OPERATIONS replay or lengthen a run.
The oracle is Debian's etcd 3.4: where later releases changed an answer on purpose, the operation avoids it.
"""

import os
import queue
import random
import threading

import pytest

from rpc import Client, message, outcome
from servers import OURS, REAL, Server

SEED = int(os.environ.get("DIFFERENTIAL_SEED", "20261122"))
OPERATIONS = int(os.environ.get("DIFFERENTIAL_OPERATIONS", "20000"))

KEYS = [b"a", b"aa", b"ab", b"b", b"ba", b"c", b"d", b"d\x00", b"dz", b"e" * 40, b"\x00", b"\xff", b"\xff\xff", b"zz"]
ENDS = [b"", b"", b"", b"\x00", b"b", b"bz", b"d", b"e", b"\xff", b"\xff\xff\xff", b"a"]


def canonical(result):
    """The answer without what must differ: cluster, member, term, sizes; lists without order sorted."""
    if result[0] == "error":
        return result
    answer = type(result[1])()
    answer.CopyFrom(result[1])
    if answer.DESCRIPTOR.fields_by_name.get("header") and answer.HasField("header"):
        answer.header.cluster_id = answer.header.member_id = answer.header.raft_term = 0
    if answer.DESCRIPTOR.name == "LeaseTimeToLiveResponse":
        answer.keys.sort()
        if answer.TTL > 0:
            answer.TTL = answer.grantedTTL
    if answer.DESCRIPTOR.name == "LeaseLeasesResponse":
        ids = sorted(lease.ID for lease in answer.leases)
        del answer.leases[:]
        for each in ids:
            answer.leases.add(ID=each)
    return ("ok", str(answer))


def spared(txn):
    """The Txn without what kills etcd: a delete "from key" on, and a put of such a key with ignore_value.

    The overlap check does not understand the from-key form, so the put passes it, finds its key deleted by its
    own transaction, and etcd 3.4 panics ("unexpected error during txn: etcdserver: key not found").
    """
    operations = list(flat(txn))
    if any(op.request_delete_range.range_end == b"\x00" for op in operations):
        for op in operations:
            if op.HasField("request_put"):
                op.request_put.ignore_value = op.request_put.ignore_lease = False
    return txn


def flat(txn):
    for op in [*txn.success, *txn.failure]:
        if op.HasField("request_txn"):
            yield from flat(op.request_txn)
        else:
            yield op


class Generator:
    """Draws operations from a seed; knows just enough of the state to aim at interesting places."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.revision = 1
        self.compacted = 0
        self.leases = []
        self.next_lease = 1000

    def key(self):
        return self.random.choice(KEYS) if self.random.random() > 0.01 else b""

    def any_revision(self):
        draw = self.random.random()
        if draw < 0.6:
            return 0
        if draw < 0.65:
            return self.random.choice([-5, self.revision + 5, 1, self.compacted, self.compacted - 1])
        return self.random.randint(max(1, self.compacted - 2), self.revision + 1)

    def lease_id(self):
        draw = self.random.random()
        if draw < 0.7 or not self.leases:
            return 0
        return self.random.choice(self.leases) if draw < 0.97 else 424242

    def range(self):
        r = self.random
        request = message("RangeRequest")(key=self.key(), range_end=r.choice(ENDS), revision=self.any_revision())
        request.limit = r.choice([0, 0, 0, 1, 2, 5, -1])
        request.serializable = r.random() < 0.5
        request.keys_only = r.random() < 0.15
        request.count_only = r.random() < 0.1
        if r.random() < 0.4:
            request.sort_order = r.randint(0, 2)
            request.sort_target = r.choice([0, 2, 3, 0])
            if request.sort_target == 2:
                # Several keys may share a create revision, and etcd's sort is not stable.
                request.sort_target = 3
        for field in ("min_mod_revision", "max_mod_revision", "min_create_revision", "max_create_revision"):
            if r.random() < 0.06:
                setattr(request, field, r.randint(0, self.revision + 1))
        return request

    def put(self):
        r = self.random
        request = message("PutRequest")(key=self.key(), value=r.randbytes(r.choice([0, 1, 8, 100])))
        request.lease = self.lease_id()
        request.prev_kv = r.random() < 0.3
        if r.random() < 0.05:
            request.ignore_value = True
            if r.random() < 0.8:
                request.value = b""
        if r.random() < 0.05:
            request.ignore_lease = True
            if r.random() < 0.8:
                request.lease = 0
        return request

    def delete(self):
        r = self.random
        end = r.choice(ENDS) if r.random() < 0.4 else b""
        return message("DeleteRangeRequest")(key=self.key(), range_end=end, prev_kv=r.random() < 0.3)

    def compare(self):
        r = self.random
        compare = message("Compare")(key=self.key(), result=r.randint(0, 3), target=r.randint(0, 4))
        union = ["version", "create_revision", "mod_revision", "value", "lease"]
        name = union[compare.target] if r.random() < 0.95 else r.choice(union)
        if name == "value":
            compare.value = r.choice([b"", b"x", r.randbytes(1)])
        elif name == "version":
            compare.version = r.randint(0, 4)
        elif name == "lease":
            compare.lease = self.lease_id()
        else:
            setattr(compare, name, r.choice([0, self.revision, r.randint(0, self.revision + 1)]))
        if r.random() < 0.2:
            compare.range_end = r.choice(ENDS)
        return compare

    def operations(self, depth):
        return [self.operation(depth) for _ in range(self.random.choice([0, 1, 1, 2, 3, 4]))]

    def operation(self, depth):
        r = self.random
        draw = r.random()
        make = message("RequestOp")
        if draw < 0.4:
            return make(request_put=self.put())
        if draw < 0.7:
            return make(request_range=self.range())
        if draw < 0.88:
            return make(request_delete_range=self.delete())
        if draw < 0.89:
            return make()
        return make(request_txn=self.txn(depth + 1)) if depth < 3 else make(request_range=self.range())

    def txn(self, depth=0):
        r = self.random
        request = message("TxnRequest")()
        request.compare.extend(self.compare() for _ in range(r.choice([0, 1, 1, 2])))
        request.success.extend(self.operations(depth))
        request.failure.extend(self.operations(depth))
        return spared(request) if depth == 0 else request

    def next(self):
        """(method name, function of a client) of the next operation."""
        draw = self.random.random()
        if draw < 0.35:
            request = self.put()
            return "Put", lambda c: c.kv("Put", request)
        if draw < 0.62:
            request = self.range()
            return "Range", lambda c: c.kv("Range", request)
        if draw < 0.72:
            request = self.delete()
            return "DeleteRange", lambda c: c.kv("DeleteRange", request)
        if draw < 0.92:
            request = self.txn()
            return "Txn", lambda c: c.kv("Txn", request)
        if draw < 0.93:
            revision = self.random.choice([self.revision - 40, self.revision - 3, self.compacted, self.revision + 9])
            physical = self.random.random() < 0.3
            if self.compacted < revision <= self.revision:
                self.compacted = revision
            return f"Compact {revision}", lambda c: c.compact(revision, physical)
        return self.lease()

    def lease(self):
        draw = self.random.random()
        if draw < 0.35:
            lease = self.next_lease if self.random.random() < 0.9 else self.random.choice(self.leases or [7])
            self.next_lease += 1
            ttl = self.random.choice([3600, 7200, 100000, 9_000_000_001])
            if lease not in self.leases and ttl <= 9_000_000_000:
                self.leases.append(lease)
            request = message("LeaseGrantRequest")(ID=lease, TTL=ttl)
            return "LeaseGrant", lambda c: c.lease("LeaseGrant", request)
        if draw < 0.55:
            lease = self.random.choice(self.leases) if self.leases and self.random.random() < 0.9 else 31337
            if lease in self.leases:
                self.leases.remove(lease)
            request = message("LeaseRevokeRequest")(ID=lease)
            return "LeaseRevoke", lambda c: c.lease("LeaseRevoke", request)
        if draw < 0.9:
            lease = self.random.choice(self.leases) if self.leases and self.random.random() < 0.9 else 31337
            request = message("LeaseTimeToLiveRequest")(ID=lease, keys=self.random.random() < 0.6)
            return "LeaseTimeToLive", lambda c: c.lease("LeaseTimeToLive", request)
        return "LeaseLeases", lambda c: c.lease("LeaseLeases", message("LeaseLeasesRequest")())


class Watches:
    """One Watch stream; gathers the events of each watcher until a wanted revision has been seen."""

    def __init__(self, client):
        self.requests = queue.Queue()
        self.events = {}
        self.created = []
        self.canceled = {}
        self.seen = 0
        self.changed = threading.Condition()
        stream = client.stream(
            "etcdserverpb.Watch", "Watch", iter(self.requests.get, None), "WatchRequest", "WatchResponse")
        self.reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.reader.start()

    def _read(self, stream):
        try:
            for answer in stream:
                with self.changed:
                    self.take(answer)
                    self.changed.notify_all()
        except Exception:  # the channel was closed: the test is over
            pass

    def take(self, answer):
        if answer.created:
            self.created.append((answer.watch_id, answer.canceled, answer.cancel_reason))
        elif answer.canceled:
            self.canceled[answer.watch_id] = answer.compact_revision
        gathered = self.events.setdefault(answer.watch_id, [])
        gathered.extend(str(event) for event in answer.events)
        self.seen = max([self.seen] + [event.kv.mod_revision for event in answer.events])

    def create(self, **fields):
        self.requests.put(message("WatchRequest")(create_request=message("WatchCreateRequest")(**fields)))

    def wait(self, condition, seconds=20):
        with self.changed:
            assert self.changed.wait_for(condition, timeout=seconds), "watch events did not arrive"

    def end(self):
        self.requests.put(None)


def compare_watches(clients, generator, marker):
    """The same watches from old revisions on both servers see the same events in the same order."""
    r = generator.random
    wanted = []
    for _ in range(6):
        start = r.randint(max(1, generator.compacted - 3), generator.revision)
        wanted.append(dict(
            key=r.choice(KEYS), range_end=r.choice(ENDS), start_revision=start, prev_kv=r.random() < 0.5,
            filters=[r.randint(0, 1)] if r.random() < 0.2 else [], fragment=r.random() < 0.3))
    wanted.append(dict(key=b"marker", start_revision=generator.revision))
    gathered = []
    for client in clients:
        watches = Watches(client)
        for fields in wanted:
            watches.create(**fields)
        watches.wait(lambda: len(watches.created) == len(wanted))
        gathered.append(watches)
    for client in clients:
        client.kv("Put", message("PutRequest")(key=b"marker", value=marker))
    generator.revision += 1
    for watches in gathered:
        watches.wait(lambda: watches.seen >= generator.revision)
    # A second marker: whatever the catch-up of another watcher still owed has come by then.
    for client in clients:
        client.kv("Put", message("PutRequest")(key=b"marker", value=marker + b"2"))
    generator.revision += 1
    for watches in gathered:
        watches.wait(lambda: watches.seen >= generator.revision)
    ours, real = gathered
    settle = lambda: ours.events == real.events and ours.canceled == real.canceled
    for watches in gathered:
        with watches.changed:
            watches.changed.wait_for(settle, timeout=5)
    for watches in gathered:
        watches.end()
    assert ours.created == real.created, wanted
    assert ours.canceled == real.canceled, wanted
    assert ours.events == real.events, wanted


def test_random_operations_have_the_same_outcome_on_both_servers():
    generator = Generator(SEED)
    with Server(OURS) as ours, Server(REAL) as real:
        clients = [Client(ours.start().endpoint), Client(real.start().endpoint)]
        for number in range(OPERATIONS):
            name, call = generator.next()
            results = [canonical(outcome(call, client)) for client in clients]
            if results[0] != results[1]:
                pytest.fail(
                    f"seed {SEED}, operation {number} ({name}) differs\n"
                    f"--- ours\n{results[0]}\n--- etcd\n{results[1]}")
            if number % 100 == 99:
                status = message("RangeRequest")(key=b"a", count_only=True, serializable=True)
                generator.revision = clients[1].kv("Range", status).header.revision
            if number % 500 == 499:
                compare_watches(clients, generator, b"%d" % number)
        for client in clients:
            client.close()
