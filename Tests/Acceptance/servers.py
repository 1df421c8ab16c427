"""Starts our etcd and Debian's on ephemeral loopback ports, and talks to them as their users do."""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
OURS = os.environ.get("ETCD_UNDER_TEST", str(REPOSITORY / ".build/debug/etcd"))
REAL = os.environ.get("ETCD_ORACLE", "/usr/bin/etcd")
ETCDCTL = os.environ.get("ETCDCTL", "/usr/bin/etcdctl")

GIVEN_PORTS = set()


def free_ports(count):
    """Ports nobody listens on now, all different.

    They lie below those the kernel gives to outgoing connections: a member that is down for a moment between
    two starts does not lose its port to one. None is given twice: who got it may not listen yet.
    """
    sockets = []
    try:
        while len(sockets) < count:
            port = random.randrange(10_000, 32_000)
            if port in GIVEN_PORTS:
                continue
            each = socket.socket()
            try:
                each.bind(("127.0.0.1", port))
            except OSError:
                each.close()
            else:
                GIVEN_PORTS.add(port)
                sockets.append(each)
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class Server:
    """One member of a cluster of one, in a data folder of its own."""

    def __init__(self, binary, *flags, name="m1", data=None, environment=None):
        self.binary = binary
        self.flags = list(flags)
        self.name = name
        self.owned = data is None
        self.data = pathlib.Path(data or tempfile.mkdtemp(prefix="etcd-acceptance-"))
        self.client_port, self.peer_port = free_ports(2)
        self.environment = environment or {}
        self.process = None
        self.log_path = self.data.with_name(self.data.name + ".log")

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.client_port}"

    def command(self):
        client = f"http://127.0.0.1:{self.client_port}"
        peer = f"http://127.0.0.1:{self.peer_port}"
        return [
            self.binary, "--name", self.name, "--data-dir", str(self.data / "d"),
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"{self.name}={peer}", *self.flags,
        ]

    def start(self, wait=True, prefix=()):
        self.log = open(self.log_path, "ab")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ETCD")}
        environment.update(self.environment)
        self.process = subprocess.Popen(
            [*prefix, *self.command()], stdout=self.log, stderr=self.log, env=environment)
        if wait:
            self.wait_until_healthy()
        return self

    def wait_until_healthy(self, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.binary} ended with {self.process.returncode}:\n{self.log_text()[-3000:]}")
            try:
                if self.get("/health", timeout=2)[0] == 200:
                    return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"{self.binary} is not healthy after {seconds} s:\n{self.log_text()[-3000:]}")

    def get(self, path, timeout=10):
        """Status, body and headers of a plain HTTP/1.1 GET on the client port."""
        try:
            with urllib.request.urlopen(f"http://{self.endpoint}{path}", timeout=timeout) as answer:
                return answer.status, answer.read().decode(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), dict(error.headers)

    def etcdctl(self, *arguments, stdin=None, timeout=30):
        """Exit status, standard output and standard error of Debian's etcdctl on this server."""
        done = subprocess.run(
            [ETCDCTL, "--endpoints", self.endpoint, *arguments],
            input=stdin, capture_output=True, text=True, timeout=timeout,
            env={"PATH": os.environ["PATH"], "ETCDCTL_API": "3"})
        return done.returncode, done.stdout, done.stderr

    def kill(self):
        """kill -9, and wait until it is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def stop(self, signal_number=signal.SIGTERM, seconds=30):
        """Asks it to end; its exit status as Popen gives it (negative: the signal that ended it)."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        status = self.process.wait(timeout=seconds)
        self.log.close()
        return status

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Anonymous and file-mapped resident bytes."""
        values = {}
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            key, _, rest = line.partition(":")
            if key in ("RssAnon", "RssFile"):
                values[key] = int(rest.split()[0]) * 1024
        return values["RssAnon"], values["RssFile"]

    def remove(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        if self.owned:
            shutil.rmtree(self.data, ignore_errors=True)
            self.log_path.unlink(missing_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()
