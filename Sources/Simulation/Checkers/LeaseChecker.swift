/// What holders of leases may rely on: no lease ends by itself before the time it was last given is over.
///
/// A client counts from the moment it sent a request. What cannot be held against a member:
/// - clocks that run fast, by at most `skewPermille`;
/// - a leader that does not know yet that another one was elected, and still renews: for two election
///   timeouts at most, until its quorum check finds out (Raft thesis §6.2); etcd has the same window.
struct LeaseChecker {
    let skewPermille: UInt64
    let grace: UInt64

    private struct Lease {
        var ttl: Int64
        /// Before this moment it may not end.
        var validUntil: Moment
    }

    private var leases: [Int64: Lease] = [:]
    private(set) var renewals = 0

    init(skewPermille: UInt64, electionTimeout: UInt64) {
        self.skewPermille = skewPermille
        grace = 2 * electionTimeout
    }

    /// A client heard that it has the lease for `ttl` seconds; it had asked at `asked`.
    mutating func given(_ lease: Int64, ttl: Int64, asked: Moment) {
        if ttl <= 0 { return }
        renewals += 1
        let until = asked + UInt64(ttl) * 1_000_000 * (1000 - skewPermille) / 1000
        let known = leases[lease]?.validUntil ?? .start
        leases[lease] = Lease(ttl: ttl, validUntil: max(known, until))
    }

    /// Why the lease may not end by itself now; nil when it may.
    func verdict(onExpiryOf lease: Int64, at now: Moment) -> String? {
        guard let lease = leases[lease] else { return nil }
        let early = lease.validUntil - now
        return early > grace
            ? "a lease of \(lease.ttl) s ends \(early / 1000) ms before the time it was given is over" : nil
    }

    /// The moment by which every lease must have ended, if nobody renews any more; `longest`: seconds.
    func end(from now: Moment, longest: Int64) -> Moment {
        now + UInt64(longest) * 1_000_000 * (1000 + skewPermille) / 1000 + 10 * grace
    }
}
