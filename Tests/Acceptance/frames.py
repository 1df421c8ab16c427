"""HTTP/2 frames by hand, for clients that do not keep to the rules (or keep to them very slowly)."""

import socket

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def text(value):
    """An HPACK string, not Huffman-coded."""
    if len(value) < 127:
        return bytes([len(value)]) + value
    rest, out = len(value) - 127, bytearray([127])
    while rest >= 128:
        out.append(rest & 127 | 128)
        rest >>= 7
    return bytes(out) + bytes([rest]) + value


def field(name, value, indexed=False):
    return (b"\x40" if indexed else b"\x00") + text(name) + text(value)


def request_headers(method, *more):
    """The header block of a gRPC call."""
    return b"".join(field(name, value) for name, value in [
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", method), (b":authority", b"x"),
        (b"content-type", b"application/grpc"), (b"te", b"trailers"), *more])


def call(stream, method, message, *more):
    """HEADERS and DATA of a whole unary call."""
    body = b"\x00" + len(message).to_bytes(4, "big") + message
    return (frame(HEADERS, END_HEADERS, stream, request_headers(method, *more))
            + frame(DATA, END_STREAM, stream, body))


class Connection:
    """A socket that has said the preface."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.client_port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(10)
        self.send(PREFACE + frame(SETTINGS))

    def send(self, data):
        """False when the server has hung up."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def frames(self):
        """(kind, flags, stream, payload) until the server hangs up."""
        held = b""
        while True:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                return
            if not piece:
                return
            held += piece
            while len(held) >= 9 and len(held) >= 9 + int.from_bytes(held[:3], "big"):
                end = 9 + int.from_bytes(held[:3], "big")
                yield held[3], held[4], int.from_bytes(held[5:9], "big"), held[9:end]
                held = held[end:]

    def answer(self, stream):
        """The message bytes of a call's answer, and its trailer block."""
        data = b""
        for kind, flags, number, payload in self.frames():
            if number == stream and kind == DATA:
                data += payload
            if number == stream and flags & END_STREAM:
                return data[5:], payload
            assert (kind, number) != (RST_STREAM, stream)
        raise AssertionError("the server hung up")

    def close(self):
        self.socket.close()
