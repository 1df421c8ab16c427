"""benchmark compare: what it refuses, and what it says of a server that cannot be compared."""

import json
import signal
import subprocess
import time

import pytest

from clusters import Cluster
from servers import OURS, Server, free_ports
from tools import PROGRAMS, run

SIDES = ["--a", "127.0.0.1:1", "--b", "127.0.0.1:2"]


@pytest.mark.parametrize("arguments, remedy", [
    (["--pid", "1"], "give --pid-a and --pid-b"),
    (["--csv", "x"], "with --json"),
    (["--html", "x"], "with --json"),
    (["--record", "x"], "that load's own command"),
    (["--endpoints", "127.0.0.1:2379"], "give --a and --b"),
    (["--pid-a", "1"], "a ratio needs both"),
    (["--load", "watch-latency", "--val-size", "4"], "--val-size is too small"),
], ids=lambda each: each[0] if isinstance(each, list) else "")
def test_flags_of_one_server_are_refused_with_a_remedy(arguments, remedy):
    status, output, errors = run("benchmark", "compare", *SIDES, *arguments)
    assert (status, output) == (2, "")
    assert remedy in errors


def test_a_side_that_cannot_be_reached_is_named():
    with Server(OURS) as server:
        server.start()
        nobody = f"127.0.0.1:{free_ports(1)[0]}"
        for sides in ([server.endpoint, nobody], [nobody, server.endpoint]):
            status, output, errors = run(
                "benchmark", "compare", "--a", sides[0], "--b", sides[1], "--total", "20", "--quiet")
            side = "b" if sides[1] == nobody else "a"
            assert (status, output) == (1, "")
            assert errors.startswith(f"Error: {side} ({nobody}): ") and "refused" in errors


def test_a_process_that_is_not_there_is_named():
    with Server(OURS) as server:
        server.start()
        sides = ["--a", server.endpoint, "--b", server.endpoint]
        status, _, errors = run(
            "benchmark", "compare", *sides, "--pid-a", server.process.pid, "--pid-b", "99999999", "--quiet")
        assert status == 1 and "--pid-b 99999999: there is no such process" in errors


def test_json_names_the_targets_and_the_command_and_no_password(tmp_path):
    with Server(OURS) as server:
        server.start()
        for command in ("user add root:secret", "user grant-role root root"):
            server.etcdctl(*command.split())
        path = tmp_path / "r.json"
        status, output, errors = run(
            "benchmark", "compare", "--a", server.endpoint, "--b", server.endpoint, "--user", "root:secret",
            "--rounds", "2", "--total", "20", "--json", path, "--quiet")
        # Authentication is off, which Authenticate refuses.
        assert status == 1 and errors.startswith(f"Error: a ({server.endpoint}): ")
        server.etcdctl("auth", "enable")
        for user in (["--user", "root:secret"], ["--user=root:secret"]):
            status, output, errors = run(
                "benchmark", "compare", "--a", server.endpoint, "--b", server.endpoint, *user,
                "--rounds", "2", "--total", "20", "--json", path, "--quiet")
            assert (status, errors) == (0, "")
            read = json.loads(path.read_text())
            assert read["targets"] == {"a": server.endpoint, "b": server.endpoint}
            assert read["command"].startswith("benchmark compare --a") and "--user" in read["command"]
            assert "secret" not in path.read_text() and "secret" not in output
            assert read["errors"] == {"a": [], "b": []} and not read["interrupted"]


def test_the_processor_time_of_short_turns_of_whole_clusters_is_told():
    with Cluster() as cluster:
        pids = [str(each.process.pid) for each in cluster.members]
        sides = ["--a", cluster.endpoints, "--b", cluster.endpoints]
        flags = [flag for pid in pids for flag in ("--pid-a", pid)] + ["--pid-b", pids[0]]
        status, output, errors = run(
            "benchmark", "compare", *sides, *flags, "--rounds", "2", "--total", "10", "--json", "-", "--quiet")
        assert (status, errors) == (0, "")
        figures = {each["name"]: each for each in json.loads(output)["figures"]}
        assert min(figures["Server CPU"]["a"] + figures["Server CPU"]["b"]) > 0
        assert figures["Server memory"]["median"] > 1.5


def test_an_interrupted_comparison_says_so():
    with Server(OURS) as server:
        server.start()
        process = subprocess.Popen(
            [str(PROGRAMS / "benchmark"), "compare", "--a", server.endpoint, "--b", server.endpoint, "--rounds",
             "100", "--duration", "200ms", "--quiet"], stdout=subprocess.PIPE, text=True)
        time.sleep(1.5)  # some rounds
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Interrupted" in output and "of 100 rounds of put" in output


@pytest.mark.parametrize("load", ["kubernetes", "lease-keepalive"])
def test_a_server_is_compared_with_itself(load):
    with Server(OURS) as server:
        server.start()
        status, _, errors = run(
            "benchmark", "compare", "--a", server.endpoint, "--b", server.endpoint, "--rounds", "2", "--total", "30",
            "--load", load, "--quiet")
        assert (status, errors) == (0, "")
        assert server.etcdctl("get", "", "--prefix", "--keys-only")[1] == ""
        assert server.etcdctl("lease", "list")[1].split() == ["found", "0", "leases"]
