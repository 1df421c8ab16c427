"""Runs the tools, and compares what they print with golden files."""

import os
import pathlib
import shutil
import subprocess

from servers import ETCDCTL, OURS, REPOSITORY

PROGRAMS = pathlib.Path(OURS).resolve().parent
GOLDEN = pathlib.Path(__file__).parent / "Golden"
FIXTURES = REPOSITORY / "Tests/JournalTests/Fixtures"
BOLT_SNAPSHOT = REPOSITORY / "Tests/BoltTests/Fixtures/etcd-3.4.23.snapshot.db"


def run(program, *arguments, timeout=120, stdin=None):
    """Exit status, standard output and standard error of one of our tools."""
    done = subprocess.run(
        [str(PROGRAMS / program), *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
        input=stdin)
    return done.returncode, done.stdout, done.stderr


def etcdctl(*arguments, timeout=120):
    """Exit status, standard output and standard error of Debian's etcdctl, which needs no server here."""
    done = subprocess.run(
        [ETCDCTL, *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
        env={"PATH": os.environ["PATH"], "ETCDCTL_API": "3"})
    return done.returncode, done.stdout, done.stderr


def golden(name, text):
    """Compares with Golden/<name>; with REWRITE=1 writes it, for review by diff."""
    path = GOLDEN / name
    if os.environ.get("REWRITE"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def data_directory_of_fixture(parent, snapshot=False):
    """A data directory with the log and snapshot of a real etcd 3.4.23 (Tests/JournalTests/Fixtures)."""
    directory = parent / "etcd"
    (directory / "member/wal").mkdir(parents=True)
    (directory / "member/snap").mkdir()
    shutil.copy(FIXTURES / "etcd-3.4.23.wal", directory / "member/wal/0000000000000000-0000000000000000.wal")
    if snapshot:
        shutil.copy(FIXTURES / "etcd-3.4.23.snap", directory / "member/snap/0000000000000002-0000000000000016.snap")
    return directory


def root_page(path):
    """Where the root page of a bbolt file begins, by the first of its two meta pages."""
    return int.from_bytes(path.read_bytes()[32:40], "little") * 4096
