#!/usr/bin/env python3
"""How fast etcd-dump-logs reads: a log of 1 GiB verified, summed up and dumped, with MB/s of each.

    tools/benchmark logs [--size MIB] [--tool PATH] [--only verify|summary|dump|raw|json] [--keep DIRECTORY]

The log is made here, as etcd writes one: segments of 64 MB, puts of values of 64 to 1024 bytes, a hard state every 50
entries. It is read once before the first measurement, so that the page cache and not the disk is measured. Debian has
no etcd-dump-logs of etcd to compare with.
"""

import argparse
import ctypes
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
SEGMENT = 64_000_000
MODES = {"verify": ["--verify"], "summary": ["--summary"], "dump": [], "raw": ["-raw"], "json": ["--format=json"]}


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def checksum_of(folder):
    """CRC-32C by the C function of the sources; in Python it would take hours."""
    library = folder / "crc32c.so"
    subprocess.run(
        ["gcc", "-O2", "-shared", "-fPIC", "-I", REPOSITORY / "Sources/CPlatform/include",
         REPOSITORY / "Sources/CPlatform/crc32c.c", "-o", library], check=True)
    function = ctypes.CDLL(str(library)).platform_crc32c
    function.argtypes = [ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t]
    function.restype = ctypes.c_uint32
    return function


class Segment:
    """Records in etcd's framing, their checksums chained."""

    def __init__(self, crc32c, checksum, metadata):
        self.crc32c, self.checksum, self.bytes = crc32c, checksum, bytearray()
        self.append(4, b"")
        self.append(1, metadata)

    def append(self, kind, data):
        self.checksum = self.crc32c(self.checksum, data, len(data))
        record = b"\x08" + varint(kind) + b"\x10" + varint(self.checksum)
        if data:
            record += b"\x1a" + varint(len(data)) + data
        padding = -len(record) % 8
        word = len(record) | ((0x80 | padding) << 56 if padding else 0)
        self.bytes += struct.pack("<Q", word) + record + bytes(padding)


def make_log(directory, size, crc32c):
    """A data directory with a log of that many bytes; answers how many entries it has."""
    wal = directory / "member/wal"
    wal.mkdir(parents=True)
    chance = random.Random(1)
    noise = chance.randbytes(1 << 16)
    metadata = b"\x08\x01\x10\x02"
    index, sequence, checksum, left = 0, 0, 0, size
    while left > 0:
        first = index if sequence == 0 else index + 1
        segment = Segment(crc32c, checksum, metadata)
        if sequence == 0:
            segment.append(5, b"")
        else:
            segment.append(3, b"\x08\x02\x10\x01\x18" + varint(index))
        while len(segment.bytes) < min(SEGMENT, left):
            index += 1
            start, count = chance.randrange(60_000), chance.choice([64, 128, 256, 256, 256, 512, 1024])
            key, value = b"registry/pods/%09d" % (index % 100_000), noise[start:start + count]
            put = b"\x0a" + varint(len(key)) + key + b"\x12" + varint(len(value)) + value
            request = b"\xa2\x06\x06\x08" + varint(1 << 28 | index) + b"\x22" + varint(len(put)) + put
            segment.append(2, b"\x08\x00\x10\x02\x18" + varint(index) + b"\x22" + varint(len(request)) + request)
            if index % 50 == 0:
                segment.append(3, b"\x08\x02\x10\x01\x18" + varint(index))
        (wal / f"{sequence:016x}-{first:016x}.wal").write_bytes(segment.bytes)
        left -= len(segment.bytes)
        sequence, checksum = sequence + 1, segment.checksum
    return index


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024, help="MiB of log")
    parser.add_argument("--tool", default=str(REPOSITORY / ".build/release/etcd-dump-logs"))
    parser.add_argument("--only", choices=MODES)
    parser.add_argument("--keep", help="directory for the log; used again if it exists")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = pathlib.Path(arguments.keep or temporary + "/data")
        if not data.exists():
            entries = make_log(data, arguments.size << 20, checksum_of(pathlib.Path(temporary)))
            print(f"made {entries} entries")
        size = sum(path.stat().st_size for path in (data / "member/wal").iterdir())
        for path in (data / "member/wal").iterdir():
            path.read_bytes()
        for name in [arguments.only] if arguments.only else MODES:
            began = time.monotonic()
            done = subprocess.run(
                [arguments.tool, "--quiet", *MODES[name], str(data)], stdout=subprocess.PIPE if name in
                ("verify", "summary") else subprocess.DEVNULL, text=True)
            took = time.monotonic() - began
            if done.returncode != 0:
                sys.exit(f"{name}: status {done.returncode}: {done.stdout}")
            print(f"{name:8} {took:7.2f} s {size / took / 1e6:8.0f} MB/s")


if __name__ == "__main__":
    main()
