import Backend
import Testing
import Wire

@testable import MVCC

/// What a keyspace must answer, as plainly as it can be said: every change of every key.
struct Model {
    struct Pair: Equatable {
        var key: [UInt8]
        var value: [UInt8]
        var create: Int64
        var mod: Int64
        var version: Int64
        var lease: Int64
    }
    struct Step {
        var revision: Revision
        var pair: Pair?
    }

    var histories: [[UInt8]: [Step]] = [:]
    var current: Int64 = 1
    var compacted: Int64 = -1

    func live(_ key: [UInt8], at revision: Int64) -> Pair? {
        histories[key]?.last { $0.revision.main <= revision }?.pair
    }

    func range(_ range: KeyRange, at revision: Int64) -> [Pair] {
        histories.keys.filter { unsafe range.contains($0.span.bytes) }
            .sorted { $0.lexicographicallyPrecedes($1) }.compactMap { live($0, at: revision) }
    }

    mutating func put(_ key: [UInt8], _ value: [UInt8], lease: Int64, at revision: Revision) {
        let old = live(key, at: revision.main)
        let pair = Pair(
            key: key, value: value, create: old?.create ?? revision.main, mod: revision.main,
            version: (old?.version ?? 0) + 1, lease: lease)
        histories[key, default: []].append(Step(revision: revision, pair: pair))
    }

    mutating func delete(_ key: [UInt8], at revision: Revision) {
        histories[key]?.append(Step(revision: revision, pair: nil))
    }
}

extension Model.Pair {
    init?(_ record: [UInt8]) {
        self.init(key: [], value: [], create: 0, mod: 0, version: 0, lease: 0)
        var cursor = WireCursor()
        while let field = unsafe try? cursor.next(in: record.span.bytes) {
            switch (field.number, field.value) {
            case (1, .bytes(let range)): key = Array(record[range])
            case (2, .varint(let number)): create = Int64(bitPattern: number)
            case (3, .varint(let number)): mod = Int64(bitPattern: number)
            case (4, .varint(let number)): version = Int64(bitPattern: number)
            case (5, .bytes(let range)): value = Array(record[range])
            case (6, .varint(let number)): lease = Int64(bitPattern: number)
            default: return nil
            }
        }
    }
}

@Suite struct ModelTests {
    private struct World: ~Copyable {
        let scratch = Scratch()
        var keyspace: Keyspace
        var flusher: Flusher
        var model = Model()
        var random: Seeded
        /// Changes and compaction as of the last flush: what a reopened database must have.
        var durable = Model()

        init(seed: UInt64) throws {
            random = Seeded(seed: seed)
            keyspace = try Keyspace(environment: Environment(path: scratch.database))
            flusher = Flusher(keyspace)
        }
    }

    private func key(_ random: inout Seeded) -> [UInt8] {
        switch random.below(12) {
        case 0: [UInt8(random.below(256))]
        case 1: [UInt8](repeating: 0x6b, count: 1000 + random.below(3))
        default: bytes("/k/\(random.below(40))")
        }
    }

    private func range(_ random: inout Seeded) -> KeyRange {
        switch random.below(5) {
        case 0: KeyRange(key: [0], rangeEnd: [0])
        case 1: KeyRange(key: key(&random), rangeEnd: [0])
        case 2: KeyRange(key: key(&random), rangeEnd: [])
        default: KeyRange(key: key(&random), rangeEnd: key(&random))
        }
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `reads agree with a dictionary of histories at every readable revision`(seed: UInt64) throws {
        var world = try World(seed: seed)
        for _ in 0..<1500 {
            switch world.random.below(20) {
            case 0: try compact(&world)
            case 1, 2: try flush(&world)
            case 3 where world.random.chance(6): try reopen(&world)
            case 3..<7: try compareRange(&world)
            case 7: try compareChanges(&world)
            case 8 where world.random.chance(6): try replace(&world)
            default: try write(&world)
            }
        }
        world.keyspace.checkInvariants()
        try compareRange(&world)
    }

    private func write(_ world: inout World) throws {
        var write = world.keyspace.beginWrite()
        let main = world.model.current + 1
        var sub: Int64 = 0
        for _ in 0...world.random.below(4) {
            if world.random.chance(4) {
                let range = range(&world.random)
                let expected = world.model.range(range, at: main)
                let deletion = try write.delete(range, DeletionRequest(wantsRecords: true, wantsKeys: true))
                #expect(deletion.count == expected.count)
                #expect(deletion.keys == expected.map(\.key))
                #expect(deletion.records.compactMap { Model.Pair($0) } == expected)
                #expect(deletion.leasedKeys == expected.filter { $0.lease != 0 }.map(\.key))
                for pair in expected {
                    world.model.delete(pair.key, at: Revision(main: main, sub: sub))
                    sub += 1
                }
            } else {
                let key = key(&world.random)
                let value = (0..<world.random.below(300)).map { UInt8(truncatingIfNeeded: $0) }
                let lease = world.random.chance(5) ? Int64(world.random.below(9)) - 4 : 0
                write.put(key: key, value: value, lease: lease)
                world.model.put(key, value, lease: lease, at: Revision(main: main, sub: sub))
                sub += 1
            }
        }
        #expect(write.revision == (sub > 0 ? main : world.model.current))
        #expect(world.keyspace.currentRevision == world.model.current, "nothing shows before commit")
        write.commit()
        if sub > 0 { world.model.current = main }
        #expect(world.keyspace.currentRevision == world.model.current)
    }

    private func compact(_ world: inout World) throws {
        let revision = world.model.current - Int64(world.random.below(30))
        if revision <= world.model.compacted || revision < 1 {
            #expect(throws: MVCCError.compacted(world.model.compacted)) {
                try world.keyspace.compact(at: min(revision, world.model.compacted))
            }
            return
        }
        try world.keyspace.compact(at: revision)
        world.model.compacted = revision
    }

    private func flush(_ world: inout World) throws {
        world.keyspace.handOver([], position: UInt64(world.model.current))
        world.durable = world.model
        let report = try world.flusher.flush()
        #expect(report.position == UInt64(world.model.current))
        if world.random.chance(3) { while try world.flusher.flush().hasMore {} }
        if world.random.chance(10) { try world.flusher.defragment() }
    }

    /// As after a crash: what was not flushed is gone (the log has it), the rest is as it was.
    private func reopen(_ world: inout World) throws {
        let empty = Scratch()
        let other = try Keyspace(environment: Environment(path: empty.database))
        world.flusher = Flusher(other)
        world.keyspace = other
        world.keyspace = try Keyspace(environment: Environment(path: world.scratch.database))
        world.flusher = Flusher(world.keyspace)
        world.model = world.durable
        #expect(world.keyspace.currentRevision == world.model.current)
        #expect(world.keyspace.compactedRevision == world.model.compacted)
        world.keyspace.checkInvariants()
    }

    /// A leader goes on from the same state and does more; what it then has replaces all of this.
    private func replace(_ world: inout World) throws {
        try flush(&world)
        let scratch = Scratch()
        try fill(BulkLoad(replacing: scratch.database), from: world.keyspace).finish()
        let leader = try Keyspace(environment: Environment(path: scratch.database))
        var (random, model) = (world.random, world.model)
        // What the follower has applied of it, it has not flushed; part of that is handed over.
        let shared = world.random.below(10)
        for _ in 0..<shared {
            try write(&world)
            if world.random.chance(3) { world.keyspace.handOver([], position: 0) }
        }
        swap(&world.random, &random)
        swap(&world.model, &model)
        let follower = world.keyspace
        var flusher = Flusher(leader)
        swap(&world.flusher, &flusher)
        world.keyspace = leader
        for _ in 0..<shared {
            try write(&world)
            _ = world.random.chance(3)
        }
        for _ in 0..<world.random.below(30) { try write(&world) }
        if world.random.chance(2) { try compact(&world) }
        try flush(&world)
        try follower.replace(
            with: copy(of: leader, for: follower), position: UInt64(world.model.current))
        swap(&world.flusher, &flusher)
        world.keyspace = follower
        #expect(follower.currentRevision == world.model.current)
        #expect(follower.compactedRevision == world.model.compacted)
        follower.checkInvariants()
    }

    private func compareRange(_ world: inout World) throws {
        let reader = world.keyspace.makeReader()
        let range = range(&world.random)
        let floor = max(world.model.compacted, 1)
        let revision = floor + Int64(world.random.below(Int(world.model.current - floor + 1)))
        let expected = world.model.range(range, at: revision)
        var options = SelectionOptions()
        options.wantsKeys = world.random.chance(2)
        options.limit = world.random.chance(2) ? world.random.below(10) : 0
        let selection = try reader.select(range, revision: revision, options: options)
        defer { selection.release() }
        #expect(selection.count == expected.count)
        let listed = options.limit > 0 ? Array(expected.prefix(options.limit)) : expected
        #expect(selection.matches.count == listed.count)
        if world.random.chance(3) { try flush(&world) }
        for (index, pair) in listed.enumerated() {
            let record = try selection.record(index)
            #expect(Model.Pair(record) == pair)
            let match = selection.matches[index]
            #expect(match.createRevision == pair.create && match.modRevision == pair.mod)
            #expect(match.version == pair.version && match.hasLease == (pair.lease != 0))
            #expect(Int(match.size) == record.count)
            if options.wantsKeys { #expect(selection.key(index) == pair.key) }
        }
        options.isCountOnly = true
        #expect(try reader.select(range, revision: revision, options: options).count == expected.count)
        #expect(throws: MVCCError.futureRevision) {
            try reader.select(range, revision: world.model.current + 1)
        }
        if world.model.compacted > 1 {
            #expect(throws: MVCCError.compacted(world.model.compacted)) {
                try reader.select(range, revision: world.model.compacted - 1)
            }
        }
    }

    private func compareChanges(_ world: inout World) throws {
        let reader = world.keyspace.makeReader()
        let floor = max(world.model.compacted + 1, 1)
        let from = floor + Int64(world.random.below(30))
        let through = from + Int64(world.random.below(40))
        var expected: [Revision: Model.Pair?] = [:]
        for steps in world.model.histories.values {
            for step in steps where step.revision.main >= from && step.revision.main <= through {
                expected[step.revision] = step.pair
            }
        }
        var seen: [Revision] = []
        try reader.changes(from: from, through: through) { revision, isTombstone, record in
            seen.append(revision)
            let pair = expected[revision] ?? nil
            #expect(isTombstone == (pair == nil))
            if let pair { #expect(Model.Pair(record.copied()) == pair) }
            return true
        }
        #expect(seen == expected.keys.sorted())
    }
}
