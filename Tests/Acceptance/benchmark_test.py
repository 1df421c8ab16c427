"""benchmark: every command against our server and a real etcd, with small totals, and what it prints and refuses."""

import csv
import json
import os
import pty
import re
import signal
import socket
import subprocess
import termios
import time

import pytest

from servers import OURS, REAL, Server
from tools import PROGRAMS, run

TOTALS = {
    "put": ["--total", "200", "--val-size", "uniform:10-300", "--key-space-size", "50", "--check-hashkv"],
    "range": ["put-key", "--total", "200"],
    "txn-put": ["--total", "100", "--txn-ops", "3", "--key-space-size", "10"],
    "txn-mixed": ["put-key", "--total", "200", "--rw-ratio", "2"],
    "stm": ["--total", "50", "--keys", "4", "--keys-per-txn", "2", "--isolation", "ss"],
    "stm-lock-client": ["--total", "40", "--keys", "2", "--stm-locker", "lock-client", "--txn-wr-percent", "100"],
    "stm-lock-rpc": ["--total", "40", "--keys", "2", "--stm-locker", "lock-rpc", "--txn-wr-percent", "100"],
    "range-paginate": ["--prefix", "put-key", "--paginate", "--limit", "2", "--total", "50"],
    "lease-keepalive": ["--total", "200"],
    "watch": ["--streams", "2", "--watch-per-stream", "10", "--watched-key-total", "3", "--put-total", "30"],
    "watch-get": ["--watchers", "50", "--events", "3"],
    "watch-latency": ["--streams", "2", "--watchers-per-stream", "3", "--put-total", "20", "--put-rate", "200",
                      "--watched-key-total", "2"],
    "compaction": ["--total", "300", "--puts-per-compaction", "50", "--compact-index-delta", "10"],
    "kubernetes": ["--total", "300", "--pods", "60", "--nodes", "10", "--page-size", "20"],
}


COMMANDS = {"put", "range", "txn-put", "txn-mixed", "stm", "lease-keepalive", "watch", "watch-get", "watch-latency",
            "compaction", "kubernetes"}


@pytest.fixture(scope="module", params=[OURS, REAL], ids=["ours", "etcd"])
def server(request):
    with Server(request.param) as each:
        yield each.start()


def benchmark(server, *arguments):
    return run("benchmark", *arguments, "--endpoints", server.endpoint, "--quiet")


@pytest.mark.parametrize("command", TOTALS)
def test_every_command_runs_without_an_error(server, command):
    name = command if command in COMMANDS else command.split("-")[0]
    status, output, errors = benchmark(server, name, *TOTALS[command], "--clients", "4", "--conns", "2")
    assert (status, errors) == (0, "")
    assert "Requests/sec:" in output and "99% in" in output
    assert "Error distribution" not in output


def test_common_flags_may_stand_before_the_command(server):
    status, output, _ = run(
        "benchmark", f"--endpoints={server.endpoint}", "--conns=2", "--clients", "3", "--precise", "--quiet",
        "put", "--total=10")
    assert status == 0
    assert re.search(r"Average:\t0\.\d{6,} secs", output)


def test_an_endpoint_that_takes_connections_and_says_nothing_is_passed_over(server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoints = f"127.0.0.1:{silent.getsockname()[1]},{server.endpoint}"
        status, output, errors = run(
            "benchmark", "put", "--total=20", "--endpoints", endpoints, "--dial-timeout", "500ms", "--quiet")
    assert (status, errors) == (0, "") and "Error distribution" not in output


@pytest.mark.parametrize("flags, remedy", [
    (["watch", "--duration", "5"], "such as 5s"),
    (["watch", "--key-size", "-1"], "sizes are N, uniform:A-B"),
    (["watch-latency", "--val-size", "many"], "sizes are N, uniform:A-B"),
    (["kubernetes", "--val-size", "uniform:10"], "sizes are N, uniform:A-B"),
    (["mvcc", "put", "--record", "x"], "--record is for requests to a server"),
], ids=str)
def test_every_command_says_what_is_allowed(flags, remedy):
    status, _, errors = run("benchmark", *flags)
    assert status == 2 and flags[-2] in errors and remedy in errors


@pytest.mark.parametrize("flags", [
    ["put", "--rate", "nan"], ["put", "--rate", "1e10"], ["watch", "--put-rate", "inf"],
    ["watch-latency", "--rate", "nan"], ["replay", "/dev/null", "--speed", "1e-12"],
    ["compare", "--a", "x", "--b", "y", "--load", "txn-mixed", "--rw-ratio", "inf"],
], ids=" ".join)
def test_numbers_that_are_none_are_refused_by_their_flag(flags):
    status, _, errors = run("benchmark", *flags)
    assert status == 2 and f"Error: --{'put-' * (flags[0] == 'watch-latency')}{flags[-2][2:]} is" in errors


def test_endpoints_may_be_given_one_by_one(server):
    options = ["put", "--total=20", "--clients", "2", "--conns", "2", "--quiet"]
    status, _, errors = run(
        "benchmark", *options, "--endpoints", server.endpoint, "--endpoints", server.endpoint, "--pid",
        server.process.pid, "--pid", server.process.pid)
    assert (status, errors) == (0, "")


def test_the_result_is_written_in_every_form(server, tmp_path):
    result, lines, page = (tmp_path / name for name in ("r.json", "r.csv", "r.html"))
    status, _, _ = benchmark(
        server, "put", "--total", "100", "--json", result, "--csv", lines, "--html", page, "--pid",
        server.process.pid)
    assert status == 0
    read = json.loads(result.read_text())
    assert read["succeeded"] == 100 and read["failed"] == 0
    assert read["operations"][0]["percentiles"]["50"] <= read["operations"][0]["slowest"]
    assert read["server"]["residentBytes"] > 1_000_000
    assert sum(int(row["operations"]) for row in csv.DictReader(lines.open())) == 100
    assert page.read_text().count("<svg") == 3


def test_a_recorded_load_is_replayed(server, tmp_path):
    log = tmp_path / "log"
    assert benchmark(server, "put", "--total", "50", "--key-size", "20", "--record", log)[0] == 0
    assert len([line for line in log.read_text().splitlines() if not line.startswith("#")]) == 50
    before = revision(server)
    status, output, errors = benchmark(server, "replay", log, "--speed", "0", "--json", "-")
    assert status == 0, errors
    assert json.loads(output)["operations"][0]["count"] == 50
    assert revision(server) == before + 50


@pytest.mark.parametrize("load", [
    ["kubernetes", "--pods", "20", "--nodes", "3", "--total", "50", "--watchers", "0"],
    ["lease-keepalive", "--total", "30"],
], ids=["kubernetes", "lease-keepalive"])
def test_a_load_that_prepares_something_is_replayed_too(server, tmp_path, load):
    log = tmp_path / "log"
    assert benchmark(server, *load, "--record", log)[0] == 0
    times = [int(line.split()[0]) for line in log.read_text().splitlines() if not line.startswith("#")]
    assert times[0] == 0 and times == sorted(times)
    status, output, errors = benchmark(server, "replay", log, "--speed", "0")
    assert (status, errors) == (0, "") and "Requests/sec:" in output
    server.etcdctl("del", "--prefix", "/benchmark/")


def test_a_registry_is_deleted_again_and_another_is_left_alone(server):
    load = ["kubernetes", "--pods", "20", "--nodes", "3", "--total", "50"]
    assert benchmark(server, *load)[0] == 0
    assert server.etcdctl("get", "--prefix", "/", "--keys-only")[1] == ""
    server.etcdctl("put", "/registry/pods/live", "x")
    server.etcdctl("put", "/benchmark/registry/pods/old", "x")
    status, _, errors = benchmark(server, *load)
    assert status == 1 and "1 keys are there already" in errors and "etcdctl del --prefix /benchmark/registry" in errors
    assert benchmark(server, *load, "--registry", "/other")[0] == 0
    assert server.etcdctl("get", "--prefix", "/", "--keys-only")[1].split() == [
        "/benchmark/registry/pods/old", "/registry/pods/live"]
    server.etcdctl("del", "--prefix", "/")


def revision(server):
    _, output, _ = server.etcdctl("get", "x", "-w", "json")
    return json.loads(output)["header"]["revision"]


def test_ctrl_c_ends_a_run_with_its_report(server):
    process = subprocess.Popen(
        [str(PROGRAMS / "benchmark"), "put", "--duration", "60s", "--endpoints", server.endpoint, "--quiet"],
        stdout=subprocess.PIPE, text=True)
    before = revision(server)
    while revision(server) == before:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Interrupted" in output and "Requests/sec:" in output


def test_errors_are_counted_by_code(server):
    status, output, _ = benchmark(server, "range", "a", "b", "--total", "5", "--limit", "1")
    assert status == 0, output
    status, output, _ = run(
        "benchmark", "put", "--total", "3", "--val-size", "1048576", "--key-size", "1048000", "--endpoints",
        server.endpoint, "--quiet")
    assert status == 1
    assert re.search(r"\[3\]\trpc error: code = InvalidArgument desc = etcdserver: request is too large", output)


def test_two_servers_are_compared_in_one_run():
    with Server(OURS) as ours, Server(REAL) as real:
        ours.start()
        real.start()
        status, output, errors = run(
            "benchmark", "compare", "--a", ours.endpoint, "--b", real.endpoint, "--pid-a", ours.process.pid,
            "--pid-b", real.process.pid, "--rounds", "3", "--total", "100", "--json", "-", "--quiet")
        assert status == 0, errors
        read = json.loads(output)
        assert read["rounds"] == 3
        figures = {figure["name"]: figure for figure in read["figures"]}
        assert {"Requests/sec", "p50", "p99", "Server CPU", "Server memory"} <= figures.keys()
        assert len(figures["Requests/sec"]["ratios"]) == 3


COMPARED = {
    "range": ["--range-keys", "30", "--paginate", "--limit", "7"],
    "stm": ["--keys", "3", "--stm-locker", "lock-rpc"],
    "watch-latency": ["--streams", "2", "--watchers-per-stream", "2"],
    "kubernetes": ["--pods", "30", "--nodes", "5", "--watchers", "2"],
    "txn-mixed": ["--rw-ratio", "2"],
    "lease-keepalive": [],
}


@pytest.mark.parametrize("load", COMPARED)
def test_every_load_can_be_compared(load):
    with Server(OURS) as ours, Server(REAL) as real:
        ours.start()
        real.start()
        status, output, errors = run(
            "benchmark", "compare", "--a", ours.endpoint, "--b", real.endpoint, "--rounds", "2", "--total", "40",
            "--clients", "3", "--load", load, *COMPARED[load], "--json", "-", "--quiet")
        assert status == 0, errors
        figures = {figure["name"]: figure for figure in json.loads(output)["figures"]}
        assert len(figures["Requests/sec"]["ratios"]) == 2
        assert "Errors" not in figures


def test_a_range_is_read_as_a_stream_where_the_server_knows_it(server):
    benchmark(server, "put", "--total", "20", "--key-space-size", "20", "--sequential-keys", "--prefix", "streamed/")
    status, output, _ = benchmark(server, "range", "--prefix", "streamed/", "--stream", "--total", "10")
    if server.binary == OURS:
        assert status == 0 and "Error distribution" not in output
    else:  # 3.4
        assert status == 1 and "code = Unimplemented" in output


def test_the_store_is_measured_without_a_server():
    status, output, errors = run("benchmark", "mvcc", "put", "--total", "500", "--txn", "--txn-ops", "2")
    assert status == 0, errors
    assert "Requests/sec:" in output


def test_where_nobody_listens_it_ends_at_once_with_status_1():
    status, output, errors = run("benchmark", "put", "--endpoints", "127.0.0.1:1", "--total", "1000", timeout=10)
    assert (status, output) == (1, "")
    assert "127.0.0.1:1 cannot be reached" in errors
    assert "dial tcp 127.0.0.1:1: connect: connection refused" in errors


def test_a_plain_server_is_not_reached_by_tls(server):
    status, _, errors = run(
        "benchmark", "put", "--endpoints", f"https://{server.endpoint}", "--dial-timeout", "500ms", "--quiet",
        timeout=10)
    assert status == 1
    assert f"https://{server.endpoint} cannot be reached" in errors


def test_what_a_stalled_server_kept_from_being_asked_counts():
    with Server(OURS) as server:
        server.start()
        load = subprocess.Popen(
            [str(PROGRAMS / "benchmark"), "put", "--rate", "200", "--clients", "4", "--duration", "2s",
             "--endpoints", server.endpoint, "--quiet", "--json", "-"], stdout=subprocess.PIPE, text=True)
        before = revision(server)
        while revision(server) < before + 50:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(2)
        server.process.send_signal(signal.SIGCONT)
        read = json.loads(load.communicate(timeout=20)[0])
    assert (read["succeeded"], read["unsent"]) == (400, 0)
    assert read["operations"][0]["percentiles"]["90"] > 1000
    assert read["rate"]["missed"]


@pytest.fixture
def guarded():
    with Server(OURS, "--bcrypt-cost=4") as server:
        server.start()
        server.etcdctl("user", "add", "root:secret")
        server.etcdctl("user", "grant-role", "root", "root")
        server.etcdctl("auth", "enable")
        yield server


def test_a_password_is_read_from_standard_input_and_shown_in_no_report(guarded, tmp_path):
    arguments = ["put", "--total", "5", "--quiet", "--endpoints", guarded.endpoint]
    assert run("benchmark", *arguments, "--user", "root", stdin="secret\n")[0] == 0
    status, _, errors = run("benchmark", *arguments, "--user", "root", stdin="wrong\n")
    assert status == 1 and "authentication failed" in errors
    status, _, errors = run("benchmark", *arguments, "--user", "root", stdin="")
    assert status == 1 and "no password" in errors
    for given in (["--user", "root:secret"], ["-user=root:secret"]):
        result, page = tmp_path / "r.json", tmp_path / "r.html"
        assert run("benchmark", *arguments, *given, "--json", result, "--html", page)[0] == 0
        for text in (result.read_text(), page.read_text()):
            assert "secret" not in text and "root:***" in text


def test_a_password_is_asked_for_on_the_terminal_without_an_echo(guarded):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(PROGRAMS / "benchmark"), "put", "--total", "5", "--quiet", "--endpoints", guarded.endpoint, "--user",
         "root"], stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, text=True)
    shown = b""
    while b"Password: " not in shown:
        shown += os.read(ours, 100)
    while termios.tcgetattr(theirs)[3] & termios.ECHO:
        time.sleep(0.01)
    os.write(ours, b"secret\n")
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0 and "Requests/sec:" in output
    assert b"secret" not in os.read(ours, 100)
    assert termios.tcgetattr(theirs)[3] & termios.ECHO
    os.close(ours)
    os.close(theirs)


def test_a_token_that_a_restarted_server_has_forgotten_is_renewed(guarded):
    arguments = ["--endpoints", guarded.endpoint, "--user", "root:secret", "--quiet"]
    load = subprocess.Popen(
        [str(PROGRAMS / "benchmark"), "put", "--rate", "100", "--duration", "4s", *arguments, "--json", "-"],
        stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    guarded.stop()
    guarded.start()
    read = json.loads(load.communicate(timeout=30)[0])
    assert {error["code"] for error in read["errors"]} <= {"Unavailable"}
    assert read["succeeded"] > 200


REMEDIES = {
    "--rate -1": "--rate is at least 0",
    "--total -5": "--total is at least 1",
    "--clients -1": "--clients is at least 1",
    "--duration 5": "such as 5s, 500ms or 1m30s",
    "--warm-up 1": "such as 5s, 500ms or 1m30s",
    "--dial-timeout 1": "such as 5s, 500ms or 1m30s",
    "--val-size 999999999": "none above 67108864 bytes",
    "--key-size 0": "--key-size is at least 1",
    "--key-space-size -1": "from 1 to 2^62",
    "--pid 999999999": "there is no such process",
    "--json /nonexistent/x": "/nonexistent/x: No such file or directory",
    "--csv /nonexistent/x": "/nonexistent/x: No such file or directory",
    "--html /nonexistent/x": "/nonexistent/x: No such file or directory",
    "--record /nonexistent/x": "/nonexistent/x: No such file or directory",
}


@pytest.mark.parametrize("flag", REMEDIES)
def test_what_is_refused_is_named_with_what_is_allowed_before_anything_runs(flag):
    status, output, errors = run("benchmark", "put", "--endpoints", "127.0.0.1:1", *flag.split(), timeout=10)
    assert status in (1, 2) and output == ""
    assert flag.split()[0] in errors or flag.split()[1] in errors
    assert REMEDIES[flag] in errors


def test_a_mistyped_command_is_answered_by_the_near_one():
    status, _, errors = run("benchmark", "putt")
    assert status == 2 and "Did you mean 'put'?" in errors


def test_requests_larger_than_a_server_takes_can_be_measured(server):
    status, output, _ = benchmark(server, "put", "--total", "2", "--val-size", "1600000")
    assert status == 1
    assert "etcdserver: request is too large" in output and "Summary" not in output


def test_the_help_shows_defaults_as_they_are_given():
    status, output, _ = run("benchmark", "put", "--help")
    text = " ".join(output.split())
    assert status == 0
    assert "(default: 5s)" in text and "(default: 8)" in text
    assert "fixed(" not in text and "value:" not in text
