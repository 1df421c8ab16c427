@testable import Store
import Testing

/// The life of leases in simulated time.
@Suite struct LessorTests {
    private func attach(_ lessor: Lessor, _ key: String, _ id: Int64) {
        let key = bytes(key)
        unsafe lessor.attach(key.span.bytes, to: id)
    }

    @Test func `a grant raises small TTLs and refuses what cannot be`() throws {
        let lessor = Lessor(minimumTTL: 2)
        #expect(try lessor.grant(id: 1, ttl: 1, at: .zero).ttl == 2)
        #expect(try lessor.grant(id: 2, ttl: -9, at: .zero).ttl == 2)
        #expect(try lessor.grant(id: -3, ttl: 9_000_000_000, at: .zero).ttl == 9_000_000_000)
        #expect(throws: StoreError.leaseExists) { try lessor.grant(id: 1, ttl: 5, at: .zero) }
        #expect(throws: StoreError.leaseTTLTooLarge) {
            try lessor.grant(id: 9, ttl: 9_000_000_001, at: .zero)
        }
        #expect(throws: StoreError.leaseNotFound) { try lessor.grant(id: 0, ttl: 5, at: .zero) }
        #expect(Lessor.minimumTTL(electionTicks: 10, heartbeatMilliseconds: 100) == 2)
    }

    @Test func `a lease expires after its TTL on a primary, and is handed out once`() throws {
        let lessor = Lessor(minimumTTL: 2)
        lessor.promote(extending: .seconds(1), at: .zero)
        _ = try lessor.grant(id: 7, ttl: 10, at: .zero)
        #expect(lessor.expired(at: .milliseconds(9999)) == [])
        #expect(lessor.expired(at: .seconds(10)) == [7])
        #expect(lessor.expired(at: .seconds(11)) == [])
        #expect(lessor.expired(at: .seconds(17)) == [7], "its revoke got lost")
        _ = try lessor.revoke(id: 7)
        #expect(lessor.expired(at: .seconds(100)) == [])
    }

    @Test func `keep-alives prolong, and nothing but a primary renews`() throws {
        let lessor = Lessor(minimumTTL: 2)
        _ = try lessor.grant(id: 7, ttl: 10, at: .zero)
        #expect(lessor.renew(id: 7, at: .zero) == .notPrimary)
        #expect(lessor.timeToLive(id: 7, wantsKeys: false, at: .zero)?.remaining == 9_223_372_036)
        lessor.promote(extending: .zero, at: .zero)
        for second in 1...100 { #expect(lessor.renew(id: 7, at: .seconds(second)) == .renewed(ttl: 10)) }
        #expect(lessor.expired(at: .seconds(109)) == [])
        #expect(lessor.timeToLive(id: 7, wantsKeys: false, at: .milliseconds(104_500))?.remaining == 5)
        #expect(lessor.renew(id: 7, at: .seconds(110)) == .expired)
        #expect(lessor.expired(at: .seconds(110)) == [7])
        #expect(lessor.renew(id: 8, at: .zero) == .notFound)
        #expect(lessor.timeToLive(id: 8, wantsKeys: true, at: .zero) == nil)
    }

    @Test func `a leader change starts every lease again with the election timeout on top`() throws {
        let lessor = Lessor(minimumTTL: 2)
        lessor.promote(extending: .zero, at: .zero)
        _ = try lessor.grant(id: 1, ttl: 100, at: .zero)
        lessor.demote()
        #expect(lessor.expired(at: .seconds(1000)) == [])
        lessor.promote(extending: .seconds(1), at: .seconds(1000))
        #expect(lessor.timeToLive(id: 1, wantsKeys: false, at: .seconds(1000))?.remaining == 101)
        #expect(lessor.expired(at: .milliseconds(1_100_999)) == [])
        #expect(lessor.expired(at: .seconds(1101)) == [1])
    }

    @Test func `a checkpointed lease goes on where it was`() throws {
        let lessor = Lessor(minimumTTL: 2)
        lessor.promote(extending: .zero, at: .zero)
        _ = try lessor.grant(id: 1, ttl: 3600, at: .zero)
        _ = try lessor.grant(id: 2, ttl: 300, at: .zero)
        #expect(lessor.dueCheckpoints(at: .seconds(299)).isEmpty)
        let due = lessor.dueCheckpoints(at: .milliseconds(300_500))
        #expect(due.map(\.id) == [1] && due.map(\.remainingTTL) == [3300])
        #expect(lessor.checkpoint(id: 1, remainingTTL: 3300, at: .seconds(301))?.remainingTTL == 3300)
        #expect(lessor.checkpoint(id: 99, remainingTTL: 5, at: .seconds(301)) == nil)
        lessor.demote()
        lessor.promote(extending: .seconds(1), at: .seconds(400))
        #expect(lessor.timeToLive(id: 1, wantsKeys: false, at: .seconds(400))?.remaining == 3301)
        #expect(lessor.renew(id: 1, at: .seconds(401)) == .needsCheckpointReset)
        _ = lessor.checkpoint(id: 1, remainingTTL: 0, at: .seconds(401))
        #expect(lessor.renew(id: 1, at: .seconds(401)) == .renewed(ttl: 3600))
    }

    @Test func `no more than 750 leases fall due in a second after a leader change`() throws {
        let lessor = Lessor(minimumTTL: 2)
        for id in 1...3000 { _ = try lessor.grant(id: Int64(id), ttl: 10, at: .zero) }
        lessor.promote(extending: .zero, at: .zero)
        var counts: [Int] = []
        for second in 10...14 {
            var count = 0
            while case let batch = lessor.expired(at: .seconds(second)), !batch.isEmpty {
                #expect(batch.count <= Lessor.expiredBatchMax)
                count += batch.count
            }
            counts.append(count)
        }
        #expect(counts == [750, 750, 750, 750, 0])
    }

    @Test func `a key belongs to the lease of its last put`() throws {
        let lessor = Lessor(minimumTTL: 2)
        _ = try lessor.grant(id: 1, ttl: 10, at: .zero)
        _ = try lessor.grant(id: 2, ttl: 10, at: .zero)
        attach(lessor, "b", 1)
        attach(lessor, "a", 1)
        attach(lessor, "c", 1)
        attach(lessor, "b", 2)
        attach(lessor, "c", 0)
        #expect(lessor.timeToLive(id: 1, wantsKeys: true, at: .zero)?.keys == [bytes("a")])
        attach(lessor, "0", 2)
        #expect(try lessor.revoke(id: 2) == [bytes("0"), bytes("b")])
        #expect(throws: StoreError.leaseNotFound) { try lessor.revoke(id: 2) }
        lessor.detach(bytes("a"))
        #expect(try lessor.revoke(id: 1) == [])
        #expect(!lessor.hasAttachedKeys)
    }

    @Test func `leases are listed in the order they expire`() throws {
        let lessor = Lessor(minimumTTL: 2)
        for (id, ttl) in [(1, 30), (2, 10), (3, 20)] {
            _ = try lessor.grant(id: Int64(id), ttl: Int64(ttl), at: .zero)
        }
        #expect(lessor.leases() == [1, 2, 3])
        lessor.promote(extending: .zero, at: .zero)
        #expect(lessor.leases() == [2, 3, 1])
    }

    @Test func `a record is stored as etcd stores it`() throws {
        let record = LeaseRecord(id: 0x47a5_a202_7cc3_2814, ttl: 100)
        #expect(
            record.encoded.map { String($0, radix: 16) }.joined(separator: " ")
                == "8 94 d0 8c e6 a7 c0 e8 d2 47 10 64")
        #expect(record.bucketKey == [0x47, 0xa5, 0xa2, 0x02, 0x7c, 0xc3, 0x28, 0x14])
        #expect(try unsafe LeaseRecord(decoding: record.encoded.span.bytes) == record)
    }

    @Test func `leases of random lives expire exactly when a plain list says`() throws {
        var generator = SystemRandomNumberGenerator()
        let seed = generator.next()
        var random = Seeded(state: seed)
        let lessor = Lessor(minimumTTL: 2)
        lessor.promote(extending: .zero, at: .zero)
        var model: [Int64: Duration] = [:]
        for step in 0..<2000 {
            let now = Duration.seconds(step)
            let id = Int64(random.next() % 50) + 1
            switch random.next() % 3 {
            case 0 where model[id] == nil:
                let ttl = Int64(random.next() % 60) + 2
                _ = try lessor.grant(id: id, ttl: ttl, at: now)
                model[id] = now + .seconds(ttl)
            case 1:
                if case .renewed(let ttl) = lessor.renew(id: id, at: now) { model[id] = now + .seconds(ttl) }
            default: break
            }
            let due = model.filter { $0.value <= now }.keys.sorted()
            #expect(lessor.expired(at: now).sorted() == due, "seed \(seed), step \(step)")
            for id in due {
                _ = try lessor.revoke(id: id)
                model[id] = nil
            }
        }
    }
}

/// splitmix64.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
