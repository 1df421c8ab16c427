import Raft
import Simulation
import Testing

@testable import Journal

private let segment = "/wal/0000000000000000-0000000000000000.wal"
private let options = LogOptions(segmentSize: 2048, preparation: .onTheSpot)

/// A log of nine records without a zero sector, its bytes, and where its records begin.
private struct Sample {
    var bytes: [UInt8]
    var entries: [Entry]
    /// Offsets of the records, and the end of the last.
    var offsets: [Int]

    init() throws {
        let disk = SimulatedDisk()
        var log = try DurableLog.create(in: "/wal", metadata: someone, options: options, disk: disk)
        let data = (0..<300).map { UInt8($0 % 255) + 1 }
        entries = [
            Entry(id: id(1, 1), kind: .configurationChange, data: [1, 2]), entry(2, term: 2),
            entry(3, term: 2, data), entry(4, term: 2, [5]),
        ]
        let member = someone.memberID.rawValue
        try log.save([entries[0]], hardState: state(term: 1, commit: 0), mustSync: true)
        try log.save(
            Array(entries[1...2]), hardState: state(term: 2, vote: member, commit: 1), mustSync: true)
        try log.save([entries[3]], hardState: state(term: 2, vote: member, commit: 3), mustSync: true)
        try log.close()
        bytes = try contents(segment, on: disk)
        offsets = []
        var offset = 0
        while offset < bytes.count, bytes[offset] != 0 {
            offsets.append(offset)
            offset += 8 + Int(bytes[offset]) + Int(bytes[offset + 1]) << 8 + Int(bytes[offset + 7] & 7)
        }
        offsets.append(offset)
        #expect(offsets.count == 11)
    }
}

private func recover(_ bytes: [UInt8]) throws -> (entries: [Entry], state: HardState, repair: LogRepair?) {
    let disk = SimulatedDisk()
    try disk.createDirectory("/wal")
    try write(bytes, to: segment, on: disk)
    let recovery = try DurableLog.recover(in: "/wal", from: .zero, options: options, disk: disk)
    return (recovery.entries, recovery.hardState, recovery.report.repair)
}

/// The file and offset an error names.
private func place(_ error: JournalError) -> (path: String, offset: UInt64)? {
    switch error {
    case .corrupt(let path, let offset, _, _), .malformed(let path, let offset, _),
        .torn(let path, let offset),
        .metadataConflict(let path, let offset), .gap(let path, let offset, _, _),
        .snapshotMismatch(let path, let offset, _, _):
        (path, offset)
    default: nil
    }
}

@Suite struct DamageTests {
    @Test func `every single flipped bit is refused, and named with file and offset`() throws {
        let sample = try Sample()
        let end = try #require(sample.offsets.last)
        for position in 0..<end {
            let record = sample.offsets.lastIndex { $0 <= position } ?? 0
            for bit in 0..<8 {
                var bytes = sample.bytes
                bytes[position] ^= 1 << bit
                do throws(any Error) {
                    let found = try recover(bytes)
                    Issue.record("byte \(position) bit \(bit): \(found)")
                } catch let error as JournalError {
                    let named = try #require(place(error), "\(error)")
                    #expect(named.path == segment)
                    // The first checksum of a log stands for nothing but itself: the next record tells.
                    let last = sample.offsets[record == 0 ? 1 : record]
                    #expect(
                        (sample.offsets[record]...last).contains(Int(named.offset)),
                        "byte \(position) bit \(bit): \(error)")
                }
            }
        }
    }

    @Test func `a flipped bit behind the log is damage in its sector and wiped out beyond`() throws {
        let sample = try Sample()
        let end = try #require(sample.offsets.last)
        let sectorEnd = (end / 512 + 1) * 512
        for position in end..<sample.bytes.count {
            var bytes = sample.bytes
            bytes[position] = 4
            if position < sectorEnd {
                #expect(throws: JournalError.self, "byte \(position)") { try recover(bytes) }
            } else {
                #expect(try recover(bytes).entries == sample.entries, "byte \(position)")
            }
        }
    }

    @Test func `a log cut at any byte keeps every record before the cut`() throws {
        let sample = try Sample()
        let head = sample.offsets[3]  // checksum, metadata, snapshot
        for length in 0..<sample.bytes.count {
            let bytes = Array(sample.bytes[..<length])
            guard length >= head else {
                #expect(throws: JournalError.self, "length \(length)") { try recover(bytes) }
                continue
            }
            let found = try recover(bytes)
            let whole = sample.offsets.dropFirst(3).count { $0 <= length } - 1
            // Records after the head: e1 s, e2 e3 s, e4 s.
            let entryCount = [0, 1, 1, 2, 3, 3, 4, 4][whole]
            #expect(found.entries == Array(sample.entries[..<entryCount]), "length \(length)")
            #expect(found.state.commit.rawValue == [0, 0, 0, 0, 0, 1, 1, 3][whole], "length \(length)")
            let isClean =
                length >= sample.bytes.count || sample.offsets.contains(length) || length > sample.offsets[10]
            if isClean && length % 8 == 0 {
                #expect(found.repair == nil, "length \(length)")
            } else if length < sample.offsets[10] {
                #expect(found.repair?.offset == UInt64(sample.offsets.last { $0 <= length } ?? 0))
                #expect(found.repair?.copyPath == segment + ".broken")
            }
        }
    }

    @Test func `a torn sector ends the log before its record, once, and a copy is kept`() throws {
        let disk = SimulatedDisk()
        var log = try DurableLog.create(in: "/wal", metadata: someone, options: options, disk: disk)
        try log.save(
            [entry(1, [UInt8](repeating: 1, count: 1400))], hardState: state(term: 1, commit: 0),
            mustSync: true)
        try log.close()
        var bytes = try contents(segment, on: disk)
        bytes.replaceSubrange(512..<1024, with: [UInt8](repeating: 0, count: 512))
        try write(bytes, to: segment, on: disk)
        let recovery = try DurableLog.recover(in: "/wal", from: .zero, options: options, disk: disk)
        #expect(recovery.entries.isEmpty)
        #expect(recovery.report.repair == LogRepair(path: segment, offset: 80, copyPath: segment + ".broken"))
        #expect(try contents(segment + ".broken", on: disk) == bytes)
        var reopened = recovery.intoLog()
        try reopened.save([entry(1, [7])], hardState: state(term: 1, commit: 0), mustSync: true)
        try reopened.close()
        let again = try DurableLog.recover(in: "/wal", from: .zero, options: options, disk: disk)
        #expect(again.entries == [entry(1, [7])])
        #expect(again.report.repair == nil)
    }

    @Test func `a torn record in a segment that has a successor is damage`() throws {
        let disk = SimulatedDisk()
        var log = try DurableLog.create(in: "/wal", metadata: someone, options: options, disk: disk)
        try log.save(
            [entry(1, [UInt8](repeating: 1, count: 2000))], hardState: state(term: 1, commit: 0),
            mustSync: true)
        try log.close()
        let whole = try contents(segment, on: disk)
        try write(Array(whole.dropLast(8)), to: segment, on: disk)
        #expect(throws: JournalError.malformed(path: segment, offset: 2112, .truncated)) {
            _ = try DurableLog.recover(in: "/wal", from: .zero, options: options, disk: disk)
        }
        var torn = whole
        torn.replaceSubrange(512..<1024, with: [UInt8](repeating: 0, count: 512))
        try write(torn, to: segment, on: disk)
        let error = #expect(throws: JournalError.self) {
            _ = try DurableLog.recover(in: "/wal", from: .zero, options: options, disk: disk)
        }
        guard case .corrupt(segment, 80, let stored, let computed)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(stored != computed)
    }

    @Test func `random bytes never crash the reader`() throws {
        var random = Seeded(11)
        let sample = try Sample()
        for _ in 0..<2000 {
            var bytes = sample.bytes
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                let start = Int.random(in: 0..<bytes.count, using: &random)
                for position in start..<min(start + Int.random(in: 1...16, using: &random), bytes.count) {
                    bytes[position] = UInt8.random(in: 0...255, using: &random)
                }
            }
            do {
                let found = try recover(bytes)
                #expect(sample.entries.starts(with: found.entries))
            } catch is JournalError {
            }
        }
    }
}
