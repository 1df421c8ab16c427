"""/metrics: the families etcd exports, and that they tell what happens."""

import pathlib
import re
import time

import pytest

from rpc import Client, message
from servers import OURS, REAL, Server

# Named by etcd's stock alert rules (contrib/mixin) and by older dashboards; labelled ones that need a
# second member to have a value are left out.
ALERT_RULES = """
etcd_server_has_leader etcd_server_leader_changes_seen_total etcd_server_proposals_failed_total
etcd_server_proposals_pending etcd_server_proposals_committed_total etcd_server_proposals_applied_total
etcd_disk_wal_fsync_duration_seconds_bucket etcd_disk_backend_commit_duration_seconds_bucket
etcd_mvcc_db_total_size_in_bytes etcd_mvcc_db_total_size_in_use_in_bytes etcd_server_quota_backend_bytes
grpc_server_handled_total grpc_server_started_total process_resident_memory_bytes
etcd_network_client_grpc_received_bytes_total etcd_network_client_grpc_sent_bytes_total
etcd_debugging_mvcc_db_total_size_in_bytes
""".split()

# Of etcd 3.4 and of nothing that lives here: its Go runtime, and what its v2 store was asked.
FOREIGN = re.compile(r"^(go_|etcd_debugging_store_(reads|writes)_)")


class Metrics:
    """One reading of the page."""

    def __init__(self, server):
        status, self.text, headers = server.get("/metrics")
        assert status == 200
        assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", self.text, re.M))
        self.values = {}
        for line in self.text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                self.values[name] = float(value)
        self.names = {name.partition("{")[0] for name in self.values}

    def __getitem__(self, name):
        return self.values.get(name, 0)

    def total(self, family):
        return sum(value for name, value in self.values.items() if name.partition("{")[0] == family)


def grpc_name(family, service, method, kind="unary", code=None):
    labels = f'grpc_code="{code}",' if code else ""
    return f'{family}{{{labels}grpc_method="{method}",grpc_service="etcdserverpb.{service}",grpc_type="{kind}"}}'


def until(server, condition, seconds=15):
    """Readings until one satisfies: loops publish their counts once per second."""
    deadline = time.monotonic() + seconds
    while True:
        metrics = Metrics(server)
        if condition(metrics):
            return metrics
        assert time.monotonic() < deadline, metrics.text
        time.sleep(0.1)


@pytest.fixture(scope="module")
def ours():
    with Server(OURS).start() as server:
        yield server


def make_every_call(server):
    """A lease with a key, puts, a Txn, deletes, a watch, a compaction, a defragmentation and hashes."""
    client = Client(server.endpoint)
    client.unary("etcdserverpb.Lease", "LeaseGrant", message("LeaseGrantRequest")(ID=7, TTL=60))
    for number in range(10):
        put = message("PutRequest")(key=b"k%d" % number, value=b"v" * 100, lease=7 if number == 0 else 0)
        client.kv("Put", put)
    client.kv("Range", message("RangeRequest")(key=b"k1"))
    operation = message("RequestOp")
    txn = message("TxnRequest")(success=[
        operation(request_put=message("PutRequest")(key=b"t", value=b"1")),
        operation(request_range=message("RangeRequest")(key=b"t"))])
    client.kv("Txn", txn)
    client.kv("DeleteRange", message("DeleteRangeRequest")(key=b"k9"))
    watch(client)
    client.unary("etcdserverpb.Lease", "LeaseRevoke", message("LeaseRevokeRequest")(ID=7))
    client.compact(5, physical=True)
    maintenance = "etcdserverpb.Maintenance"
    client.unary(maintenance, "Defragment", message("DefragmentRequest")())
    client.unary(maintenance, "Hash", message("HashRequest")())
    client.unary(maintenance, "HashKV", message("HashKVRequest")())


def watch(client):
    """One watch of what was put before, and one renewal; both streams end."""
    answers = client.channel.stream_stream(
        "/etcdserverpb.Watch/Watch", request_serializer=lambda m: m.SerializeToString(),
        response_deserializer=message("WatchResponse").FromString)
    create = message("WatchCreateRequest")(key=b"k", range_end=b"l", start_revision=2)
    call = answers(iter([message("WatchRequest")(create_request=create)]), timeout=20)
    events = 0
    while events < 11:
        events += len(next(call).events)
    call.cancel()
    renew = client.channel.stream_stream(
        "/etcdserverpb.Lease/LeaseKeepAlive", request_serializer=lambda m: m.SerializeToString(),
        response_deserializer=message("LeaseKeepAliveResponse").FromString)
    assert next(renew(iter([message("LeaseKeepAliveRequest")(ID=7)]), timeout=20)).TTL == 60


def test_names_of_the_alert_rules(ours):
    make_every_call(ours)
    metrics = until(ours, lambda m: m[grpc_name("grpc_server_started_total", "KV", "Put")] > 0)
    assert [name for name in ALERT_RULES if name not in metrics.names] == []


def test_grpc_handling_time_with_extensive_metrics():
    with Server(OURS, "--metrics", "extensive").start() as server:
        make_every_call(server)
        for service, method, kind in [("KV", "Put", "unary"), ("Watch", "Watch", "bidi_stream")]:
            code = "OK" if kind == "unary" else "Canceled"
            handled = grpc_name("grpc_server_handled_total", service, method, kind, code)
            count = grpc_name("grpc_server_handling_seconds_count", service, method, kind)
            metrics = until(server, lambda m: m[handled] > 0)
            assert metrics[count] == metrics[handled]
            assert metrics[count.replace("_count", "_sum")] > 0


def test_counters_move_as_calls_are_made():
    with Server(OURS).start() as server:
        before = Metrics(server)
        make_every_call(server)
        put = grpc_name("grpc_server_handled_total", "KV", "Put", code="OK")
        hashed = grpc_name("grpc_server_handled_total", "Maintenance", "HashKV", code="OK")
        after = until(server, lambda m: m[put] >= 10 and m[hashed] >= 1)
        moved = {name: after[name] - before[name] for name in after.values if after[name] != before[name]}
        expected = {
            "etcd_mvcc_put_total": 11, "etcd_mvcc_delete_total": 2, "etcd_mvcc_txn_total": 1,
            "etcd_debugging_lease_granted_total": 1, "etcd_debugging_lease_revoked_total": 1,
            "etcd_debugging_lease_renewed_total": 1, "etcd_debugging_lease_ttl_total_sum": 60,
            "etcd_debugging_mvcc_events_total": 11, "etcd_disk_backend_defrag_duration_seconds_count": 1,
            "etcd_mvcc_hash_duration_seconds_count": 1, "etcd_mvcc_hash_rev_duration_seconds_count": 1,
            "etcd_debugging_mvcc_db_compaction_total_duration_milliseconds_count": 1,
            'etcd_server_apply_duration_seconds_count{op="Put",success="true",version="v3"}': 10,
            put: 10, grpc_name("grpc_server_started_total", "KV", "Put"): 10,
            grpc_name("grpc_server_msg_received_total", "KV", "Txn"): 1,
            grpc_name("grpc_server_msg_sent_total", "KV", "Txn"): 1,
        }
        assert {name: moved.get(name) for name in expected} == expected
        for name in [
            "etcd_mvcc_range_total", "etcd_disk_wal_fsync_duration_seconds_count",
            "etcd_disk_wal_fsync_duration_seconds_sum", "etcd_disk_wal_write_duration_seconds_count",
            "etcd_disk_backend_commit_duration_seconds_count", "etcd_server_proposals_applied_total",
            "etcd_server_proposals_committed_total", "etcd_network_client_grpc_received_bytes_total",
            "etcd_network_client_grpc_sent_bytes_total", "etcd_debugging_mvcc_total_put_size_in_bytes",
            "etcd_debugging_mvcc_db_compaction_last", "etcd_debugging_mvcc_compact_revision",
            "etcd_debugging_mvcc_current_revision",
        ]:
            assert moved.get(name, 0) > 0, name
        assert moved["etcd_disk_wal_write_bytes_total"] > 1000
        assert after["etcd_debugging_mvcc_compact_revision"] == 5


def test_bytes_written_to_the_log_are_those_of_its_records():
    with Server(OURS).start() as server:
        client, puts, written = Client(server.endpoint), "etcd_mvcc_put_total", "etcd_disk_wal_write_bytes_total"
        before = Metrics(server)
        for number in range(20):
            client.kv("Put", message("PutRequest")(key=b"k%d" % number, value=bytes(1000)))
        after = until(server, lambda m: m[puts] - before[puts] >= 20)
        # An entry and a hard state for each: neither whole blocks nor anything twice.
        assert 20 * 1000 < after[written] - before[written] < 20 * 1200


def test_gauges_tell_the_state(ours):
    version = 'etcd_cluster_version{cluster_version='
    metrics = until(ours, lambda m: any(name.startswith(version) for name in m.values))
    for name in ["etcd_server_has_leader", "etcd_server_is_leader", "etcd_server_leader_changes_seen_total"]:
        assert metrics[name] == 1, name
    for name in ["etcd_server_is_learner", "etcd_server_proposals_failed_total", "etcd_server_slow_apply_total"]:
        assert metrics[name] == 0 and name in metrics.values, name
    assert metrics["etcd_server_quota_backend_bytes"] == 2147483648
    assert metrics["etcd_mvcc_db_total_size_in_bytes"] >= metrics["etcd_mvcc_db_total_size_in_use_in_bytes"] > 0
    assert metrics.total("etcd_server_id") == 1


def test_watches_that_are_open_are_counted(ours):
    client = Client(ours.endpoint)
    stream = client.channel.stream_stream(
        "/etcdserverpb.Watch/Watch", request_serializer=lambda m: m.SerializeToString(),
        response_deserializer=message("WatchResponse").FromString)
    requests = [message("WatchRequest")(create_request=message("WatchCreateRequest")(key=b"w%d" % n)) for n in (1, 2)]
    call = stream(iter(requests), timeout=30)
    assert next(call).created and next(call).created
    streams, watchers = "etcd_debugging_mvcc_watch_stream_total", "etcd_debugging_mvcc_watcher_total"
    until(ours, lambda m: (m[streams], m[watchers]) == (1, 2))
    call.cancel()
    until(ours, lambda m: (m[streams], m[watchers]) == (0, 0))


@pytest.mark.skipif(not pathlib.Path(REAL).exists(), reason="no real etcd here")
def test_families_of_real_etcd_exist_with_the_same_type():
    with Server(OURS).start() as ours, Server(REAL).start() as real:
        for server in (ours, real):
            make_every_call(server)
        put = grpc_name("grpc_server_started_total", "KV", "Put")
        theirs, mine = Metrics(real), until(ours, lambda m: m[put] >= 10)
        wanted = {name: kind for name, kind in theirs.types.items() if not FOREIGN.match(name)}
        assert {name: mine.types.get(name) for name in wanted} == wanted
        single = ["etcd_server_has_leader", "etcd_server_is_leader", "etcd_server_quota_backend_bytes"]
        assert [mine[name] for name in single] == [theirs[name] for name in single]


def test_a_full_batch_is_flushed_before_its_time():
    with Server(OURS, "--backend-batch-limit=10", "--backend-batch-interval=60s").start() as server:
        client = Client(server.endpoint)
        for number in range(100):
            client.kv("Put", message("PutRequest")(key=b"%d" % number))
        client.close()
        until(server, lambda m: m["etcd_disk_backend_commit_duration_seconds_count"] >= 3)
