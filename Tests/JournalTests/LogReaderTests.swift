import Journal
import Raft
import Testing

@Suite struct LogReaderTests {
    /// A log of two small segments: eight entries of 200 bytes.
    private func makeLog(in directory: String) throws {
        var log = try DurableLog.create(
            in: directory, metadata: someone, options: LogOptions(segmentSize: 1024, preparation: .onTheSpot))
        for index in 1...8 as ClosedRange<UInt64> {
            let data = [UInt8](repeating: UInt8(index), count: 200)
            try log.save([entry(index, data)], hardState: state(term: 1, commit: index - 1), mustSync: true)
        }
        try log.close()
    }

    private func audit(_ directory: String) throws -> LogAudit {
        var audit = LogAudit(keepingPlaces: true)
        var reader = try LogReader(in: directory)
        while let record = try reader.next() {
            let content = try reader.withData { bytes in try LogContent(record.kind, decoding: bytes) }
            try audit.take(content, at: record, path: reader.path)
        }
        try audit.end(path: reader.path)
        return audit
    }

    @Test func `a log is read over its segments and adds up`() throws {
        let temporary = TemporaryDirectory()
        try makeLog(in: temporary.path + "/wal")
        let sum = try audit(temporary.path + "/wal")
        #expect(sum.metadata == someone && sum.firstIndex == LogIndex(1) && sum.last == id(1, 8))
        #expect(sum.state == state(term: 1, commit: 7) && sum.entryCount == 8 && sum.replacedCount == 0)
        #expect(sum.places.count == 8 && sum.places[7].segment > 0)
    }

    @Test func `an entry written again replaces what was there and after`() throws {
        let temporary = TemporaryDirectory()
        var log = try DurableLog.create(in: temporary.path + "/wal", metadata: someone)
        try log.save([entry(1), entry(2), entry(3)], hardState: state(term: 1, commit: 1), mustSync: true)
        try log.save([entry(2, term: 2)], hardState: state(term: 2, commit: 1), mustSync: true)
        try log.close()
        let sum = try audit(temporary.path + "/wal")
        #expect(
            sum.last == id(2, 2) && sum.entryCount == 2 && sum.replacedCount == 2 && sum.places.count == 2)
    }

    @Test func `what is written meanwhile is found by looking again`() throws {
        let temporary = TemporaryDirectory()
        var log = try DurableLog.create(in: temporary.path + "/wal", metadata: someone)
        var reader = try LogReader(in: temporary.path + "/wal")
        while try reader.next() != nil {}
        try log.save([entry(1, [1, 2, 3])], hardState: nil, mustSync: true)
        #expect(try reader.next() == nil)
        #expect(try reader.lookAgain() == false)
        let record = try #require(try reader.next())
        #expect(record.kind == .entry && record.segment == 0)
        try log.close()
    }

    @Test func `a missing segment is named`() throws {
        let temporary = TemporaryDirectory()
        try makeLog(in: temporary.path + "/wal")
        let names = try SystemDisk().list(temporary.path + "/wal") ?? []
        let segments = names.compactMap { SegmentName($0) }.sorted()
        try #require(segments.count >= 3)
        try SystemDisk().remove(temporary.path + "/wal/" + segments[1].text)
        #expect(throws: JournalError.sequenceGap(directory: temporary.path + "/wal", expected: 1, found: 2)) {
            _ = try LogReader(in: temporary.path + "/wal")
        }
    }

    @Test func `every flipped bit is survived, and none is overlooked but in what bears no meaning`() throws {
        let temporary = TemporaryDirectory()
        try makeLog(in: temporary.path + "/wal")
        let sound = try audit(temporary.path + "/wal")
        let name = try #require((try SystemDisk().list(temporary.path + "/wal") ?? []).sorted().first)
        let path = temporary.path + "/wal/" + name
        let bytes = try contents(path)
        for position in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[position] ^= 1 << UInt8(bit)
                try write(damaged, to: path)
                do {
                    let sum = try audit(temporary.path + "/wal")
                    Issue.record("bit \(bit) of byte \(position) was not noticed: \(sum.last) \(sound.last)")
                } catch {}
            }
        }
    }

    @Test func `every truncation is survived`() throws {
        let temporary = TemporaryDirectory()
        try makeLog(in: temporary.path + "/wal")
        let name = try #require((try SystemDisk().list(temporary.path + "/wal") ?? []).sorted().first)
        let path = temporary.path + "/wal/" + name
        let bytes = try contents(path)
        for size in 0..<bytes.count {
            try write(Array(bytes[..<size]), to: path)
            #expect(throws: (any Error).self, "\(size)") { _ = try audit(temporary.path + "/wal") }
        }
    }

    @Test func `the flipped bit of a record is found from its checksums`() throws {
        let data = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let sum = unsafe crc32c(0x1234, data.span.bytes)
        for (byte, bit) in [(0, 0), (0, 7), (1, 3), (2500, 4), (4998, 1), (4999, 7)] {
            var damaged = data
            damaged[byte] ^= 1 << UInt8(bit)
            let computed = unsafe crc32c(0x1234, damaged.span.bytes)
            let found = try #require(BitFlip.locate(stored: sum, computed: computed, count: data.count))
            #expect(found == (byte, bit))
        }
        // Two bits have no single explanation.
        var damaged = data
        damaged[10] ^= 1
        damaged[4000] ^= 1
        let computed = unsafe crc32c(0x1234, damaged.span.bytes)
        #expect(BitFlip.locate(stored: sum, computed: computed, count: data.count) == nil)
    }
}
