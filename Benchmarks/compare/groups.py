"""The groups of the comparison by name, in the order they run, each under about three minutes."""

import background
import clusters_of_three
import leases
import limits
import million
import one_member
import ranges
import watches

GROUPS = {
    "one-member": ("Requests of one message on one member.", one_member.throughput),
    "both-cores": ("One member on both cores, one of which the load has as well.", one_member.on_both_cores),
    "transactions": ("Txn, and Range of 1000 keys, on one member.", one_member.transactions_and_ranges),
    "tail": ("Puts of 100 clients while the server tidies up.", background.tail),
    "compaction": ("One client beside a compaction.", background.compaction),
    "cluster": ("Three members of each, all of a kind on one core.", clusters_of_three.throughput),
    "catch-up": ("Three members, of which one was down.", clusters_of_three.catching_up),
    "fan-out": ("A key that 100 clients watch.", watches.fan_out),
    "watchers": ("Many watchers.", watches.many),
    "leases": ("Leases granted and kept alive.", leases.rates),
    "expiry": ("Leases that run out at once.", leases.expiry),
    "in-order": ("A store of a million keys, written in order.", million.in_order),
    "random-order": ("A store of a million keys, written in random order.", million.at_random),
    "ranges": ("Ranges of 100,000 keys.", ranges.whole),
    "beside-writes": ("Reads while others write, and both while others read much.", ranges.beside_writes),
    "lone": ("One client beside what it has to wait for.", limits.lone),
    "log": ("The log beside dd.", limits.log_rate),
    "large-range": ("A large Range beside the download of a file.", limits.large_range),
}
