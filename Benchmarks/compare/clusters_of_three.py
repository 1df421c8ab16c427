"""Three members of each, all of a kind on one core; processor time is that of all members together."""

from keyspace import GET, PUT, first_put
from loads import h2load, h2load_text, measure
from rows import at_least, at_most
from run import ON_LOAD_CORE, Clustered, interleaved, three_members

CPU = "CPU of all members"


def leader(cluster):
    return Clustered(cluster, cluster.leader())


def follower(cluster):
    return Clustered(cluster, cluster.followers()[0])


def throughput(options, sheet):
    targets = dict(rate=at_least(3), cpu=at_most(0.25), p99=at_most(0.5))
    loads = [
        ("Put through the leader", leader, PUT, 100, 10, targets),
        ("Put through a follower", follower, PUT, 100, 10, {}),
        ("linearizable Range on the leader", leader, GET, 100, 10, {}),
        ("linearizable Range on a follower", follower, GET, 100, 10, {}),
        ("Put through the leader", leader, PUT, 1, 1, {}),
    ]
    with three_members(options) as clusters:
        for cluster in clusters.values():
            first_put(cluster.leader())
        for title, choose, call, connections, streams, bounds in loads:
            amount = (connections, streams, options.seconds(2))
            samples = interleaved(clusters, options.rounds, lambda cluster: h2load(choose(cluster), call, *amount))
            command = h2load_text(call, *amount)
            measure(sheet, samples, f"{title}, {connections} x {streams}", command, **bounds, whose=CPU)


def catching_up(options, sheet):
    entries, measured = options.count(100_000, least=1000), options.count(20_000, least=1000)
    with three_members(options) as clusters:
        for cluster in clusters.values():
            first_put(cluster.leader())
        samples = interleaved(clusters, min(options.rounds, 2), lambda each: catch_up(each, entries, measured))
    command = h2load_text(PUT, 100, 10, requests=measured)
    sheet.add("Put beside a member that is down, 100 x 10", "requests/s", samples, lambda s: s[0].rate, command)
    sheet.add(f"Put while that member makes up for {entries:,} entries, 100 x 10", "requests/s", samples,
              lambda s: s[1].rate, command)


def catch_up(cluster, entries, measured):
    """Puts on the leader with a follower down, and while that one makes up for what it missed.

    The follower has the load's core, so that its own work does not count against the leader.
    """
    target = leader(cluster)
    lagging = cluster.followers()[0]
    lagging.kill()
    h2load(target, PUT, 100, 10, requests=entries)
    before = h2load(target, PUT, 100, 10, requests=measured)
    usual = lagging.prefix
    lagging.prefix = ON_LOAD_CORE
    lagging.start(wait=False)
    # Its processor time must be there to be read.
    during = h2load(target, PUT, 100, 10, requests=measured)
    lagging.wait_until_healthy()
    cluster.assert_equal_hashes()
    # The next round may choose another; this one must not stay on the load's core then.
    lagging.stop()
    lagging.prefix = usual
    lagging.start()
    return before, during
