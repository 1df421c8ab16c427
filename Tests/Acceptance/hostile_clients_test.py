"""Clients that flood, bomb, dawdle or ask nonsense: bounded, answered, and nobody else notices."""

import threading
import time

import pytest

from damage import PUT
from frames import (CONTINUATION, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, Connection, call, field,
                    frame, request_headers)
from rpc import Client, message, outcome
from servers import OURS, REAL, Server

MEBIBYTE = 1 << 20
PUT_PATH, RANGE_PATH = b"/etcdserverpb.KV/Put", b"/etcdserverpb.KV/Range"


@pytest.fixture(scope="module")
def server():
    with Server(OURS) as one:
        yield one.start()


@pytest.fixture(scope="module")
def oracle():
    with Server(REAL) as one:
        yield one.start()


@pytest.fixture
def client(server):
    one = Client(server.endpoint)
    yield one
    one.close()


@pytest.fixture
def attacker(server):
    one = Connection(server)
    yield one
    one.close()


def others_are_served(server, client, before):
    started = time.monotonic()
    for _ in range(20):
        client.kv("Put", PUT(key=b"alive", value=b"1"))
    assert time.monotonic() - started < 5
    assert server.memory()[0] < before + 64 * MEBIBYTE
    assert server.process.poll() is None


def is_cut_off(attacker, pieces):
    """Sends the pieces; whether the server hangs up or says GOAWAY, at the latest after the last one."""
    if not all(attacker.send(piece) for piece in pieces):
        return True
    try:
        for kind, *_ in attacker.frames():
            if kind == GOAWAY:
                return True
    except TimeoutError:
        return False
    return True


def test_rapid_reset_ends_the_connection(server, client, attacker):
    before = server.memory()[0]
    block = request_headers(PUT_PATH)
    assert is_cut_off(attacker, (
        frame(HEADERS, END_HEADERS, stream, block) + frame(RST_STREAM, 0, stream, bytes([0, 0, 0, 8]))
        for stream in range(1, 200_000, 2)))
    others_are_served(server, client, before)


def test_rapid_reset_of_running_calls_leaves_nothing_behind(server, client, attacker):
    before = server.memory()[0]
    request = PUT(key=b"reset", value=bytes(1000)).SerializeToString()
    for stream in range(1, 2001, 2):
        attacker.send(call(stream, PUT_PATH, request) + frame(RST_STREAM, 0, stream, bytes([0, 0, 0, 8])))
    others_are_served(server, client, before)


@pytest.mark.parametrize("piece", [field(b"x", b"y" * 16_000), b""], ids=["full", "empty"])
def test_endless_continuations_end_the_connection(server, client, attacker, piece):
    before = server.memory()[0]
    assert attacker.send(frame(HEADERS, 0, 1, request_headers(PUT_PATH)))
    assert is_cut_off(attacker, (frame(CONTINUATION, 0, 1, piece) * 10 for _ in range(1000)))
    others_are_served(server, client, before)


def test_a_header_list_that_unpacks_to_more_is_refused(server, client, attacker):
    """4,000 bytes once in the dynamic table, then named 8,000 times by a byte each: 32 MB."""
    before = server.memory()[0]
    block = request_headers(PUT_PATH) + field(b"bomb", b"b" * 3900, indexed=True) + b"\xbe" * 8000
    for stream in range(1, 201, 2):
        if not attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block)):
            break
    others_are_served(server, client, before)
    kinds = set()
    attacker.socket.settimeout(2)
    try:
        for kind, *_ in attacker.frames():
            kinds.add(kind)
            if kind in (RST_STREAM, GOAWAY):
                break
    except TimeoutError:
        pass
    assert kinds & {RST_STREAM, GOAWAY}


@pytest.mark.parametrize("timeout", [b"99999999H", b"1H", b"99999999S"])
def test_a_huge_timeout_is_as_good_as_none(attacker, timeout):
    request = PUT(key=b"timeout", value=b"1").SerializeToString()
    assert attacker.send(call(1, PUT_PATH, request, (b"grpc-timeout", timeout)))
    answer, _ = attacker.answer(1)
    assert message("PutResponse").FromString(answer).header.revision > 1


@pytest.mark.parametrize("timeout", [b"999999999H", b"-1S", b"1x", b"S", b"1", b"\xff\xff"])
def test_a_malformed_timeout_harms_nobody(server, client, attacker, timeout):
    request = PUT(key=b"timeout", value=b"1").SerializeToString()
    assert attacker.send(call(1, PUT_PATH, request, (b"grpc-timeout", timeout)))
    next(attacker.frames())
    others_are_served(server, client, server.memory()[0])


def test_a_timeout_of_nothing_is_answered_at_once(attacker):
    request = message("RangeRequest")(key=b"a").SerializeToString()
    assert attacker.send(call(1, RANGE_PATH, request, (b"grpc-timeout", b"1n")))
    attacker.answer(1)


def test_a_request_sent_byte_by_byte_is_answered(server, client, attacker):
    for byte in call(1, PUT_PATH, PUT(key=b"slow", value=b"1").SerializeToString()):
        assert attacker.send(bytes([byte]))
    answer, _ = attacker.answer(1)
    assert message("PutResponse").FromString(answer).header.revision > 1


def test_clients_that_stop_in_mid_request_harm_nobody(server, client):
    before = server.memory()[0]
    whole = call(1, PUT_PATH, PUT(key=b"half", value=bytes(100_000)).SerializeToString())
    stalled = [Connection(server) for _ in range(100)]
    for number, each in enumerate(stalled):
        each.send(whole[:200 + 300 * number])
    others_are_served(server, client, before)
    for each in stalled:
        each.close()
    assert client.kv("Range", message("RangeRequest")(key=b"half")).count == 0


def test_pings_in_a_flood_end_the_connection(server, client, attacker):
    before = server.memory()[0]
    assert is_cut_off(attacker, (frame(PING, 0, 0, bytes(8)) * 100 for _ in range(1000)))
    others_are_served(server, client, before)


def test_many_open_watches_on_one_connection_are_let_go_with_it(server, client):
    before = server.memory()[0]
    create = message("WatchRequest")(create_request=message("WatchCreateRequest")(key=b"w")).SerializeToString()
    body = b"\x00" + len(create).to_bytes(4, "big") + create
    attacker = Connection(server)
    block = request_headers(b"/etcdserverpb.Watch/Watch")
    reader = threading.Thread(target=lambda: [None for _ in attacker.frames()])
    reader.start()
    for stream in range(1, 4001, 2):
        attacker.send(frame(HEADERS, END_HEADERS, stream, block) + frame(0, 0, stream, body))
    others_are_served(server, client, before)
    attacker.socket.shutdown(2)
    reader.join()
    attacker.close()
    deadline = time.monotonic() + 10
    while "etcd_debugging_mvcc_watcher_total 0\n" not in server.get("/metrics")[1]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def nonsense():
    """Requests that ask for what cannot be, as (name, service, method, request)."""
    m = message
    put, get, delete = m("PutRequest"), m("RangeRequest"), m("DeleteRangeRequest")
    yield "range without key", "KV", "Range", get()
    yield "put without key", "KV", "Put", put(value=b"1")
    yield "delete without key", "KV", "DeleteRange", delete()
    yield "range with an end but no key", "KV", "Range", get(range_end=b"z")
    yield "negative limit", "KV", "Range", get(key=b"\x00", range_end=b"\x00", limit=-5)
    yield "least limit", "KV", "Range", get(key=b"\x00", range_end=b"\x00", limit=-(1 << 63))
    yield "greatest limit", "KV", "Range", get(key=b"\x00", range_end=b"\x00", limit=(1 << 63) - 1)
    yield "negative revision", "KV", "Range", get(key=b"a", revision=-1)
    yield "far revision", "KV", "Range", get(key=b"a", revision=(1 << 63) - 1)
    yield "end before start", "KV", "Range", get(key=b"z", range_end=b"a")
    yield "negative bounds", "KV", "Range", get(
        key=b"\x00", range_end=b"\x00", min_mod_revision=-1, max_mod_revision=-1, min_create_revision=-(1 << 63))
    yield "unknown lease", "KV", "Put", put(key=b"a", lease=12345)
    yield "negative lease", "KV", "Put", put(key=b"a", lease=-1)
    yield "ignored value of no key", "KV", "Put", put(key=b"none", ignore_value=True)
    yield "ignored and given value", "KV", "Put", put(key=b"a", value=b"1", ignore_value=True)
    yield "ignored and given lease", "KV", "Put", put(key=b"a", lease=1, ignore_lease=True)
    yield "empty transaction", "KV", "Txn", m("TxnRequest")()
    yield "transaction with an empty operation", "KV", "Txn", m("TxnRequest")(success=[m("RequestOp")()])
    yield "transaction with a put without key", "KV", "Txn", m("TxnRequest")(
        success=[m("RequestOp")(request_put=put())])
    yield "comparison without key", "KV", "Txn", m("TxnRequest")(compare=[m("Compare")(version=1)])
    yield "compaction to a negative revision", "KV", "Compact", m("CompactionRequest")(revision=-1)
    yield "compaction of the future", "KV", "Compact", m("CompactionRequest")(revision=(1 << 63) - 1)
    yield "lease without time", "Lease", "LeaseGrant", m("LeaseGrantRequest")(TTL=0, ID=5001)
    yield "lease of negative time", "Lease", "LeaseGrant", m("LeaseGrantRequest")(TTL=-1, ID=5002)
    yield "lease of endless time", "Lease", "LeaseGrant", m("LeaseGrantRequest")(TTL=(1 << 63) - 1)
    yield "revocation of no lease", "Lease", "LeaseRevoke", m("LeaseRevokeRequest")(ID=999)
    yield "time of no lease", "Lease", "LeaseTimeToLive", m("LeaseTimeToLiveRequest")(ID=-999, keys=True)
    yield "removal of no member", "Cluster", "MemberRemove", m("MemberRemoveRequest")(ID=999)
    yield "a member without address", "Cluster", "MemberAdd", m("MemberAddRequest")()
    yield "hash of the future", "Maintenance", "HashKV", m("HashKVRequest")(revision=(1 << 63) - 1)


@pytest.mark.parametrize("name, service, method, request_message", list(nonsense()), ids=lambda value: (
    value if isinstance(value, str) else ""))
def test_nonsense_is_answered_as_etcd_does(server, oracle, name, service, method, request_message):
    def ask(one):
        client = Client(one.endpoint)
        response = "CompactionResponse" if method == "Compact" else None
        result = outcome(client.unary, "etcdserverpb." + service, method, request_message, response=response)
        client.close()
        if result[0] == "ok":
            return "ok", getattr(result[1], "TTL", None), getattr(result[1], "succeeded", None)
        return result
    assert ask(server) == ask(oracle)
    assert server.process.poll() is None


@pytest.mark.parametrize("field_name", ["sort_order", "sort_target"])
def test_an_unknown_sort_order_which_ends_etcd_harms_nobody(server, client, field_name):
    result = outcome(client.kv, "Range", message("RangeRequest")(key=b"a", range_end=b"z", **{field_name: 99}))
    assert result[0] == "ok" or result[1] in ("INVALID_ARGUMENT", "UNKNOWN", "INTERNAL")
    others_are_served(server, client, server.memory()[0])
