"""benchmark over TLS against a real etcd that wants client certificates, and what it says where one side is wrong."""

import subprocess
import time

import pytest

from servers import REAL, Server
from tools import run


def make(directory, name, issuer=None, names=None):
    """A certificate and its key, signed by `issuer` or by itself; paths of both."""
    certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-days", "2", "-subj", f"/CN={name}", "-out", certificate, "-keyout", key]
    if issuer:
        command += ["-CA", issuer[0], "-CAkey", issuer[1], "-addext", "basicConstraints=critical,CA:FALSE"]
    if names:
        command += ["-addext", f"subjectAltName={names}"]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


class SecureServer(Server):
    """A real etcd on https:// that lets nobody in without a certificate."""

    def __init__(self, authority, pair):
        super().__init__(REAL, "--cert-file", pair[0], "--key-file", pair[1], "--trusted-ca-file", authority[0],
                         "--client-cert-auth")

    def command(self):
        plain = f"http://{self.endpoint}"
        return [str(word).replace(plain, f"https://{self.endpoint}") for word in super().command()]

    def wait_until_healthy(self, seconds=60):
        deadline = time.monotonic() + seconds
        while "ready to serve client requests" not in self.log_text():
            assert time.monotonic() < deadline, self.log_text()
            time.sleep(0.05)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pki")
    authority = make(directory, "authority")
    return {
        "authority": authority,
        "other": make(directory, "other"),
        "server": make(directory, "server", authority, "DNS:etcd.example,IP:127.0.0.1"),
        "client": make(directory, "client", authority),
    }


@pytest.fixture(scope="module")
def server(pki):
    with SecureServer(pki["authority"], pki["server"]) as each:
        yield each.start()


def put(endpoint, *flags):
    return run("benchmark", "put", "--total", "50", "--clients", "4", "--conns", "2", "--quiet", "--endpoints",
               endpoint, *flags)


def shown(pair):
    return ["--cert", pair[0], "--key", pair[1]]


@pytest.mark.parametrize("scheme", ["https://", ""])
def test_a_load_runs_over_TLS_with_a_client_certificate(server, pki, scheme):
    status, output, errors = put(
        f"{scheme}{server.endpoint}", "--cacert", pki["authority"][0], *shown(pki["client"]))
    assert (status, errors) == (0, "")
    assert "Requests/sec:" in output and "Error distribution" not in output


def test_large_values_and_answers_pass(server, pki):
    flags = ["--cacert", pki["authority"][0], *shown(pki["client"]), "--endpoints", f"https://{server.endpoint}",
             "--quiet"]
    status, output, _ = run("benchmark", "put", "--total", "40", "--val-size", "500000", "--key-space-size", "10",
                            "--sequential-keys", "--clients", "4", *flags)
    assert status == 0 and "Error distribution" not in output
    status, output, _ = run("benchmark", "range", "\x01", "\x7f", "--total", "10", "--clients", "2", *flags)
    assert status == 0 and "Error distribution" not in output


def test_a_verification_that_is_skipped_takes_any_certificate(server, pki):
    status, output, _ = put(f"https://{server.endpoint}", "--insecure-skip-tls-verify", *shown(pki["client"]))
    assert status == 0, output


REFUSED = "transport: authentication handshake failed: tls: failed to verify certificate: x509: "


def test_an_unknown_authority_is_refused(server, pki):
    status, _, errors = put(f"https://{server.endpoint}", "--cacert", pki["other"][0], *shown(pki["client"]))
    assert status == 1
    assert f"endpoint {server.endpoint} cannot be reached" in errors.replace("https://", "")
    assert REFUSED + "certificate signed by unknown authority" in errors


def test_the_authorities_of_the_system_do_not_know_it_either(server, pki):
    status, _, errors = put(server.endpoint, "--insecure-transport=false", *shown(pki["client"]))
    assert status == 1
    assert REFUSED + "certificate signed by unknown authority" in errors


def test_a_server_of_another_name_is_refused(server, pki):
    endpoint = f"https://localhost:{server.client_port}"
    status, _, errors = put(endpoint, "--cacert", pki["authority"][0], *shown(pki["client"]))
    assert status == 1
    assert REFUSED + "certificate is valid for etcd.example, not localhost" in errors


def test_a_client_without_a_certificate_is_told_so_by_the_server(server, pki):
    status, _, errors = put(f"https://{server.endpoint}", "--cacert", pki["authority"][0])
    assert status == 1
    assert "remote error: tls: bad certificate" in errors or "remote error: tls: certificate required" in errors


def test_a_plain_server_is_told_apart(pki):
    with Server(REAL) as plain:
        plain.start()
        status, _, errors = put(f"https://{plain.endpoint}", "--cacert", pki["authority"][0])
    assert status == 1
    # Debian's etcd hangs up; others answer in plain HTTP.
    words = ("EOF", "tls: first record does not look like a TLS handshake")
    assert any(f"transport: authentication handshake failed: {each}" in errors for each in words)


def test_files_that_are_no_good_are_named(pki):
    status, _, errors = put("https://127.0.0.1:1", "--cacert", "/nowhere")
    assert status == 1 and "open /nowhere: no such file or directory" in errors
    status, _, errors = put("https://127.0.0.1:1", "--cert", pki["client"][0])
    assert status == 1 and "KeyFile and CertFile must both be present" in errors
