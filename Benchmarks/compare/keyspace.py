"""Keys, values, and the calls the groups ask."""

import collections

from loads import Call
from rpc import Client, message

VALUE = bytes(range(256))
PREFIX = b"/registry/pods/ns/pod-"
END = PREFIX[:-1] + b"."

PUT = Call("etcdserverpb.KV/Put", message("PutRequest")(key=b"bench", value=VALUE), "Put bench, 256 bytes")
GET = Call("etcdserverpb.KV/Range", message("RangeRequest")(key=b"bench"), "Range bench")
SERIALIZABLE = Call(
    "etcdserverpb.KV/Range", message("RangeRequest")(key=b"bench", serializable=True), "Range bench, serializable")


def key(number):
    return PREFIX + b"%010d" % number


def transactions(order, value=VALUE):
    """The keys of those numbers with that value, 100 to an encoded transaction."""
    for start in range(0, len(order), 100):
        request = message("TxnRequest")()
        for number in order[start:start + 100]:
            request.success.add(request_put=message("PutRequest")(key=key(number), value=value))
        yield request.SerializeToString()


def fill(server, encoded):
    """Sends encoded transactions, 64 in flight."""
    client = Client(server.endpoint)
    txn = client.channel.unary_unary(
        "/etcdserverpb.KV/Txn", request_serializer=lambda b: b, response_deserializer=lambda b: b)
    pending = collections.deque()
    for request in encoded:
        pending.append(txn.future(request, timeout=120))
        if len(pending) > 64:
            pending.popleft().result()
    for each in pending:
        each.result()
    client.close()


def first_put(server):
    """Writes the key that is read and overwritten, and reads it; answers its revision."""
    client = Client(server.endpoint)
    revision = client.kv("Put", PUT.request).header.revision
    assert client.kv("Range", GET.request).kvs[0].value == VALUE
    client.close()
    return revision


def compact(server):
    """All but the newest revisions, until they are gone from the database."""
    client = Client(server.endpoint)
    revision = client.kv("Range", SERIALIZABLE.request).header.revision
    request = message("CompactionRequest")(revision=revision, physical=True)
    client.unary("etcdserverpb.KV", "Compact", request, response="CompactionResponse", timeout=300)
    client.close()
