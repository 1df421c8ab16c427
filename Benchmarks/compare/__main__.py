"""Our etcd beside Debian's in one run, with ratios, and Benchmarks/RESULTS.md made of them.

    tools/compare-with-etcd [--only GROUP,…] [--list] [--ours PATH] [--etcd PATH] [--rounds 3] [--scale 1]
                            [--data FOLDER] [--render]

Each group keeps its rows in .build/compare/GROUP.json; the page shows the newest of each. A group that fails, and a
target that is missed, end nothing; the exit status is 1 if a group failed.
"""

import argparse
import pathlib
import shutil
import signal
import sys
import tempfile
import time
import traceback

from groups import GROUPS
from machine import Company, machine
from report import render, save
from rows import Sheet
from run import REPOSITORY, Options


def main():
    arguments = parse()
    if arguments.list:
        for name, (title, _) in GROUPS.items():
            print(f"{name:15} {title}")
        return 0
    if arguments.render:
        render()
        return 0
    options = Options(**{name: getattr(arguments, name) for name in ("ours", "etcd", "rounds", "scale")})
    # Ctrl-C and SIGTERM take the servers and their folders with them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments.data.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(tempfile.mkdtemp(dir=arguments.data))
    try:
        failed = [name for name in arguments.only if not run_group(name, options)]
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(tempfile.tempdir, ignore_errors=True)
    if options.scale == 1:
        render()
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def parse():
    defaults = Options()
    parser = argparse.ArgumentParser(
        prog="compare-with-etcd", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=names, default=list(GROUPS), help="groups, comma separated; --list names them")
    parser.add_argument("--list", action="store_true", help="names the groups")
    parser.add_argument("--ours", default=defaults.ours)
    parser.add_argument("--etcd", default=defaults.etcd)
    parser.add_argument("--rounds", type=int, default=defaults.rounds)
    parser.add_argument("--scale", type=float, default=1.0,
                        help="that part of every amount, to try this program; keeps no rows")
    parser.add_argument("--data", type=pathlib.Path, default=REPOSITORY / ".build/compare/data",
                        help="where the servers' data is, of both on one disk")
    parser.add_argument("--render", action="store_true", help="only makes the page anew of the rows that are kept")
    return parser.parse_args()


def names(text):
    chosen = text.split(",")
    for each in chosen:
        if each not in GROUPS:
            raise argparse.ArgumentTypeError(f"no group {each}; there are {', '.join(GROUPS)}")
    return chosen


def run_group(name, options):
    title, group = GROUPS[name]
    began, company, sheet = time.monotonic(), Company(), Sheet()
    print(f"{name}: {title}", flush=True)
    try:
        here = machine(options)
        group(options, sheet)
        here["others"], here["stolen"] = company.percent()
    except Exception:
        traceback.print_exc()
        return False
    if options.scale == 1:
        save(name, title, sheet.rows, here)
    print(f"{name}: {time.monotonic() - began:.0f} s, in which other programs used {here['others']} % of a processor "
          f"and the host {here['stolen']} %\n", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
