"""etcd-dump-db and etcd-dump-snap: on files of a real etcd and of ours, at rest and in use."""

import json
import re
import shutil

import pytest

from damage import PUT, flip, put_many
from rpc import Client, message
from servers import OURS, REAL, Server
from tools import BOLT_SNAPSHOT, FIXTURES, golden, root_page, run

BUCKETS = "alarm auth authRoles authUsers cluster key lease members members_removed meta".split()


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """A folder of our member with a snapshot: 120 keys, one deleted, one leased."""
    with Server(OURS, "--snapshot-count=100") as server:
        server.start()
        put_many(server, 120)
        client = Client(server.endpoint)
        client.kv("DeleteRange", message("DeleteRangeRequest")(key=b"key000000"))
        client.lease("LeaseGrant", message("LeaseGrantRequest")(TTL=1000, ID=77))
        client.kv("Put", PUT(key=b"leased", value=b"v", lease=77))
        client.close()
        server.stop()
        copy = tmp_path_factory.mktemp("ours") / "d"
        shutil.copytree(server.data / "d", copy)
    return copy


@pytest.mark.parametrize("bucket", ["key", "lease", "auth", "authRoles", "authUsers", "meta", "members"])
@pytest.mark.parametrize("decode", [[], ["--decode"]])
def test_a_bucket_of_a_real_etcd_is_listed_from_its_end(bucket, decode):
    status, output, errors = run("etcd-dump-db", "iterate-bucket", BOLT_SNAPSHOT, bucket, "--limit", "9", *decode)
    assert status == 0, errors
    golden(f"dump-db-{bucket}{'-decoded' if decode else ''}.txt", output)


def test_the_buckets_of_both_kinds_of_database_are_listed(ours):
    for path in (BOLT_SNAPSHOT, ours):
        assert run("etcd-dump-db", "list-bucket", path)[:2] == (0, "\n".join(BUCKETS) + "\n")


def test_our_records_are_shown_in_etcds_form(ours):
    status, output, _ = run("etcd-dump-db", "iterate-bucket", ours, "key", "--decode")
    lines = output.splitlines()
    assert status == 0 and len(lines) == 122
    assert lines[0] == 'rev={Revision:{Main:123 Sub:0} tombstone:false}, ' \
        'value=[key "leased" | val "v" | created 123 | mod 123 | ver 1]'
    assert lines[1].startswith("rev={Revision:{Main:122 Sub:0} tombstone:true}")
    assert run("etcd-dump-db", "iterate-bucket", ours, "lease", "--decode")[1] == \
        "lease ID=000000000000004d, TTL=1000s, remaining TTL=0s\n"
    status, output, _ = run("etcd-dump-db", "iterate-bucket", ours, "key", "--limit", "1")
    assert output.startswith(r'key="\x00\x00\x00\x00\x00\x00\x00{_\x00\x00\x00\x00\x00\x00\x00\x00", value="')


def test_the_hash_is_the_one_the_server_answers(tmp_path):
    for binary in (OURS, REAL):
        with Server(binary, data=tmp_path / binary.strip("/").replace("/", "-")) as server:
            server.start()
            put_many(server, 50)
            server.stop()
            offline = run("etcd-dump-db", "hash", server.data / "d")[1].split("Hash: ")[1].strip()
            server.start()
            client = Client(server.endpoint)
            answer = client.maintenance("Hash", message("HashRequest")())
            client.close()
            # The start itself writes members and index; only the keys' part is stable on a real one.
            assert binary == REAL or int(offline) == answer.hash


def test_statistics_of_a_database_in_use_and_at_rest():
    with Server(OURS) as server:
        server.start()
        put_many(server, 100)
        status, output, errors = run("etcd-dump-db", "stats", server.data / "d")
        assert status == 0 and "kind: LMDB\n" in output and "oldest reader: " in output, errors
        server.stop()
        status, output, errors = run("etcd-dump-db", "stats", server.data / "d")
        assert status == 0 and "\nkey\t100\t" in output and "oldest reader: none" in output, errors
    status, output, _ = run("etcd-dump-db", "stats", BOLT_SNAPSHOT)
    assert status == 0
    golden("dump-db-stats.txt", output)


def test_a_damaged_bbolt_file_is_named(tmp_path):
    damaged = tmp_path / "db"
    shutil.copy(BOLT_SNAPSHOT, damaged)
    place = root_page(damaged)
    flip(damaged, place, 5)
    status, output, _ = run("etcd-dump-db", "stats", damaged)
    number = place // 4096
    assert status == 1 and f"damage: {damaged}:{place}: page number {number ^ 32}, expected {number}" in output


def test_the_keys_of_a_damaged_database_are_scanned(ours, tmp_path):
    """The root is gone, so no walk finds anything; the pages still tell."""
    etcds, own = tmp_path / "etcds", tmp_path / "own"
    shutil.copy(BOLT_SNAPSHOT, etcds)
    shutil.copy(ours / "member/snap/db", own)
    whole = [run("etcd-dump-db", "scan-keys", path) for path in (etcds, own)]
    assert [(status, errors) for status, _, errors in whole] == [(0, ""), (0, "")]
    golden("dump-db-scan-keys.txt", whole[0][1])
    assert whole[1][1].count('key "key000001"') >= 1 and whole[1][1].count("tombstone:true") >= 1
    # Both meta pages of one, both roots in the meta pages of the other.
    for place in (16 + 56, 4096 + 16 + 56):
        flip(etcds, place)
    for place in (16 + 24 + 48 + 40, 4096 + 16 + 24 + 48 + 40):
        flip(own, place, 7)
    for path, (_, output, _) in zip((etcds, own), whole):
        assert run("etcd-dump-db", "iterate-bucket", path, "key")[0] == 1
        assert run("etcd-dump-db", "scan-keys", path)[1] == output
    # From a revision on; and a page that lies about its elements is named and passed over.
    status, output, _ = run("etcd-dump-db", "scan-keys", own, "123")
    assert status == 0 and set(re.findall(r"Main:(\d+)", output)) == {"123"}
    flip(etcds, 2 * 4096 + 16 + 4, 7)
    flip(etcds, 2 * 4096 + 16 + 7, 7)
    status, output, errors = run("etcd-dump-db", "scan-keys", etcds)
    assert status == 0 and f"{etcds}:{2 * 4096 + 16}: element 0 reaches out of its page" in errors
    assert len(output.splitlines()) > 10


def test_what_is_no_database_is_refused(tmp_path):
    assert run("etcd-dump-db", "list-bucket", tmp_path / "none")[::2] == \
        (1, f'Error: "{tmp_path}/none" does not exist\n')
    text = tmp_path / "text"
    text.write_text("text" * 5000)
    assert run("etcd-dump-db", "list-bucket", text)[0] == 1
    assert run("etcd-dump-db", "iterate-bucket", BOLT_SNAPSHOT, "nosuch")[0] == 1
    assert run("etcd-dump-db")[0] in (0, 2)


def test_a_snapshot_of_ours_is_described_searched_and_exported(ours):
    status, output, errors = run("etcd-dump-snap", ours)
    assert status == 0 and "kind: swift-etcd snapshot" in output and "(right)" in output, errors
    assert "\nkey\t" in output and "\nmeta\t" in output and "configuration: {\"voters\":[" in output
    status, output, _ = run("etcd-dump-snap", ours, "--keys", "key00001")
    assert status == 0 and [line.split("\t")[0] for line in output.splitlines()[1:]] == \
        [f'"key00001{n}"' for n in range(10)]
    status, output, _ = run("etcd-dump-snap", ours, "--key", "key000001")
    assert status == 0 and output.startswith("rev=3/0 created=3 ver=1 val=")
    assert run("etcd-dump-snap", ours, "--key", "none")[0] == 1
    status, output, _ = run("etcd-dump-snap", ours, "--export")
    records = [json.loads(line) for line in output.splitlines()]
    assert status == 0 and {r["bucket"] for r in records} >= {"key", "members", "meta"}


def test_a_damaged_snapshot_is_named(ours, tmp_path):
    newest = sorted((ours / "member/snap").glob("0*.snap"))[-1]
    copy = tmp_path / newest.name
    shutil.copy(newest, copy)
    flip(copy, 200)
    status, _, errors = run("etcd-dump-snap", copy)
    assert status == 1 and f"snapshot {copy} is damaged at offset " in errors


def test_etcds_own_snapshot_is_recognised():
    status, output, errors = run("etcd-dump-snap", FIXTURES / "etcd-3.4.23.snap")
    assert status == 0, errors
    golden("dump-snap-etcd.txt", output.replace(str(FIXTURES), "FIXTURES"))
