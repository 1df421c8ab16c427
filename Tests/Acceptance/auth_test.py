"""Authentication on our server and on a real etcd, through Debian's etcdctl and through random requests.

The oracle is etcd 3.4, ours behaves as 3.5: what 3.4 lets anybody do (lists of members, leases, compactions) and
3.5 does not is tested apart, on ours alone.
"""

import os
import random
import re
import subprocess

import pytest

from etcdctl_test import background, plain, same
from rpc import Client, message, outcome
from servers import OURS, REAL, Server

SEED = int(os.environ.get("AUTH_SEED", "20261125"))
OPERATIONS = int(os.environ.get("AUTH_OPERATIONS", "1500"))
FLAGS = ["--bcrypt-cost=4"]

SETTING_UP = [
    ["auth", "enable"],
    ["user", "add", "root:secret"], ["user", "add", "root:again"], ["user", "add", "alice:pw"],
    ["user", "add", "--no-password", "cert"], ["user", "list"], ["user", "get", "alice"], ["user", "get", "ghost"],
    ["role", "add", "reader"], ["role", "add", "reader"], ["role", "add", "writer"], ["role", "list"],
    ["role", "grant-permission", "reader", "read", "shared/", "--prefix"],
    ["role", "grant-permission", "reader", "read", "only"],
    ["role", "grant-permission", "writer", "readwrite", "w", "--from-key"],
    ["role", "grant-permission", "writer", "write", "drop/", "drop0"],
    ["role", "grant-permission", "writer", "readwrite", "a", "c"],
    ["role", "grant-permission", "writer", "read", "c", "d"],
    ["role", "grant-permission", "ghost", "read", "k"], ["role", "grant-permission", "writer", "bad", "k"],
    ["role", "get", "reader"], ["role", "get", "writer"], ["role", "get", "ghost"],
    ["role", "revoke-permission", "reader", "missing"], ["role", "revoke-permission", "reader", "only"],
    ["user", "grant-role", "alice", "reader"], ["user", "grant-role", "alice", "writer"],
    ["user", "grant-role", "alice", "ghost"], ["user", "grant-role", "ghost", "reader"],
    ["user", "revoke-role", "alice", "root"], ["user", "get", "alice"], ["user", "get", "alice", "--detail"],
    ["put", "shared/1", "s"], ["put", "private", "p"], ["put", "drop/1", "d"],
    ["user", "passwd", "ghost", "--interactive=false"],
    ["auth", "disable"],
]

ALICE, ROOT = ["--user", "alice:pw"], ["--user", "root:secret"]

ENABLED = [
    ["get", "shared/1"], ["put", "shared/1", "x"], ["user", "list"], ["user", "add", "x:y"], ["del", "drop/1"],
    [*ALICE, "get", "shared/1"], [*ALICE, "get", "shared/", "--prefix"], [*ALICE, "get", "private"],
    [*ALICE, "put", "shared/1", "x"], [*ALICE, "get", "", "--prefix"], [*ALICE, "get", "w", "--from-key"],
    [*ALICE, "get", "v", "--from-key"], [*ALICE, "put", "w1", "1"], [*ALICE, "put", "zzz", "1"],
    [*ALICE, "get", "a", "d"], [*ALICE, "get", "a", "e"], [*ALICE, "put", "b", "1"], [*ALICE, "put", "c", "1"],
    [*ALICE, "put", "b", "2", "--prev-kv"], [*ALICE, "put", "drop/2", "1"],
    [*ALICE, "put", "drop/2", "1", "--prev-kv"], [*ALICE, "get", "drop/2"], [*ALICE, "del", "drop/", "--prefix"],
    [*ALICE, "del", "c"], [*ALICE, "del", "a", "c", "--prev-kv"],
    [*ALICE, "user", "get", "alice"], [*ALICE, "user", "get", "root"], [*ALICE, "user", "list"],
    [*ALICE, "role", "get", "writer"], [*ALICE, "role", "get", "root"], [*ALICE, "role", "list"],
    [*ALICE, "role", "add", "mine"], [*ALICE, "auth", "disable"], [*ALICE, "member", "list"],
    [*ALICE, "member", "add", "x", "--peer-urls=http://127.0.0.1:1"], [*ALICE, "defrag"],
    [*ALICE, "snapshot", "save", "/nonexistent/x"], [*ALICE, "lease", "grant", "100"],
    ["--user", "alice:wrong", "get", "w1"], ["--user", "ghost:pw", "get", "w1"], ["--user", "cert:", "get", "w1"],
    ["--user", "cert:x", "get", "w1"], ["--user", "alice", "--password", "pw", "get", "w1"],
    [*ROOT, "get", "", "--prefix"], [*ROOT, "put", "anywhere", "1"], [*ROOT, "role", "get", "writer"],
    [*ROOT, "user", "delete", "root"], [*ROOT, "user", "revoke-role", "root", "root"],
    [*ROOT, "role", "delete", "root"], [*ROOT, "role", "delete", "reader"], [*ROOT, "user", "get", "alice"],
    [*ALICE, "get", "shared/1"], [*ROOT, "user", "delete", "alice"], [*ALICE, "get", "w1"], [*ROOT, "user", "list"],
    [*ROOT, "auth", "enable"], [*ROOT, "auth", "disable"], ["get", "anywhere"], [*ROOT, "get", "anywhere"],
]


@pytest.fixture()
def pair():
    with Server(OURS, *FLAGS) as ours, Server(REAL, *FLAGS) as real:
        ours.start()
        real.start()
        yield ours, real


def test_a_session_with_users_prints_the_same(pair):
    for arguments in SETTING_UP:
        same(pair, *arguments)
    same(pair, "user", "grant-role", "root", "root")
    same(pair, "auth", "enable")
    for arguments in ENABLED:
        same(pair, *arguments)


def enable(server):
    for arguments in (
        ["user", "add", "root:secret"], ["user", "add", "alice:pw"], ["role", "add", "r"],
        ["role", "grant-permission", "r", "readwrite", "a/", "--prefix"], ["user", "grant-role", "alice", "r"],
        ["auth", "enable"],
    ):
        status, _, errors = server.etcdctl(*arguments)
        assert status == 0, errors


def test_enabling_grants_root_its_role(pair):
    for server in pair:
        enable(server)
    same(pair, *ROOT, "user", "get", "root")


def test_a_changed_password_is_the_only_one(pair):
    for server in pair:
        enable(server)
    same(pair, *ROOT, "user", "passwd", "alice", "--interactive=false", stdin="new\n")
    same(pair, *ALICE, "get", "a/1")
    same(pair, "--user", "alice:new", "get", "a/1")


def test_watches_are_denied_and_allowed_alike(pair):
    answers = []
    for server in pair:
        enable(server)
        output = []
        for arguments in (["watch", "b"], ["watch", "", "--prefix"], [*ALICE, "watch", "b"], ["watch", "a/1"]):
            watch = background(server, *arguments)
            out, errors = watch.communicate(timeout=20)
            output.append((arguments, watch.returncode, out, plain(errors, server)))
        watch = background(server, *ALICE, "watch", "a/", "--prefix", "--rev=1")
        assert server.etcdctl(*ALICE, "put", "a/1", "seen")[0] == 0
        output.append([watch.stdout.readline() for _ in range(3)])
        watch.terminate()
        watch.wait(timeout=10)
        answers.append(output)
    assert answers[0] == answers[1]


def test_transactions_are_judged_whole(pair):
    for server in pair:
        enable(server)
    for text in (
        "\nput a/1 1\nget a/1\n\nput a/1 2\n\n", "\nput a/1 1\n\nput b 2\n\n", 'version("b") = "0"\n\nput a/1 1\n\n\n',
        "\nget b\n\n\n", "\ndel a/ --prefix\n\n\n", "\ndel a/ --from-key\n\n\n",
    ):
        same(pair, *ALICE, "txn", stdin=text)
        same(pair, "txn", stdin=text)


def test_users_survive_a_crash():
    with Server(OURS, *FLAGS) as server:
        server.start()
        enable(server)
        server.kill()
        server.start()
        client = Client(server.endpoint)
        assert put(client, login(client, "alice", "pw"), b"a/1")[0] == "ok"
        assert put(client, None, b"a/1")[1:] == ("INVALID_ARGUMENT", "etcdserver: user name is empty")


def test_a_restart_after_a_stop_reads_users_from_the_database():
    with Server(OURS, *FLAGS) as server:
        server.start()
        enable(server)
        token = login(Client(server.endpoint), "alice", "pw")
        assert put(Client(server.endpoint), token, b"a/1")[0] == "ok"
        server.stop()
        server.start()
        # Tokens are in memory only; all was applied and flushed, so that nothing makes them again.
        assert put(Client(server.endpoint), token, b"a/1")[1] == "UNAUTHENTICATED"
        assert server.etcdctl(*ROOT, "user", "list")[1] == "alice\nroot\n"
        assert server.etcdctl("get", "a/1")[0] != 0
        assert re.search(r"^etcd_debugging_auth_revision [1-9]", server.get("/metrics")[1], re.M)


def test_the_password_is_nowhere_in_the_data_folder():
    with Server(OURS, *FLAGS) as server:
        server.start()
        secret = "a-password-to-look-for"
        assert server.etcdctl("user", "add", f"root:{secret}")[0] == 0
        assert server.etcdctl("auth", "enable")[0] == 0
        assert server.etcdctl("--user", f"root:{secret}", "get", "x")[0] == 0
        server.stop()
        for path in server.data.rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_what_later_releases_guard_is_guarded():
    with Server(OURS, *FLAGS) as server:
        server.start()
        enable(server)
        for arguments in (
            ["compaction", "1"], ["lease", "list"], ["lease", "grant", "10"], ["member", "list"],
            ["endpoint", "status"], ["alarm", "list"],
        ):
            status, output, errors = server.etcdctl(*arguments)
            assert "user name is empty" in errors + output, (arguments, output, errors)
        assert "permission denied" in server.etcdctl(*ALICE, "compaction", "1")[2]
        for arguments in (["member", "list"], ["endpoint", "status"], ["alarm", "list"], ["lease", "list"]):
            assert server.etcdctl(*ALICE, *arguments)[0] == 0, arguments


def test_without_a_provider_nobody_can_authenticate():
    with Server(OURS, *FLAGS, "--auth-token=") as server:
        server.start()
        for arguments in (["user", "add", "root:x"], ["auth", "enable"]):
            assert server.etcdctl(*arguments)[0] == 0
        assert "authentication failed" in server.etcdctl("--user", "root:x", "get", "k")[2]


# JSON Web Tokens.

KINDS = [
    ("RS256", ["genrsa", "2048"]), ("PS384", ["genrsa", "2048"]),
    ("ES256", ["ecparam", "-name", "prime256v1", "-genkey", "-noout"]),
    ("ES384", ["ecparam", "-name", "secp384r1", "-genkey", "-noout"]),
    ("ES512", ["ecparam", "-name", "secp521r1", "-genkey", "-noout"]),
]


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


@pytest.mark.parametrize("method,making", KINDS, ids=[kind[0] for kind in KINDS])
def test_each_takes_the_web_tokens_of_the_other(tmp_path, method, making):
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    private.write_bytes(openssl(*making))
    public.write_bytes(openssl("pkey", "-in", str(private), "-pubout"))
    option = f"--auth-token=jwt,pub-key={public},priv-key={private},sign-method={method},ttl=10m"
    with Server(OURS, *FLAGS, option) as ours, Server(REAL, *FLAGS, option) as real:
        tokens = []
        for server in (ours, real):
            server.start()
            enable(server)
            tokens.append(login(Client(server.endpoint), "alice", "pw"))
        for server in (ours, real):
            client = Client(server.endpoint)
            for token in tokens:
                assert put(client, token, b"a/1")[0] == "ok"
                assert put(client, token, b"b")[1:] == ("PERMISSION_DENIED", "etcdserver: permission denied")
                broken = token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB")
                assert put(client, broken, b"a/1")[1] == "UNAUTHENTICATED"
            # Any change makes them old.
            assert server.etcdctl(*ROOT, "role", "add", "another")[0] == 0
            for token in tokens:
                assert put(client, token, b"a/1")[1:] == (
                    "INVALID_ARGUMENT", "etcdserver: revision of auth store is old")


def test_a_member_with_a_public_key_only_makes_no_tokens(tmp_path):
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    private.write_bytes(openssl("genrsa", "2048"))
    public.write_bytes(openssl("pkey", "-in", str(private), "-pubout"))
    with Server(OURS, *FLAGS, f"--auth-token=jwt,pub-key={public},sign-method=RS256") as server:
        server.start()
        for arguments in (["user", "add", "root:x"], ["auth", "enable"]):
            assert server.etcdctl(*arguments)[0] == 0
        assert "auth: token signing attempted with verify-only key" in server.etcdctl("--user", "root:x", "get", "k")[2]


@pytest.mark.parametrize("option", [
    "jwt", "jwt,sign-method=RS256", "jwt,sign-method=XX", "jwt,sign-method=RS256,priv-key=/nonexistent", "simple,x=y",
    "nonsense", "jwt,sign-method=HS256,priv-key=/dev/null,ttl=soon", "jwt,sign-method",
])
def test_an_auth_token_option_that_makes_no_sense_is_refused(option):
    with Server(OURS, f"--auth-token={option}") as server:
        server.start(wait=False)
        assert server.process.wait(timeout=30) != 0
        assert "--auth-token" in server.log_text()


# Random requests.

AUTH = "etcdserverpb.Auth"


def login(client, name, password):
    request = message("AuthenticateRequest")(name=name, password=password)
    return client.unary(AUTH, "Authenticate", request).token


def metadata(token):
    return [("token", token)] if token else None


def put(client, token, key):
    return brief(lambda: client.kv("Put", message("PutRequest")(key=key), metadata=metadata(token)))


def brief(call):
    """("ok", text) without what must differ, or ("error", code, details)."""
    result = outcome(call)
    if result[0] == "error":
        return result
    answer = result[1]
    if answer.DESCRIPTOR.fields_by_name.get("header"):
        answer.header.cluster_id = answer.header.member_id = answer.header.raft_term = 0
    return ("ok", str(answer))


KEYS = [b"a", b"aa", b"b", b"c", b"d", b"e", b"\x00"]
ENDS = [b"", b"", b"\x00", b"b", b"c", b"d", b"f"]
USERS, ROLES = ["u1", "u2", "u3", "ghost"], ["r1", "r2", "r3", "root", "ghost"]
PASSWORDS = ["p", "q"]


class Generator:
    """Draws who asks, and what."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def permission(self):
        """A valid one: 3.4 takes others, too."""
        r = self.random
        key = r.choice(KEYS)
        end = r.choice([end for end in ENDS if end in (b"", b"\x00") or end > key])
        return message("Permission")(permType=r.randrange(3), key=key, range_end=end)

    def management(self):
        r = self.random
        user, role = r.choice(USERS[:3] + [r.choice(["root", "ghost", ""])]), r.choice(ROLES)
        request = lambda method, /, **fields: message(f"Auth{method}Request")(**fields)
        options = message("UserAddOptions")(no_password=r.random() < 0.3)
        permission = self.permission()
        name, made = r.choice([
            ("UserAdd", lambda n: request(n, name=user, password=r.choice(PASSWORDS), options=options)),
            ("UserDelete", lambda n: request(n, name=user)),
            ("UserChangePassword", lambda n: request(n, name=user, password=r.choice(PASSWORDS))),
            ("UserGrantRole", lambda n: request(n, user=user, role=role)),
            ("UserGrantRole", lambda n: request(n, user=user, role=role)),
            ("UserRevokeRole", lambda n: request(n, name=user, role=role)),
            ("RoleAdd", lambda n: request(n, name=r.choice(ROLES[:3] + [""]))),
            ("RoleDelete", lambda n: request(n, role=r.choice(ROLES))),
            ("RoleGrantPermission", lambda n: request(n, name=role, perm=permission)),
            ("RoleGrantPermission", lambda n: request(n, name=role, perm=permission)),
            ("RoleGrantPermission", lambda n: request(n, name=role, perm=permission)),
            ("RoleRevokePermission", lambda n: request(
                n, role=role, key=permission.key, range_end=permission.range_end)),
            ("UserGet", lambda n: request(n, name=user)), ("RoleGet", lambda n: request(n, role=role)),
            ("UserList", request), ("RoleList", request),
        ])
        return AUTH, name, made(name)

    def keys(self):
        r = self.random
        key, end = r.choice(KEYS), r.choice(ENDS)
        make = lambda name, **fields: message(f"{name}Request")(**fields)
        operations = {
            "Range": lambda: make("Range", key=key, range_end=end, serializable=r.random() < 0.5),
            "Put": lambda: make("Put", key=key, prev_kv=r.random() < 0.3),
            "DeleteRange": lambda: make("DeleteRange", key=key, range_end=end, prev_kv=r.random() < 0.3),
        }
        name = r.choice([*operations, "Txn"])
        if name != "Txn":
            return "etcdserverpb.KV", name, operations[name]()
        txn = message("TxnRequest")()
        if r.random() < 0.5:
            txn.compare.add(key=r.choice(KEYS), target=0, result=r.randrange(3), version=0)
        for branch in (txn.success, txn.failure):
            kind = r.choice(["range", "put", "delete_range"])
            operation = branch.add()
            field = getattr(operation, f"request_{kind}")
            field.key = r.choice(KEYS)
            if kind != "put":
                field.range_end = r.choice(ENDS)
        return "etcdserverpb.KV", "Txn", txn


def test_random_requests_are_answered_alike(pair):
    generator = Generator(SEED)
    r = generator.random
    clients = [Client(server.endpoint) for server in pair]
    for server in pair:
        for arguments in (["user", "add", "root:secret"], ["auth", "enable"]):
            assert server.etcdctl(*arguments)[0] == 0
    tokens = {"root": [login(client, "root", "secret") for client in clients]}
    refused = 0
    for number in range(OPERATIONS):
        draw = r.random()
        asker = None if draw > 0.97 else "root" if draw < 0.5 else r.choice(USERS)
        held = tokens.get(asker, [None, None])
        service, method, request = generator.management() if r.random() < 0.5 else generator.keys()
        if asker in USERS and r.random() < 0.3:
            service, method = AUTH, "Authenticate"
            request = message("AuthenticateRequest")(name=asker, password=r.choice(PASSWORDS))
            held = [None, None]
        if getattr(request, "name", "") == "root" and method == "UserChangePassword":
            continue
        where = f"AUTH_SEED={SEED}, operation {number}, {asker}: {method} {request}"
        if method == "Authenticate":
            results = [outcome(lambda c=c: c.unary(service, method, request)) for c in clients]
            assert [x[0] for x in results] == ["ok", "ok"] or results[0] == results[1], where
            if results[0][0] == "ok":
                tokens[asker] = [x[1].token for x in results]
            continue
        response = f"{'Auth' if service == AUTH else ''}{method}Response"
        answers = [
            brief(lambda c=c, t=t: c.unary(service, method, request, response=response, metadata=metadata(t)))
            for c, t in zip(clients, held)]
        assert answers[0] == answers[1], f"{where}\n ours: {answers[0]}\n etcd: {answers[1]}"
        refused += answers[0][0] == "error"
    assert OPERATIONS / 20 < refused < OPERATIONS * 19 / 20, "the run tests one side only"
