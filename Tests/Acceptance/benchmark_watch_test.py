"""benchmark: loads of watchers and leases whose server refuses, forgets or dies, and what they then say."""

import csv
import json
import re
import signal
import subprocess
import threading
import time
import urllib.request

import pytest

from clusters import Cluster
from servers import OURS, REAL, Server
from tools import PROGRAMS, run


@pytest.fixture(params=[OURS, REAL], ids=["ours", "etcd"])
def server(request):
    with Server(request.param) as each:
        yield each.start()


def benchmark(server, *arguments):
    return run("benchmark", *arguments, "--endpoints", server.endpoint, "--quiet")


class Load:
    """A load that runs beside the test."""

    def __init__(self, server, *arguments):
        self.process = subprocess.Popen(
            [str(PROGRAMS / "benchmark"), *arguments, "--endpoints", server.endpoint, "--quiet"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self):
        output, errors = self.process.communicate(timeout=60)
        return self.process.returncode, output, errors


def revision(server):
    return json.loads(server.etcdctl("get", "x", "-w", "json")[1])["header"]["revision"]


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def distribution(output):
    """The error distribution: texts with their counts, of all reports together."""
    counts = {}
    for count, text in re.findall(r"^  \[(\d+)\]\t(rpc error.*)$", output, re.M):
        counts[text] = counts.get(text, 0) + int(count)
    return counts


@pytest.mark.parametrize("command", ["watch", "watch-latency"])
def test_a_server_that_dies_leaves_a_report_with_the_errors(server, command):
    load = Load(server, command, "--streams", "2", "--put-rate", "100", "--put-total", "600")
    wait_until(lambda: revision(server) > 20)
    server.kill()
    status, output, errors = load.end()
    assert status == 1
    assert "watchers were lost" in errors
    assert "Watch events" in output and "Requests/sec:" in output
    assert all("code = Unavailable" in text for text in distribution(output))
    assert sum(distribution(output).values()) > 100


def enable_auth(server):
    for command in ("user add root:r", "user grant-role root root", "role add reader", "user add joe:jpw",
                    "user grant-role joe reader", "auth enable"):
        assert server.etcdctl(*command.split())[0] == 0, command


def test_watchers_that_are_refused_are_errors_and_not_created(server, tmp_path):
    enable_auth(server)
    path = tmp_path / "r.json"
    status, output, errors = benchmark(
        server, "watch", "--streams", "2", "--watch-per-stream", "5", "--user", "joe:jpw", "--json", path)
    assert (status, errors) == (1, "Error: no watcher was created\n")
    assert distribution(output) == {
        "rpc error: code = PermissionDenied desc = etcdserver: permission denied": 10}
    read = json.loads(path.read_text())
    assert (read["succeeded"], read["failed"]) == (0, 10)


def test_puts_that_fail_bring_no_event_and_that_is_no_success(server):
    enable_auth(server)
    server.etcdctl("--user", "root:r", "role", "grant-permission", "reader", "read", "", "--prefix")
    status, output, errors = benchmark(
        server, "watch", "--put-total", "20", "--streams", "1", "--watch-per-stream", "2", "--user", "joe:jpw")
    assert (status, errors) == (1, "Error: no event came\n")
    assert distribution(output) == {
        "rpc error: code = PermissionDenied desc = etcdserver: permission denied": 20}


def test_a_lease_that_is_gone_is_an_error(server):
    load = Load(server, "lease-keepalive", "--clients", "2", "--rate", "100", "--duration", "6s")
    leases = []

    def granted():
        leases[:] = server.etcdctl("lease", "list")[1].split()[-2:]
        return len(leases) == 2 and all(re.fullmatch("[0-9a-f]{8,}", each) for each in leases)

    wait_until(granted)
    for lease in leases:
        server.etcdctl("lease", "revoke", lease)
    status, output, _ = load.end()
    assert status == 0
    errors = distribution(output)
    assert list(errors) == ["rpc error: code = NotFound desc = etcdserver: requested lease not found"]
    assert sum(errors.values()) > 50


@pytest.mark.parametrize("arguments, kinds", [
    (["range", "x", "--total", "5"], {"range"}),
    (["watch", "--streams", "2", "--put-total", "20"], {"watch creation", "watch event", "put"}),
    (["watch-latency", "--streams", "2", "--put-total", "20"], {"watch creation", "watch event", "put"}),
    (["watch-get", "--watchers", "20"], {"range"}),
], ids=lambda each: each[0] if isinstance(each, list) else "")
def test_json_on_standard_output_is_alone_there(server, arguments, kinds):
    status, output, _ = benchmark(server, *arguments, "--json", "-")
    assert status == 0
    read = json.loads(output)
    operations = {each["name"]: each for each in read["operations"]}
    assert operations.keys() == kinds
    if "watch event" in kinds:
        assert operations["watch event"]["count"] > operations["put"]["count"] == 20
        assert sum(each["count"] for each in operations["put"]["timeline"]) == 20
        assert sum(each["count"] for each in read["timeline"]) == operations["watch event"]["count"]


def test_the_seconds_of_watch_are_those_of_the_events(server, tmp_path):
    path = tmp_path / "r.csv"
    status, output, _ = benchmark(
        server, "watch", "--streams", "1", "--watch-per-stream", "3", "--put-total", "20", "--sample", "--csv", path)
    assert status == 0
    assert sum(int(row["operations"]) for row in csv.DictReader(path.open())) == 60
    events = output.split("Watch events received summary:")[1]
    assert sum(int(count) for count in re.findall(r"^\d{10},.*,(\d+)$", events, re.M)) == 60


@pytest.mark.parametrize("arguments", [
    ["watch-get", "--watchers", "50000", "--events", "100"], ["watch", "--put-rate", "20", "--put-total", "1000"],
    ["watch-latency", "--duration", "60s"],
], ids=lambda each: each[0])
def test_ctrl_c_ends_a_load_of_watchers_with_its_report(server, arguments):
    before = revision(server)
    load = Load(server, *arguments)
    wait_until(lambda: revision(server) > before)
    timer = threading.Timer(0.5, load.process.send_signal, [signal.SIGINT])
    timer.start()
    status, output, errors = load.end()
    assert (status, errors) == (0, "")
    assert "Interrupted" in output and "Requests/sec:" in output


@pytest.mark.parametrize("arguments, complaint", [
    (["put", "--json", "-", "--csv", "-"], "--json and --csv go to standard output"),
    (["watch", "--key-space-size", "2", "--watched-key-total", "5"], "less than --watched-key-total 5: raise it"),
    (["watch-latency", "--val-size", "4"], "--val-size is too small"),
    (["watch-latency", "--val-size", "uniform:4-90"], "--val-size is too small"),
])
def test_what_cannot_be_is_refused(arguments, complaint):
    status, output, errors = run("benchmark", *arguments)
    assert (status, output) == (2, "")
    assert complaint in errors


@pytest.mark.parametrize("binary", [OURS, REAL], ids=["ours", "etcd"])
def test_the_leader_is_found_through_any_member(binary):
    with Cluster(binary=binary) as cluster:
        leader = cluster.leader()
        follower = next(each for each in cluster.members if each is not leader)
        status, output, errors = run(
            "benchmark", "put", "--total", "20", "--target-leader", "--endpoints", follower.endpoint, "--quiet")
        assert (status, errors) == (0, "")
        wait_until(lambda: answered_puts(leader) == 20)


def answered_puts(member):
    """Of clients; our server counts them once per second."""
    with urllib.request.urlopen(f"http://{member.endpoint}/metrics") as page:
        lines = re.findall(r"^grpc_server_handled_total\{(.*)\} (\d+)", page.read().decode(), re.M)
    return sum(int(count) for labels, count in lines if '"Put"' in labels and '"OK"' in labels)
