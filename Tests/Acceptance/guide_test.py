"""The install guide, step by step: the ExecStart line with everything in the environment and in flags."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from servers import OURS, REPOSITORY, Server, free_ports


def settings(folder):
    """The nine variables of conf/etcd.conf, moved to ephemeral ports and a temporary folder."""
    client, peer = free_ports(2)
    values = {}
    for line in (REPOSITORY / "conf/etcd.conf").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            key, _, value = line.partition("=")
            values[key] = value.strip('"')
    for key in values:
        values[key] = re.sub(r"//[^:,]+:2379", f"//127.0.0.1:{client}", values[key])
        values[key] = re.sub(r"//[^:,]+:2380", f"//127.0.0.1:{peer}", values[key])
    values["ETCD_DATA_DIR"] = str(folder / "data")
    return values, client


def exec_start(binary):
    """The command of the unit file's ExecStart, our binary in place of /usr/bin/etcd."""
    unit = (REPOSITORY / "conf/etcd.service").read_text()
    line = re.search(r"^ExecStart=(.*?)$", unit.replace("\\\n", " "), re.M).group(1)
    return line.replace("/usr/bin/etcd", binary)


def run_until_ready(command, environment, client_port, folder):
    """Starts it with a notify socket, waits for READY=1, asks it for a key, stops it; its standard error."""
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = str(folder / "notify")
    notify.bind(path)
    notify.settimeout(60)
    log = open(folder / "log", "w+")
    base = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": path, "HOME": "/root"}
    process = subprocess.Popen(command, env={**base, **environment}, shell=isinstance(command, str),
                               executable="/bin/bash" if isinstance(command, str) else None,
                               stdout=log, stderr=log, cwd=folder, start_new_session=True)
    try:
        assert notify.recv(4096).split(b"\n")[0] == b"READY=1"
        done = subprocess.run(["etcdctl", "--endpoints", f"127.0.0.1:{client_port}", "put", "a", "b"],
                              capture_output=True, text=True, timeout=20,
                              env={"PATH": os.environ["PATH"], "ETCDCTL_API": "3"})
        assert done.stdout == "OK\n", done.stderr
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
        log.seek(0)
        text = log.read()
        notify.close()
        os.unlink(path)
    return text


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="etcd-guide-") as name:
        yield pathlib.Path(name)


def test_the_guides_exec_start_line_serves(folder):
    values, client = settings(folder)
    text = run_until_ready(exec_start(OURS), values, client, folder)
    assert "conflicting environment" not in text
    assert "differ" not in text


def test_the_environment_alone_serves(folder):
    values, client = settings(folder)
    run_until_ready([OURS], values, client, folder)


def test_flags_alone_serve(folder):
    values, client = settings(folder)
    flags = [f"--{key[5:].lower().replace('_', '-')}={value}" for key, value in values.items()]
    run_until_ready([OURS, *flags], {}, client, folder)


def test_a_flag_wins_over_a_different_variable_with_one_warning(folder):
    values, client = settings(folder)
    cluster = f"--initial-cluster=other={values['ETCD_INITIAL_ADVERTISE_PEER_URLS']}"
    text = run_until_ready([OURS, "--name=other", cluster], values, client, folder)
    warnings = [json.loads(line) for line in text.splitlines() if '"level":"warn"' in line]
    named = [w for w in warnings if "ETCD_NAME" in json.dumps(w)]
    assert len(named) == 1, text


@pytest.mark.parametrize("number, status", [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, -signal.SIGINT)])
def test_a_signal_ends_the_process_as_etcd_does(number, status):
    with Server(OURS) as server:
        server.start()
        server.etcdctl("put", "kept", "1")
        assert server.stop(number) == status
        server.start()
        assert server.etcdctl("get", "kept")[1] == "kept\n1\n"


def test_a_second_process_on_the_same_folder_is_refused():
    with Server(OURS) as first:
        first.start()
        second = Server(OURS, data=first.data)
        second.start(wait=False)
        status = second.process.wait(timeout=30)
        assert status == 1
        assert "lock" in second.log_text().lower() or "another process" in second.log_text().lower()
        assert first.etcdctl("put", "a", "1")[1] == "OK\n"
