"""etcd-dump-logs: what it prints of logs of a real etcd and of ours, and how it names damage."""

import json
import random
import shutil
import subprocess

import pytest

from damage import PUT, flip, last_record_end, put_many
from rpc import Client
from servers import OURS, Server
from tools import PROGRAMS, data_directory_of_fixture, golden, run

FIRST = "0000000000000000-0000000000000000.wal"


@pytest.fixture
def etcd(tmp_path):
    return data_directory_of_fixture(tmp_path)


@pytest.fixture(scope="module")
def three_segments(tmp_path_factory):
    """A folder of our member whose log has three segments."""
    with Server(OURS) as server:
        server.start()
        client = Client(server.endpoint)
        for number in range(100):
            client.kv("Put", PUT(key=b"large%03d" % number, value=bytes([number]) * 1_400_000))
        client.close()
        server.stop()
        copy = tmp_path_factory.mktemp("log") / "d"
        shutil.copytree(server.data / "d", copy)
    assert len(list((copy / "member/wal").glob("*.wal"))) == 3
    return copy


@pytest.fixture
def log(three_segments, tmp_path):
    """Its three segments, to be damaged."""
    copy = tmp_path / "d"
    shutil.copytree(three_segments / "member/wal", copy / "member/wal")
    return sorted((copy / "member/wal").glob("*.wal"))


def verify(segment):
    status, output, _ = run("etcd-dump-logs", "--quiet", "--verify", segment.parents[2])
    return status, output.strip()


@pytest.mark.parametrize("name,flags", [
    ("all", []), ("puts", ["-entry-type=IRRPut"]), ("changes", ["-entry-type", "ConfigChange"]),
    ("from-4-to-6", ["-start-index=4", "-end-index=6"]), ("raw", ["-raw"]), ("json", ["--format", "json"]),
])
def test_the_log_of_a_real_etcd_is_listed(etcd, name, flags):
    status, output, errors = run("etcd-dump-logs", *flags, etcd)
    assert status == 0, errors
    golden(f"dump-logs-{name}.txt", output)


@pytest.mark.parametrize("flags", [[], ["-start-snap", "0000000000000002-0000000000000016"]])
def test_a_listing_begins_behind_the_newest_snapshot_or_the_one_named(tmp_path, flags):
    directory = data_directory_of_fixture(tmp_path, snapshot=True)
    status, output, errors = run("etcd-dump-logs", *flags, directory)
    assert status == 0, errors
    golden("dump-logs-behind-snapshot.txt", output)


def test_unknown_entry_types_are_named_and_passed_over(etcd):
    status, output, errors = run("etcd-dump-logs", "-entry-type=IRRPut,Nonsense", etcd)
    assert status == 0 and "Nonsense" in errors
    assert "Entry types (IRRPut,Nonsense) count is" in output


def test_usage(etcd):
    assert run("etcd-dump-logs")[::2] == (1, "Error: Must provide data-dir argument (got [])\n")
    assert run("etcd-dump-logs", "a", "b")[2] == "Error: Must provide data-dir argument (got [a b])\n"
    assert run("etcd-dump-logs", "-nosuch", etcd)[0] == 2
    assert run("etcd-dump-logs", "-start-index=1", "-start-snap=x", etcd)[0] == 2
    for mode in ([], ["-raw"]):
        assert run("etcd-dump-logs", *mode, "/nonexistent")[::2] == \
            (1, "Error: Failed reading WAL: no .wal file in /nonexistent/member/wal\n")
    assert run("etcd-dump-logs", "--help")[0] == 0


@pytest.mark.parametrize("answer,column", [
    ("OK|$(echo $line | cut -c1-4)", "\tOK\t"),
    ("A|b|c", "\tA(*WARNING: data might contain deliminator used by etcd-dump-logs)\tb|c"),
    ("word", "\tdecoder output format is not right, print output anyway\tword"),
])
def test_a_stream_decoder_adds_two_columns(etcd, tmp_path, answer, column):
    script = tmp_path / "decoder"
    script.write_text(f'#!/bin/sh\nwhile read line; do echo "{answer}"; done\n')
    script.chmod(0o755)
    status, output, _ = run("etcd-dump-logs", "-stream-decoder", script, etcd)
    assert status == 0
    lines = output.splitlines()
    heading = next(number for number, line in enumerate(lines) if line.startswith("term\t"))
    assert lines[heading].endswith("\tdecoder_status\tdecoded_data")
    assert all(column in line for line in lines[heading + 1:-2])


def test_our_log_is_verified_summed_up_and_listed(three_segments):
    status, output, _ = run("etcd-dump-logs", "--quiet", "--verify", three_segments)
    assert status == 0 and output.startswith("OK: 3 segments, ")
    status, output, _ = run("etcd-dump-logs", "--quiet", "--summary", three_segments)
    assert status == 0 and "\nput\t100\t" in output
    # The last few only: a debug build takes its time over the large values.
    status, output, _ = run(
        "etcd-dump-logs", "--quiet", "--format=json", "-entry-type=IRRPut", "-start-index=98", three_segments)
    lines = [json.loads(line) for line in output.splitlines()]
    assert status == 0 and 2 <= len(lines) <= 10 and "put" in lines[-1]["request"]


def test_a_live_log_is_followed():
    with Server(OURS) as server:
        server.start()
        put_many(server, 3)
        with subprocess.Popen(
                [str(PROGRAMS / "etcd-dump-logs"), "--quiet", "--follow", "-entry-type=IRRPut",
                 str(server.data / "d")], stdout=subprocess.PIPE, text=True) as follower:
            try:
                while "key000002" not in follower.stdout.readline():
                    pass
                client = Client(server.endpoint)
                client.kv("Put", PUT(key=b"while followed", value=b"1"))
                client.close()
                assert "while followed" in follower.stdout.readline()
            finally:
                follower.kill()


def test_each_flipped_bit_is_named_by_its_byte(log):
    seed = 4
    chance = random.Random(seed)
    end = last_record_end(log[1])
    for _ in range(40):
        # Inside the data of the large records nothing but the checksum can tell.
        place, bit = chance.randrange(4096, end), chance.randrange(8)
        before = log[1].read_bytes()[place]
        flip(log[1], place, bit)
        status, output = verify(log[1])
        assert status == 1 and output.startswith(f"{log[1]}:"), (seed, place, output)
        named = int(output[len(str(log[1])) + 1:].split(":")[0])
        if "bit" in output:
            assert named == place and f"expected {hex(before)}: bit {bit} " in output, (seed, place, output)
        flip(log[1], place, bit)
    assert verify(log[1])[0] == 0


def test_a_truncated_tail_is_named(log):
    end = last_record_end(log[2])
    with open(log[2], "r+b") as file:
        file.truncate(end - 100)
    status, output = verify(log[2])
    assert status == 1 and output.startswith(f"{log[2]}:") and "unexpected EOF" in output
    status, output, errors = run("etcd-dump-logs", "--quiet", log[2].parents[2])
    assert status == 1 and "lastIndex=" in output and f"{log[2]}:" in errors
    # In the middle of the log no crash explains it.
    with open(log[1], "r+b") as file:
        file.truncate(last_record_end(log[1]) - 100)
    status, output = verify(log[1])
    assert status == 1 and output.startswith(f"{log[1]}:") and "is not the last one" in output


def test_a_missing_segment_is_named(log):
    log[1].unlink()
    status, output = verify(log[0])
    assert status == 1 and "segment 0000000000000001-*.wal is missing" in output


def test_swapped_segments_are_named(log):
    (a, b), keep = (log[1], log[2]), log[1].with_suffix(".keep")
    a.rename(keep)
    b.rename(a)
    keep.rename(b)
    status, output = verify(a)
    assert status == 1
    assert output.startswith(f"{a}:0: ") and f"{b.name} would continue it: swapped or renamed?" in output
