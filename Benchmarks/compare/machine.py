"""What was measured where: programs, machine, disk."""

import datetime
import os
import pathlib
import platform
import re
import resource
import subprocess
import tempfile
import time

from floors import disk_sync
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
        sync = disk_sync(folder, count=500).value
    return f"{kind} on {device.partition('[')[0]}", round(sync)


def commit():
    """The last one that changed the sources of the programs."""
    sources = ["--", "Sources", "Package.swift"]
    changed = output("git", "status", "--porcelain", "--untracked-files=no", *sources)
    return output("git", "log", "-1", "--format=%h", "--abbrev=10", *sources) + (" and changes" if changed else "")


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


class Company:
    """What others used of the processors since this began, while all programs of ours that ran were waited for."""

    def __init__(self):
        self.began = time.monotonic()
        self.before = self.seconds()

    @staticmethod
    def seconds():
        """Of other programs of this machine, as far as can be seen now, and of the host's other machines."""
        fields = pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]
        user, nice, system, _, _, irq, softirq, steal = (
            int(each) / os.sysconf("SC_CLK_TCK") for each in fields[:8])
        ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        others = user + nice + system + irq + softirq - sum(each.ru_utime + each.ru_stime for each in ours)
        return others, steal

    def percent(self):
        """Both, of one processor."""
        passed = time.monotonic() - self.began
        return [max(0, round((now - then) / passed * 100)) for now, then in zip(self.seconds(), self.before)]
