import Raft

/// A number that two equal states share and different ones practically never do: a sum over everything that
/// lives, so it follows each change at a cost of that change.
struct StateDigest {
    private var sum: UInt64 = 0

    func value(revision: Int64, compacted: Int64) -> UInt64 {
        sum &+ Self.mix(1, UInt64(bitPattern: revision)) &+ Self.mix(2, UInt64(bitPattern: compacted))
    }

    mutating func add(_ pair: Pair) { sum &+= Self.digest(pair) }
    mutating func remove(_ pair: Pair) { sum &-= Self.digest(pair) }

    mutating func add(lease: Int64, ttl: Int64) { sum &+= Self.digest(lease: lease, ttl) }
    mutating func remove(lease: Int64, ttl: Int64) { sum &-= Self.digest(lease: lease, ttl) }

    mutating func add(member: MemberID, isLearner: Bool) { sum &+= Self.digest(member, isLearner) }
    mutating func remove(member: MemberID, isLearner: Bool) { sum &-= Self.digest(member, isLearner) }

    private static func digest(_ pair: Pair) -> UInt64 {
        var value = mix(3, UInt64(bitPattern: Int64(pair.key)))
        for number in [pair.create, pair.mod, pair.version, pair.lease] {
            value = mix(value, UInt64(bitPattern: number))
        }
        for byte in pair.value { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return mix(value, UInt64(pair.value.count))
    }

    private static func digest(lease: Int64, _ ttl: Int64) -> UInt64 {
        mix(mix(4, UInt64(bitPattern: lease)), UInt64(bitPattern: ttl))
    }

    private static func digest(_ member: MemberID, _ isLearner: Bool) -> UInt64 {
        mix(mix(5, member.rawValue), isLearner ? 1 : 0)
    }

    /// splitmix64's finaliser over both.
    static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var z = (a &* 0x9E37_79B9_7F4A_7C15) ^ b &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
