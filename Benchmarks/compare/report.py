"""Rows kept as JSON, a file per group, and the page made of the newest of each."""

import dataclasses
import json

from groups import GROUPS
from rows import number, row_from
from run import RESULTS, ROWS

HEAD = """# Beside etcd

Made by `tools/compare-with-etcd`; `Benchmarks/README.md` says how. Ours and etcd run in the same minutes on the same
machine and disk, with the server on one core (but for the group both-cores) and the load on the other, and take their
turns round by round. A value is the median of the rounds; the spread is the least and the greatest ratio of one round.
`SERVER` in a command stands for either server; every load is started with `taskset` on its core, h2load with the
headers of gRPC.
"""

BOTTLENECK = """
The generator has one core as well: our `benchmark` needs some microseconds for a Put (the last row of one-member says
how many), h2load about as many. Where ours answers near 100,000 requests/s the generator is as busy as the server, and
the ratio of requests/s is a lower bound. Compare the server's CPU per request there.
"""


def save(name, title, rows, machine):
    ROWS.mkdir(parents=True, exist_ok=True)
    group = {"title": title, "machine": machine, "rows": [dataclasses.asdict(row) for row in rows]}
    (ROWS / f"{name}.json").write_text(json.dumps(group, indent=1, ensure_ascii=False))


def saved():
    """The groups measured so far, in their order."""
    groups = {}
    for name in GROUPS:
        path = ROWS / f"{name}.json"
        if path.exists():
            groups[name] = json.loads(path.read_text())
            groups[name]["rows"] = [row_from(each) for each in groups[name]["rows"]]
    return groups


def render():
    groups = saved()
    parts = [HEAD, *programs(groups), BOTTLENECK, *targets(groups), *worse(groups)]
    for name, group in groups.items():
        parts += section(name, group)
    RESULTS.write_text("\n".join(parts) + "\n")


def programs(groups):
    """The machines and programs, each once."""
    lines = []
    for key, title in (("machine", "Machine"), ("etcd", "Beside"), ("swift", "Compiler"), ("h2load", "Generator")):
        for value in dict.fromkeys(group["machine"][key] for group in groups.values()):
            lines.append(f"- {title}: {value}")
    syncs = [group["machine"]["sync"] for group in groups.values()]
    lines.append(f"- Disk: pwrite and fdatasync of 384 bytes took a median of {min(syncs)}-{max(syncs)} us")
    return lines


def targets(groups):
    rows = [(name, row) for name, group in groups.items() for row in group["rows"] if row.target]
    holding = sum(row.verdict == "holds" for _, row in rows)
    lines = [f"\n## Targets: {holding} of {len(rows)} hold\n", "| what | ours ÷ etcd | target | | group |",
             "|---|---|---|---|---|"]
    for name, row in rows:
        value = f"{row.ratio:.2f}" if row.target.of == "ratio" else f"{number(row.median(row.ours))} {row.unit}"
        beside = "" if row.beside == "etcd" or row.target.of == "ours" else f" (÷ {row.beside})"
        lines.append(f"| {row.what}{unit_of(row)} | {value}{beside} | {row.target.text(row)} | {verdict(row)} "
                     f"| [{name}](#{name}) |")
    return lines


def worse(groups):
    rows = [(name, row) for name, group in groups.items() for row in group["rows"] if row.is_worse]
    if not rows:
        return ["\n## Where etcd is better by more than a tenth\n", "Nowhere in these rows."]
    return ["\n## Where etcd is better by more than a tenth\n", "| what | ours | etcd | ours ÷ etcd | group |",
            "|---|---|---|---|---|",
            *(f"| {row.what}{unit_of(row)} | {number(row.median(row.ours))} | {number(row.median(row.other))} "
              f"| {row.ratio:.2f} | [{name}](#{name}) |" for name, row in rows)]


def unit_of(row):
    return f" ({row.unit})" if row.unit else ""


def verdict(row):
    return "**misses**" if row.verdict == "misses" else row.verdict


def section(name, group):
    machine, rows = group["machine"], group["rows"]
    commands = list(dict.fromkeys(row.command for row in rows))
    lines = [f"\n## {name}\n", f"{group['title']} Measured {machine['date']}, sources of {machine['commit']}; a sync "
             f"of the disk took {machine['sync']} us, other programs used {machine['others']} % of a processor and "
             f"the host {machine['stolen']} %.\n",
             "| what | unit | ours | etcd | ours ÷ etcd | spread | target | by |", "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        other = number(row.median(row.other)) + ("" if row.beside == "etcd" else f" ({row.beside})")
        spread = "{:.2f}-{:.2f}".format(*row.spread) if len(row.ours) > 1 else ""
        target = f"{row.target.text(row)} {verdict(row)}" if row.target else ""
        lines.append(f"| {row.what} | {row.unit} | {number(row.median(row.ours))} | {other} | {row.ratio:.2f} "
                     f"| {spread} | {target} | {commands.index(row.command) + 1} |")
    lines.append("")
    lines += [f"{index}. `{command}`" for index, command in enumerate(commands, 1)]
    return lines
