"""Clusters of several members of one binary, on loopback or each in a network namespace of its own."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import time

import grpc

from rpc import Client, message
from servers import OURS, Server, free_ports


class Member(Server):
    """One member of a `Cluster`: a `Server` that knows the others."""

    def __init__(self, cluster, name, host="127.0.0.1", prefix=()):
        super().__init__(cluster.binary, *cluster.flags, name=name, data=cluster.folder / name)
        self.cluster = cluster
        self.host = host
        self.prefix = list(prefix)
        self.state = "new"
        self.initial = None

    @property
    def endpoint(self):
        return f"{self.host}:{self.client_port}"

    @property
    def client_url(self):
        return f"http://{self.endpoint}"

    @property
    def peer_url(self):
        return f"http://{self.host}:{self.peer_port}"

    def command(self):
        return [
            self.binary, "--name", self.name, "--data-dir", str(self.data / "d"),
            "--listen-client-urls", self.client_url, "--advertise-client-urls", self.client_url,
            "--listen-peer-urls", self.peer_url, "--initial-advertise-peer-urls", self.peer_url,
            "--initial-cluster", self.initial or self.cluster.initial, "--initial-cluster-state", self.state,
            "--initial-cluster-token", self.cluster.token, *self.flags,
        ]

    def start(self, wait=True, prefix=()):
        self.data.mkdir(parents=True, exist_ok=True)
        return super().start(wait, [*self.prefix, *prefix])

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def client(self):
        return Client(self.endpoint)

    def status(self, timeout=5):
        client = self.client()
        try:
            return client.maintenance("Status", message("StatusRequest")(), timeout=timeout)
        finally:
            client.close()


class Cluster:
    """`size` members that found a cluster together; `with` starts them all and removes them."""

    def __init__(self, *flags, size=3, binary=OURS, token="acceptance"):
        self.binary = binary
        self.flags = list(flags)
        self.token = token
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="etcd-cluster-"))
        self.members = [self.new_member(f"m{number}") for number in range(1, size + 1)]
        self.initial = self.initial_of(self.members)

    def new_member(self, name):
        return Member(self, name)

    @staticmethod
    def initial_of(members):
        return ",".join(f"{each.name}={each.peer_url}" for each in members)

    def __enter__(self):
        try:
            for each in self.members:
                each.start(wait=False)
            for each in self.members:
                each.wait_until_healthy()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for each in self.members:
            each.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def running(self):
        return [each for each in self.members if each.is_running]

    @property
    def endpoints(self):
        return ",".join(each.endpoint for each in self.members)

    def etcdctl(self, *arguments, **options):
        """etcdctl with the endpoints of all members."""
        first = self.members[0]
        code, out, err = first.etcdctl("--endpoints", self.endpoints, *arguments, **options)
        return code, out, err

    def leader(self, seconds=20, among=None):
        """The running member that the others follow, waiting until there is one."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for each in among or self.running:
                try:
                    status = each.status(timeout=1)
                except grpc.RpcError:
                    continue
                if status.leader and status.leader == status.header.member_id:
                    return each
            time.sleep(0.05)
        raise AssertionError(f"no leader after {seconds} s")

    def followers(self):
        leader = self.leader()
        return [each for each in self.running if each is not leader]

    def add(self, name, learner=False, through=None):
        """Adds a member by etcdctl, and returns it, not started."""
        member = self.new_member(name)
        flags = ["--learner"] if learner else []
        code, out, err = (through or self).etcdctl("member", "add", name, f"--peer-urls={member.peer_url}", *flags)
        assert code == 0, out + err
        member.state = "existing"
        self.members.append(member)
        member.initial = self.initial_of(self.members)
        return member

    def ids(self):
        """Member ids in hexadecimal, by name; members that never started are not named."""
        code, out, err = self.etcdctl("member", "list", "-w", "json")
        assert code == 0, err
        return {each.get("name", ""): f"{each['ID']:x}" for each in json.loads(out)["members"]}

    def hashes(self, members=None):
        """HashKV of the running members at the newest revision all of them have."""
        members = members or self.running
        deadline = time.monotonic() + 30
        while True:
            revisions = [each.status().header.revision for each in members]
            if len(set(revisions)) == 1 or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        revision = min(revisions)
        answers = []
        for each in members:
            client = each.client()
            answer = client.maintenance("HashKV", message("HashKVRequest")(revision=revision), timeout=60)
            answers.append((answer.hash, answer.compact_revision))
            client.close()
        return answers

    def assert_equal_hashes(self, members=None):
        answers = self.hashes(members)
        assert len(set(answers)) == 1, f"the members' key spaces differ: {answers}"


class NamespaceCluster(Cluster):
    """Members in network namespaces on one bridge, which can be cut from each other (needs root, iproute2).

    The bridge has a namespace of its own, with one address in it from which tests talk to the members.
    """

    def __init__(self, *flags, size=3, **options):
        self.tag = f"e{free_ports(1)[0]}"
        self.count = 0
        self.hub = f"{self.tag}-hub"
        ip("netns", "add", self.hub)
        ip("-n", self.hub, "link", "add", "br0", "type", "bridge")
        ip("-n", self.hub, "addr", "add", "10.77.0.254/24", "dev", "br0")
        for device in ("br0", "lo"):
            ip("-n", self.hub, "link", "set", device, "up")
        super().__init__(*flags, size=size, **options)

    def new_member(self, name):
        self.count += 1
        space = f"{self.tag}-{self.count}"
        host = f"10.77.0.{self.count}"
        ip("netns", "add", space)
        ip("link", "add", "eth0", "netns", space, "type", "veth", "peer", "name", f"p{self.count}", "netns", self.hub)
        ip("-n", space, "addr", "add", f"{host}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            ip("-n", space, "link", "set", device, "up")
        ip("-n", self.hub, "link", "set", f"p{self.count}", "master", "br0")
        ip("-n", self.hub, "link", "set", f"p{self.count}", "up")
        member = Member(self, name, host=host, prefix=["ip", "netns", "exec", space])
        member.space = space
        member.port = f"p{self.count}"
        return member

    def isolate(self, member):
        """Cuts a member from everybody, both ways."""
        ip("-n", self.hub, "link", "set", member.port, "down")

    def mute(self, member, towards):
        """What `member` sends to `towards` is lost; the other way packets still arrive."""
        ip("-n", member.space, "route", "add", "blackhole", f"{towards.host}/32")

    def heal(self):
        for each in self.members:
            ip("-n", self.hub, "link", "set", each.port, "up")
            for other in self.members:
                ip("-n", each.space, "route", "del", "blackhole", f"{other.host}/32", check=False)

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        for each in self.members:
            ip("netns", "del", each.space, check=False)
        ip("netns", "del", self.hub, check=False)


def ip(*arguments, check=True):
    subprocess.run(["ip", *arguments], check=check, capture_output=True)
