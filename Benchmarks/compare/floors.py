"""Runs `floors.c`: what the disk, loopback and the kernel take of any server on the servers' core."""

import pathlib
import shutil
import subprocess
import typing

from run import ON_LOAD_CORE, ON_SERVER_CORE, ROWS

SOURCE = pathlib.Path(__file__).with_name("floors.c")


class Floor(typing.NamedTuple):
    """Microseconds of a turn (bytes per second for `log`), and of processor per turn."""

    value: float
    cpu: float


def program():
    """Built once, by the compiler of Swift's toolchain or the system's."""
    built = ROWS / "floors"
    if not built.exists() or built.stat().st_mtime < SOURCE.stat().st_mtime:
        ROWS.mkdir(parents=True, exist_ok=True)
        compiler = shutil.which("clang") or shutil.which("cc")
        subprocess.run([compiler, "-O2", "-pthread", "-o", built, SOURCE], check=True)
    return str(built)


def floor(text):
    return Floor(*map(float, text.split()))


def alone(*arguments):
    words = [*ON_SERVER_CORE, program(), *map(str, arguments)]
    return floor(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def beside(server, client):
    """What the server on the servers' core says, and the client on the other, which gets its port."""
    words = [*ON_SERVER_CORE, program(), *map(str, server)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as serving:
        port = serving.stdout.readline().strip()
        verb, *rest = map(str, client)
        asking = [*ON_LOAD_CORE, program(), verb, port, *rest]
        asked = subprocess.run(asking, capture_output=True, text=True, check=True)
        said = serving.stdout.read()
    if serving.returncode:
        raise RuntimeError(f"{words} ended with {serving.returncode}")
    return floor(said), floor(asked.stdout) if asked.stdout else None


def disk_sync(folder, count=2000):
    """A pwrite of a Put's record and an fdatasync, in a file of zeros."""
    return alone("sync", folder, count)


def round_trip(size=300, count=5000):
    """A Put's bytes to the servers' core and back: how long the client waits, what the server takes."""
    server, client = beside(("echo", size), ("ask", size, count))
    return Floor(client.value, server.cpu)


def fan_out(folder, connections, size, rounds, per_second):
    """A Put's bytes that arrive, a block written and synced, so many bytes to each of many connections, an answer."""
    return beside(("fan", folder, connections, size, rounds), ("watch", connections, rounds, per_second))[0]


def received_and_synced(folder, batch, seconds=3, past_the_cache=False):
    """Batches (of at most 16 MiB) that arrive, are written and synced, and written once more, through the page cache
    or past it; bytes per second."""
    return beside(("log", folder, batch, seconds, *(["past"] if past_the_cache else [])), ("pour",))[0]
