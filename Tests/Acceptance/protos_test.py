"""Our .proto files beside the descriptors a real etcd carries in its program: nothing missing, nothing different.

Go programs keep the descriptor of every .proto file they were built from, gzipped. ETCD_ORACLE chooses another
etcd than Debian's; what newer releases added is ours alone, so the comparison is one of subsets.
"""

import pathlib
import subprocess
import tempfile
import zlib

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

from servers import REAL, REPOSITORY

PROTOS = REPOSITORY / "Sources/EtcdAPI/Protos"
BY_HAND = {"etcdserverpb.Metadata"}  # Journal writes it without generated code.


def embedded(program):
    """The descriptors found in a Go program."""
    data = pathlib.Path(program).read_bytes()
    position = data.find(b"\x1f\x8b\x08")
    while position >= 0:
        try:
            text = zlib.decompressobj(wbits=31).decompress(data[position:position + (1 << 20)])
            yield FileDescriptorProto.FromString(text)
        except (zlib.error, DecodeError):
            pass
        position = data.find(b"\x1f\x8b\x08", position + 1)


def ours():
    with tempfile.NamedTemporaryFile() as output:
        files = sorted(str(path) for path in PROTOS.glob("*.proto"))
        subprocess.run(["protoc", f"-I{PROTOS}", f"--descriptor_set_out={output.name}", *files], check=True)
        return list(FileDescriptorSet.FromString(output.read()).file)


def facts(files):
    """Full name of every message, enumeration and service: the set of what it declares."""
    table = {}

    def add_message(prefix, message):
        name = f"{prefix}.{message.name}"
        table[name] = {
            (field.number, field.name, field.type, field.label, field.type_name, field.HasField("oneof_index"))
            for field in message.field}
        for nested in message.nested_type:
            add_message(name, nested)
        for enumeration in message.enum_type:
            table[f"{name}.{enumeration.name}"] = {(value.number, value.name) for value in enumeration.value}

    for file in files:
        for message in file.message_type:
            add_message(file.package, message)
        for enumeration in file.enum_type:
            table[f"{file.package}.{enumeration.name}"] = {(v.number, v.name) for v in enumeration.value}
        for service in file.service:
            table[f"{file.package}.{service.name}"] = {
                (m.name, m.input_type, m.output_type, m.client_streaming, m.server_streaming) for m in service.method}
    return table


def test_the_protos_hold_all_that_a_real_etcd_knows():
    mine = ours()
    packages = {file.package for file in mine}
    expected = facts(file for file in embedded(REAL) if file.package in packages)
    if len(expected) < 100:
        pytest.skip(f"{REAL} carries no descriptors")
    actual = facts(mine)
    assert set(expected) - BY_HAND <= set(actual)
    differences = {name: expected[name] - actual[name] for name in actual.keys() & expected.keys()}
    assert {name: missing for name, missing in differences.items() if missing} == {}
