"""Watchers: what an event costs the server, how late it is, what a watcher weighs."""

import floors
from loads import benchmark, benchmark_text
from rows import at_most
from run import interleaved, single_members

# Connections, streams, watchers of each, keys, puts per second.
ALONE = (100, 100, 1, 1, 200)
SHARED = (10, 100, 1, 1, 200)
ONE_KEY = (100, 100, 10, 1, 20)
DISTINCT = (10, 10, 1000, 10_000, 500)


def fan_out(options, sheet):
    with single_members(options) as servers:
        for how, amount in (("on 100 connections", ALONE), ("on 10 connections", SHARED)):
            latency(options, sheet, servers, f"100 watchers of one key {how}", amount, cpu=at_most(0.4),
                    p99=at_most(0.5))
            full_speed(options, sheet, servers, f"100 watchers of one key {how}", amount[0])


def many(options, sheet):
    with single_members(options) as servers:
        latency(options, sheet, servers, "1,000 watchers of one key", ONE_KEY, memory=True)
    with single_members(options) as servers:
        latency(options, sheet, servers, "10,000 watchers of different keys", DISTINCT, memory=True)


def latency(options, sheet, servers, title, amount, cpu=None, p99=None, memory=False):
    """At a rate both keep up with: the time from a put's intended start to the event."""
    connections, streams, per_stream, keys, rate = amount
    flags = ["watch-latency", "--conns", connections, "--streams", streams, "--watchers-per-stream", per_stream,
             "--watched-key-total", keys, "--put-rate", rate, "--put-total", rate * options.seconds(3),
             "--clients", 10]
    watchers_of_a_key = streams * per_stream // keys
    idle = {name: server.memory()[0] for name, server in servers.items()}
    # A response with an event is about 160 bytes; those of one connection leave in one send.
    size, rounds = 160 * watchers_of_a_key // connections, rate * 3

    def sample(server):
        if server:
            return benchmark(server, *flags)
        bare = floors.fan_out(servers["ours"].data, connections, size, rounds, rate)
        return bare.cpu * connections / watchers_of_a_key

    samples = interleaved({**servers, "bare": None} if cpu else servers, options.rounds, sample)
    bare = samples.pop("bare", None)
    command = benchmark_text(*flags)
    title = f"{title}, {rate} puts/s"

    def event_cpu(report):
        return report.json["server"]["cpuSeconds"] * 1e6 / (report.count("put") * watchers_of_a_key)

    sheet.add(f"{title}: server CPU", "us/event", samples, event_cpu, command, cpu)
    for percent, target in (("50", None), ("99", p99)):
        sheet.add(f"{title}: put to event, p{percent}", "us", samples,
                  lambda r: r.section("Watch events summary")[1][percent], command, target)
    if cpu:
        sheet.add(f"{title}: server CPU", "us/event",
                  {"ours": [event_cpu(report) for report in samples["ours"]], "bare": bare}, float,
                  f"{command}; floors fan FOLDER {connections} {size} {rounds}; "
                  f"floors watch PORT {connections} {rounds} {rate}", beside="bare")
    if memory:
        sheet.add_values(
            f"{title}: anonymous memory more than idle", "MiB",
            {name: (samples[name][0].json["server"]["anonymousBytes"] - idle[name]) / 2**20 for name in servers},
            command)


def full_speed(options, sheet, servers, title, connections):
    puts = options.count(5000)
    flags = ["watch", "--conns", connections, "--streams", 100, "--watch-per-stream", 1, "--put-total", puts,
             "--clients", 10]

    def watch(server):
        """Events per second, and the server's processor for all of it: events may come after the last put's answer."""
        before = server.cpu_seconds()
        rate = benchmark(server, *flags).section("Watch events received summary")[0]
        return rate, (server.cpu_seconds() - before) * 1e6 / (puts * 100)

    samples = interleaved(servers, options.rounds, watch)
    command = benchmark_text(*flags)
    title = f"{title}, puts of 10 clients as fast as they go"
    sheet.add(title, "events/s", samples, lambda s: s[0], command)
    sheet.add(f"{title}: server CPU", "us/event", samples, lambda s: s[1], command, at_most(0.4))
