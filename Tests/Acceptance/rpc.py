"""Raw gRPC on the messages of our own .proto files: any request, valid or not, to any server."""

import importlib
import pathlib
import subprocess
import sys
import tempfile

import grpc

PROTOS = pathlib.Path(__file__).resolve().parents[2] / "Sources/EtcdAPI/Protos"


def _modules():
    files = sorted(str(p) for p in PROTOS.glob("*.proto"))
    with tempfile.TemporaryDirectory(prefix="etcd-protos-") as out:
        subprocess.run(["protoc", f"-I{PROTOS}", f"--python_out={out}", *files], check=True)
        sys.path.insert(0, out)
        try:
            return {p.stem: importlib.import_module(p.stem + "_pb2") for p in PROTOS.glob("*.proto")}
        finally:
            sys.path.remove(out)


modules = _modules()


def message(name):
    """The message class of that name, whichever file declares it."""
    for module in modules.values():
        if hasattr(module, name):
            return getattr(module, name)
    raise KeyError(name)


METHODS = {
    "KV": ["Range", "Put", "DeleteRange", "Txn"],
    "Lease": ["LeaseGrant", "LeaseRevoke", "LeaseTimeToLive", "LeaseLeases"],
    "Maintenance": ["Alarm", "Status", "Defragment", "Hash", "HashKV", "MoveLeader", "Downgrade"],
    "Cluster": ["MemberAdd", "MemberRemove", "MemberUpdate", "MemberList", "MemberPromote"],
}


class Client:
    """One connection, which gRPC shares with clients of the same endpoint and options.

    Methods take request messages and give the answer or a grpc.RpcError.
    """

    def __init__(self, endpoint, *options):
        self.channel = grpc.insecure_channel(
            endpoint,
            options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), *options])

    def unary(self, service, method, request, response=None, timeout=20, metadata=None):
        answer = message(response or f"{method}Response")
        call = self.channel.unary_unary(
            f"/{service}/{method}", request_serializer=lambda m: m.SerializeToString(),
            response_deserializer=answer.FromString)
        return call(request, timeout=timeout, metadata=metadata)

    def kv(self, method, request, **options):
        return self.unary("etcdserverpb.KV", method, request, **options)

    def compact(self, revision, physical=False):
        request = message("CompactionRequest")(revision=revision, physical=physical)
        return self.unary("etcdserverpb.KV", "Compact", request, response="CompactionResponse")

    def lease(self, method, request, **options):
        return self.unary("etcdserverpb.Lease", method, request, **options)

    def maintenance(self, method, request, **options):
        return self.unary("etcdserverpb.Maintenance", method, request, **options)

    def stream(self, service, method, requests, request_name, response_name, timeout=None):
        call = self.channel.stream_stream(
            f"/{service}/{method}", request_serializer=lambda m: m.SerializeToString(),
            response_deserializer=message(response_name).FromString)
        return call(requests, timeout=timeout)

    def close(self):
        self.channel.close()


def outcome(function, *arguments, **options):
    """What a call came to: ("ok", message) or ("error", code, text)."""
    try:
        return ("ok", function(*arguments, **options))
    except grpc.RpcError as error:
        return ("error", error.code().name, error.details())
