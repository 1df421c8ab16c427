"""What the tests of damage share: filling a server, finding its files, flipping bits, and being refused."""

from rpc import Client, message

PUT = message("PutRequest")


def put_many(server, count, size=100):
    client = Client(server.endpoint)
    for number in range(count):
        client.kv("Put", PUT(key=b"key%06d" % number, value=bytes([number % 251]) * size))
    client.close()


def count_keys(server):
    client = Client(server.endpoint)
    answer = client.kv("Range", message("RangeRequest")(key=b"\x00", range_end=b"\x00", count_only=True))
    client.close()
    return answer.count


def segments(server):
    return sorted((server.data / "d/member/wal").glob("*.wal"))


def last_record_end(path):
    """Offset after the last record of a WAL segment: where the length word is zero."""
    data, offset = path.read_bytes(), 0
    while offset + 8 <= len(data):
        word = int.from_bytes(data[offset:offset + 8], "little")
        if word == 0:
            break
        length = word & (1 << 56) - 1
        offset += 8 + length + ((word >> 56) & 7 if word >> 63 else 0)
    return offset


def refused(server, *parts, status=1):
    """Starts it; it must end with that status and say all the parts."""
    server.start(wait=False)
    assert server.process.wait(timeout=60) == status, server.log_text()[-2000:]
    for part in parts:
        assert part in server.log_text(), server.log_text()[-2000:]


def flip(path, offset, bit=0):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))
