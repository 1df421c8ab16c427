import Backend
import Glibc
import Synchronization
import Testing

@testable import MVCC

/// A counter for closures of other threads.
final class Counter: Sendable {
    private let count = Atomic(0)
    func add() { count.wrappingAdd(1, ordering: .relaxed) }
    var value: Int { count.load(ordering: .acquiring) }
}

/// A thread that runs one closure.
@safe final class TestThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    private var thread = pthread_t()

    init(_ run: @escaping @Sendable () -> Void) {
        let body = unsafe Unmanaged.passRetained(Body(run)).toOpaque()
        let code = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, body)
        precondition(code == 0, "pthread_create")
    }

    func join() { _ = pthread_join(thread, nil) }
}

@Suite struct ConcurrencyTests {
    /// Every write sets all of its group's keys to the same number, so any reader that sees two numbers in
    /// a group has seen half a write.
    private static let groups = 8
    private static let keysPerGroup = 12

    private static func group(_ number: Int) -> KeyRange {
        KeyRange(key: bytes("g\(number)/"), rangeEnd: bytes("g\(number)0"))
    }

    /// What the threads share.
    private final class Shared: Sendable {
        let keyspace: Keyspace
        private let done = Atomic(false)
        private let failures = Mutex<[String]>([])
        let reads = Counter()
        private let flusher: Mutex<Flusher?>

        /// Makes the flusher here: on its own thread it could come after the first write.
        init(_ keyspace: Keyspace) {
            self.keyspace = keyspace
            flusher = Mutex(Flusher(keyspace))
        }

        /// The flusher, once.
        func takeFlusher() -> Flusher {
            guard let flusher = flusher.withLock({ $0.take() }) else { preconditionFailure("taken before") }
            return flusher
        }

        var isDone: Bool { done.load(ordering: .acquiring) }
        func stop() { done.store(true, ordering: .releasing) }
        var messages: [String] { failures.withLock { $0 } }
        func fail(_ message: String) {
            failures.withLock { $0.append(message) }
            stop()
        }
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `readers see whole writes only, whatever is flushed, compacted and rewritten`(seed: UInt64) throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let keyspace = try Keyspace(environment: Environment(path: scratch.database))
        let shared = Shared(keyspace)
        let flushing = TestThread { Self.flush(shared, seed: seed) }
        for group in 0..<Self.groups { Self.write(keyspace, group, 0) }
        let readers = (1...2).map { number in
            TestThread { Self.read(shared, seed: seed &* 31 &+ UInt64(number)) }
        }
        let follower = TestThread { Self.follow(shared) }
        var random = Seeded(seed: seed)
        for number in 1...1500 {
            if shared.isDone { break }
            Self.write(keyspace, random.below(Self.groups), number)
            if random.chance(40) {
                let revision = keyspace.currentRevision - Int64(random.below(20))
                if revision > keyspace.compactedRevision { try keyspace.compact(at: revision) }
            }
            if random.chance(4) { keyspace.handOver([], position: UInt64(number)) }
        }
        keyspace.handOver([], position: 9999)
        shared.stop()
        for thread in readers + [follower, flushing] { thread.join() }
        #expect(shared.messages == [])
        #expect(shared.reads.value > 0)
        keyspace.checkInvariants()
    }

    /// A follower that is again and again left behind and caught up by a copy of its leader's database.
    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `readers see one state or the other, however often it is replaced`(seed: UInt64) throws {
        let (scratch, other) = (Scratch(), Scratch())
        defer { withExtendedLifetime((scratch, other)) {} }
        let keyspace = try Keyspace(environment: Environment(path: scratch.database))
        let leader = try Keyspace(environment: Environment(path: other.database))
        var leading = Flusher(leader)
        let shared = Shared(keyspace)
        let threads = [
            TestThread { Self.flush(shared, seed: seed) },
            TestThread { Self.read(shared, seed: seed &* 31) },
            TestThread { Self.read(shared, seed: seed &* 37) },
            TestThread { Self.follow(shared) },
        ]
        var random = Seeded(seed: seed)
        var isBehind = false
        for number in 1...1500 {
            if shared.isDone { break }
            let group = random.below(Self.groups)
            Self.write(leader, group, number)
            if !isBehind { Self.write(keyspace, group, number) }
            if random.chance(5) { keyspace.handOver([], position: UInt64(number)) }
            if random.chance(40) {
                let revision = leader.currentRevision - Int64(random.below(20))
                if revision > leader.compactedRevision { try leader.compact(at: revision) }
            }
            guard random.chance(50) else { continue }
            if isBehind {
                leader.handOver([], position: UInt64(number))
                for _ in 0...random.below(3) { _ = try leading.flush() }
                try keyspace.replace(with: copy(of: leader, for: keyspace), position: UInt64(number))
                keyspace.checkInvariants()
            }
            isBehind.toggle()
        }
        keyspace.handOver([], position: 9999)
        shared.stop()
        for thread in threads { thread.join() }
        #expect(shared.messages == [])
        #expect(shared.reads.value > 0)
        keyspace.checkInvariants()
    }

    private static func write(_ keyspace: Keyspace, _ group: Int, _ number: Int) {
        var write = keyspace.beginWrite()
        for key in 0..<keysPerGroup {
            write.put(key: bytes("g\(group)/\(key)"), value: bytes("\(number)"), lease: 0)
        }
        write.commit()
    }

    private static func flush(_ shared: Shared, seed: UInt64) {
        var random = Seeded(seed: seed)
        var flusher = shared.takeFlusher()
        do {
            while !shared.isDone {
                _ = try flusher.flush()
                if random.chance(50) { try flusher.defragment() }
            }
            while try flusher.flush().hasMore {}
        } catch {
            shared.fail("flush: \(error)")
        }
    }

    private static func read(_ shared: Shared, seed: UInt64) {
        var random = Seeded(seed: seed)
        let reader = shared.keyspace.makeReader()
        while !shared.isDone {
            do throws(MVCCError) {
                let current = reader.currentRevision
                let revision = random.chance(2) ? 0 : max(1, current - Int64(random.below(30)))
                let selection = try reader.select(group(random.below(groups)), revision: revision)
                defer { selection.release() }
                var values: Set<[UInt8]> = []
                for index in selection.matches.indices {
                    guard let pair = Model.Pair(try selection.record(index)) else {
                        return shared.fail("a record that is no KeyValue")
                    }
                    if pair.mod != selection.matches[index].modRevision { shared.fail("another record") }
                    values.insert(pair.value)
                }
                // Before the first write of a group it has no keys.
                if values.count > 1 || selection.count % keysPerGroup != 0 {
                    shared.fail(
                        "half a write at \(revision): \(selection.count) keys, \(values.count) values")
                }
                shared.reads.add()
            } catch .compacted {
                continue
            } catch {
                shared.fail("read: \(error)")
            }
        }
    }

    /// Follows the log as a watch does: each revision once, in order, and whole.
    private static func follow(_ shared: Shared) {
        let reader = shared.keyspace.makeReader()
        var next: Int64 = 2
        while !shared.isDone {
            do throws(MVCCError) {
                let through = reader.currentRevision
                var (last, count) = (next - 1, keysPerGroup)
                try reader.changes(from: next, through: through) { revision, _, _ in
                    if revision.main != last {
                        if revision.main != last + 1 || count != keysPerGroup {
                            shared.fail("after \(last) with \(count) changes came \(revision)")
                        }
                        (last, count) = (revision.main, 0)
                    }
                    count += 1
                    return true
                }
                if last != through { shared.fail("the log ends at \(last) instead of \(through)") }
                next = through + 1
            } catch .compacted(let revision) {
                // At the compacted revision itself only what was kept is left.
                next = revision + 1
            } catch {
                shared.fail("follow: \(error)")
            }
        }
    }
}
