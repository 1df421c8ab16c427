"""What was measured where: programs, machine, disk."""

import datetime
import os
import pathlib
import platform
import re
import subprocess
import tempfile

from limits import disk_sync
from run import REPOSITORY


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    return done.stdout.strip()


def processor():
    found = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return found.group(1) if found else platform.machine()


def memory():
    kilobytes = int(re.search(r"^MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M).group(1))
    return f"{kilobytes / 2**20:.0f} GiB"


def disk():
    """Device and file system of the folder the servers' data is in."""
    kind, device = output("findmnt", "-n", "-o", "FSTYPE,SOURCE", "--target", tempfile.gettempdir()).split()[:2]
    with tempfile.TemporaryDirectory() as folder:
        sync = disk_sync(folder, count=500)
    return f"{kind} on {device.partition('[')[0]}", round(sync)


def commit():
    """Of the sources of the programs; what is beside them does not count as changed."""
    changed = output("git", "status", "--porcelain", "--untracked-files=no", "--", "Sources", "Package.swift")
    return output("git", "rev-parse", "--short=10", "HEAD") + (" and changes" if changed else "")


def machine(options):
    """Of one run of groups, as strings and numbers."""
    kind, sync = disk()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "sync": sync,
        "machine": f"{processor()}, {os.cpu_count()} cores, {memory()}, Linux {platform.release()}, {kind}",
        "etcd": "etcd " + output(options.etcd, "--version").splitlines()[0].rpartition(" ")[2],
        "swift": output("swift", "--version").splitlines()[0].partition(" (")[0],
        "h2load": output("h2load", "--version"),
        "rounds": options.rounds,
    }
