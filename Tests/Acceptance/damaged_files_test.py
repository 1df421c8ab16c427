"""Files that are damaged, missing or half written: the member starts from what is sound, or says what is not."""

import os
import random
import shutil
import subprocess
import threading
import time

import grpc
import pytest

from damage import PUT, count_keys, flip, put_many, refused, segments
from rpc import Client, message, outcome
from servers import OURS, Server

PAGE = 4096
BRANCH, LEAF, OVERFLOW, META = 1, 2, 4, 8


def snapshots(server):
    """Those that are whole; one that is being written is called tmp-…"""
    return sorted((server.data / "d/member/snap").glob("0*.snap"))


def wait_for_snapshots(server, count=1):
    deadline = time.monotonic() + 30
    while len(snapshots(server)) < count:
        assert time.monotonic() < deadline, "no snapshot was written"
        time.sleep(0.02)


def is_logged(server, snapshot):
    """Whether the log names the snapshot; a member killed before that does not know the file."""
    term, index = (int(part, 16) for part in snapshot.stem.split("-"))
    record = b"\x08" + varint(index) + b"\x10" + varint(term)
    return any(record in segment.read_bytes() for segment in segments(server))


def varint(number):
    groups = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])


def wait_until_logged(server):
    """Until the newest snapshot has been known to the log, and no other has come, for half a second."""
    deadline = time.monotonic() + 30
    newest, since = None, time.monotonic()
    while time.monotonic() - since < 0.5:
        assert time.monotonic() < deadline, "the log names no snapshot"
        now = snapshots(server)[-1]
        if now != newest or not is_logged(server, now):
            newest, since = now, time.monotonic()
        time.sleep(0.02)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder of a member that was killed: 400 small keys, 20 large ones, a lease, two snapshots."""
    with Server(OURS, "--snapshot-count=100") as server:
        server.start()
        put_many(server, 200)
        wait_for_snapshots(server)
        put_many(server, 400)
        client = Client(server.endpoint)
        client.lease("LeaseGrant", message("LeaseGrantRequest")(TTL=1000, ID=77))
        for number in range(20):
            client.kv("Put", PUT(key=b"large%d" % number, value=bytes(9000), lease=77))
        client.close()
        wait_for_snapshots(server, 2)
        wait_until_logged(server)
        server.kill()
        copy = tmp_path_factory.mktemp("filled") / "d"
        shutil.copytree(server.data / "d", copy)
    return copy


@pytest.fixture
def server(filled):
    """A server, not started, on a copy of that folder."""
    with Server(OURS, "--snapshot-count=100") as one:
        shutil.copytree(filled, one.data / "d")
        yield one


def everything_is_there(server):
    server.start()
    assert count_keys(server) == 420
    client = Client(server.endpoint)
    lease = client.lease("LeaseTimeToLive", message("LeaseTimeToLiveRequest")(ID=77, keys=True))
    assert len(lease.keys) == 20
    client.kv("Put", PUT(key=b"later", value=b"1"))
    client.close()
    server.kill()
    server.start()
    assert count_keys(server) == 421


def pages(database, kind):
    """Offsets of the pages of a kind which the newest commit uses, found from its meta page."""
    data = database.read_bytes()
    word = lambda at, size=8: int.from_bytes(data[at:at + size], "little")  # noqa: E731
    newest = max((0, PAGE), key=lambda page: word(page + 16 + 128))
    if kind == META:
        return [newest]
    found, waiting = [], [(newest + 16 + 24 + 48 + 40)]
    while waiting:
        number = word(waiting.pop())
        if number == (1 << 64) - 1:
            continue
        page = number * PAGE
        flags = word(page + 10, 2)
        if flags & kind:
            found.append(page)
        for slot in range((word(page + 12, 2) - 16) // 2 if flags & (BRANCH | LEAF) else 0):
            node = page + word(page + 16 + 2 * slot, 2)
            if flags & BRANCH:
                child = word(node, 6)
                at = len(data)
                data += child.to_bytes(8, "little")
                waiting.append(at)
            elif word(node + 4, 2) & 2:
                waiting.append(node + 8 + word(node + 6, 2) + 40)
            elif word(node + 4, 2) & 1:
                waiting.append(node + 8 + word(node + 6, 2))
    return sorted(found)


@pytest.mark.parametrize("kind, offset, bit", [
    (META, 16, 0),  # magic number
    (META, 16 + 24 + 48 + 40, 1),  # root of the buckets
    (BRANCH, 10, 4),  # flags
    (BRANCH, 16, 1),  # first slot
    (LEAF, 0, 3),  # page number
    (LEAF, 12, 1),  # number of slots
    (LEAF, PAGE - 1, 7),  # what the first record ends with
    (OVERFLOW, 12, 6),  # number of pages
    (OVERFLOW, 16, 2),  # start of the record
])
def test_a_flipped_bit_in_a_page_of_the_database_loses_nothing(server, kind, offset, bit):
    database = server.data / "d/member/snap/db"
    found = pages(database, kind)
    assert found, "the database has no page of that kind"
    flip(database, found[len(found) // 2] + offset, bit)
    server.start()
    assert count_keys(server) == 420


@pytest.mark.parametrize("name, before", [
    (b"consistent_index", b""),
    (b"confState", b""),
    (b"members", b""),
    # The bucket's name, and not how the keys begin: LMDB's node of a database in the database.
    (b"key", b"\x02\0\x03\0"),
])
def test_a_flipped_bit_in_what_boot_relies_on_loses_nothing(server, name, before):
    database = server.data / "d/member/snap/db"
    data, at = database.read_bytes(), -1
    places = []
    while (at := data.find(before + name, at + 1)) >= 0:
        places.append(at + len(before))
    assert places, "the database does not have it"
    for place in places[:200]:
        flip(database, place, 1)
    everything_is_there(server)


@pytest.mark.parametrize("where", ["head", "middle", "foot", "cut", "empty"])
def test_a_damaged_snapshot_is_passed_over(server, where):
    (server.data / "d/member/snap/db").unlink()
    newest = snapshots(server)[-1]
    size = newest.stat().st_size
    if where == "cut":
        os.truncate(newest, size - 10)
    elif where == "empty":
        os.truncate(newest, 0)
    else:
        flip(newest, {"head": 9, "middle": size // 2, "foot": size - 5}[where])
    everything_is_there(server)
    assert newest.name in server.log_text()


def test_without_any_sound_snapshot_the_log_alone_serves(server):
    (server.data / "d/member/snap/db").unlink()
    for path in snapshots(server):
        flip(path, path.stat().st_size // 2)
    everything_is_there(server)


def test_what_was_half_written_is_removed_at_the_next_start(server):
    folder = server.data / "d/member/snap"
    names = ["tmp-0000000000000002-0000000000000064.snap", "db.tmp.123abc", "db.tmp.123abc-lock"]
    for name in names:
        (folder / name).write_bytes(os.urandom(1000))
    everything_is_there(server)
    # The member may be writing a snapshot of its own by now.
    assert not set(names) & {path.name for path in folder.iterdir()}


def test_a_missing_segment_of_the_log_is_named(tmp_path):
    with Server(OURS) as server:
        server.start()
        client = Client(server.endpoint)
        for number in range(70):
            client.kv("Put", PUT(key=b"key%d" % number, value=bytes(1_000_000)))
        client.close()
        server.kill()
        last = segments(server)[-1]
        sequence, index = last.name.split("-")
        moved = last.with_name(f"{int(sequence, 16) + 1:016x}-{index}")
        last.rename(moved)
        refused(server, str(last.parent), f"misses segment {int(sequence, 16)}")
        moved.rename(last)
        server.start()
        assert count_keys(server) == 70


def test_a_second_process_is_refused_and_the_first_goes_on(server):
    server.start()
    second = Server(OURS, data=server.data)
    second.log_path = server.data / "second.log"
    half = server.data / "d/member/snap/tmp-half.snap"
    half.write_bytes(b"the first one's")
    with second:
        refused(second, "another process uses this data directory")
    assert half.exists()
    put_many(server, 450)
    assert count_keys(server) == 470


def test_a_restart_ignores_another_cluster_token_and_takes_another_name(server):
    server.start()
    before = server.etcdctl("member", "list")[1].split(",")
    server.stop()
    server.flags += ["--initial-cluster-token=other"]
    server.name = "renamed"
    server.start()
    assert count_keys(server) == 420
    after = server.etcdctl("member", "list")[1].split(",")
    assert after[0] == before[0] and after[2].strip() == "renamed"


def test_kill_while_the_database_is_rebuilt(server):
    random.seed(1)
    for _ in range(6):
        (server.data / "d/member/snap/db").unlink(missing_ok=True)
        server.start(wait=False)
        time.sleep(random.uniform(0.02, 0.4))
        server.kill()
    everything_is_there(server)


class Writer(threading.Thread):
    """Puts 500 keys of its own in turn, until the server is gone; knows the last value acknowledged of each."""

    def __init__(self, server, name, first):
        super().__init__()
        self.server, self.prefix, self.number, self.acknowledged = server, name, first, {}

    def run(self):
        client = Client(self.server.endpoint)
        while True:
            self.number += 1
            key = self.prefix + b"%d" % (self.number % 500)
            try:
                client.kv("Put", PUT(key=key, value=b"%d" % self.number + b" " * 2000))
            except grpc.RpcError:
                break
            self.acknowledged[key] = self.number
        client.close()


@pytest.mark.parametrize("work", ["snapshot", "defragment", "compaction"])
def test_kill_while_the_database_is_worked_on(work):
    random.seed(2)
    flags = ["--snapshot-count=40"] if work == "snapshot" else []
    with Server(OURS, *flags) as server:
        for round_number in range(4):
            server.start()
            writers = [Writer(server, b"w%d-" % each, round_number * 1_000_000) for each in range(4)]
            for each in writers:
                each.start()
            client = Client(server.endpoint)
            end = time.monotonic() + random.uniform(0.5, 1.2)
            while time.monotonic() < end:
                if work == "defragment":
                    client.maintenance("Defragment", message("DefragmentRequest")())
                elif work == "compaction":
                    answer = client.kv("Range", message("RangeRequest")(key=b"x"))
                    outcome(client.compact, answer.header.revision, physical=True)
                else:
                    time.sleep(0.02)
            server.kill()
            client.close()
            for each in writers:
                each.join()
            server.start()
            client = Client(server.endpoint)
            answer = client.kv("Range", message("RangeRequest")(key=b"\x00", range_end=b"\x00"))
            held = {kv.key: int(kv.value) for kv in answer.kvs}
            for each in writers:
                assert each.acknowledged
                assert all(held[key] >= number for key, number in each.acknowledged.items())
            client.close()
            server.kill()


def test_a_full_disk_under_the_database_only_loses_nothing(tmp_path):
    mount = tmp_path / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(mount)], capture_output=True).returncode:
        pytest.skip("no right to mount a small file system")
    try:
        with Server(OURS, f"--wal-dir={tmp_path}/wal", data=mount / "m") as server:
            (mount / "m").mkdir()
            server.log_path = tmp_path / "log"
            server.start()
            client = Client(server.endpoint)
            acknowledged = 0
            while acknowledged < 300:
                if outcome(client.kv, "Put", PUT(key=b"big%d" % acknowledged, value=os.urandom(500_000)))[0] != "ok":
                    break
                acknowledged += 1
            client.close()
            assert 10 < acknowledged < 300
            assert server.process.wait(timeout=30) == 1
            assert "no space left on device" in server.log_text().lower()
            subprocess.run(["mount", "-o", "remount,size=900m", str(mount)], check=True)
            server.start()
            assert count_keys(server) >= acknowledged
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=False)
