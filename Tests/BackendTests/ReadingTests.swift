import Backend
import Glibc
import Testing

/// Databases that somebody only looks at.
@Suite struct ReadingTests {
    private func fill(_ scratch: Scratch) throws -> [[UInt8]: [UInt8]] {
        let environment = try Environment(path: scratch.database)
        for number in 0..<40 { try environment.put(.key, "k\(number)", [UInt8](repeating: 7, count: 100)) }
        try environment.put(.lease, "l", [UInt8](repeating: 1, count: 9000))
        return try environment.contents()
    }

    @Test func `a database at rest is read without a trace`() throws {
        let scratch = Scratch()
        let contents = try fill(scratch)
        for name in ["db-lock", "db.lock"] { unlink(scratch.path + "/" + name) }
        let before = readFile(scratch.database)
        do {
            let environment = try Environment(reading: scratch.database)
            #expect(try environment.contents() == contents)
            let statistics = try environment.statistics()
            #expect(statistics.buckets[.key]?.records == 40 && statistics.readers == [])
            #expect(
                statistics.pages > statistics.freePages && statistics.reusablePages == statistics.freePages)
        }
        #expect(scratch.names == ["db"])
        #expect(readFile(scratch.database) == before)
    }

    @Test func `records are read from the last to the first`() throws {
        let scratch = Scratch()
        _ = try fill(scratch)
        let transaction = try Environment(reading: scratch.database).read()
        var (up, down): ([[UInt8]], [[UInt8]]) = ([], [])
        try transaction.forEach(.key) { key, _ in
            up.append(key.withUnsafeBytes { [UInt8]($0) })
            return true
        }
        try transaction.forEachDescending(.key) { key, _ in
            down.append(key.withUnsafeBytes { [UInt8]($0) })
            return true
        }
        #expect(up.count == 40 && down == up.reversed())
    }

    /// Keys that differ before, in and behind the first eight bytes, or in their length only.
    @Test func `keys of history, as of other buckets, lie in the order of their bytes, then of their length`()
        throws
    {
        let scratch = Scratch()
        let environment = try Environment(path: scratch.database)
        var keys: Set<[UInt8]> = []
        for length in [1, 7, 8, 9, 12, 13, 16, 17, 23, 24, 25, 40] {
            for place in 0..<length {
                for byte: UInt8 in [0, 1, 0x7f, 0x80, 0xff] {
                    var key = [UInt8](repeating: 0x7f, count: length)
                    key[place] = byte
                    keys.insert(key)
                }
            }
        }
        for bucket in [Bucket.key, .lease] {
            var transaction = try environment.write()
            for key in keys.shuffled() { try transaction.put(bucket, key, key) }
            try transaction.commit()
            var found: [[UInt8]] = []
            let reading = try environment.read()
            try reading.forEach(bucket) { key, _ in
                found.append(key.withUnsafeBytes { [UInt8]($0) })
                return true
            }
            #expect(found == keys.sorted { $0.lexicographicallyPrecedes($1) })
            for key in keys { #expect(try reading.value(bucket, key) == key) }
        }
    }

    @Test func `what is no database, or none at all, is refused`() throws {
        let scratch = Scratch()
        #expect(throws: BackendError.self) { try Environment(reading: scratch.database) }
        writeFile(scratch.database, [UInt8](repeating: 65, count: 20_000))
        #expect(throws: BackendError.corrupted(path: scratch.database, offset: 40)) {
            try Environment(reading: scratch.database)
        }
        #expect(scratch.names == ["db"])
    }

    @Test func `a flipped bit anywhere in a file is refused or harmless to every read`() throws {
        let scratch = Scratch()
        _ = try fill(scratch)
        let bytes = readFile(scratch.database)
        var random = Seeded(seed: 5)
        let descriptor = open(scratch.database, O_RDWR)
        defer { close(descriptor) }
        for position in stride(from: 0, to: bytes.count, by: 7) {
            var byte = bytes[position] ^ (1 << UInt8(random.below(8)))
            #expect(pwrite(descriptor, &byte, 1, off_t(position)) == 1)
            do throws(BackendError) {
                let environment = try Environment(reading: scratch.database)
                let transaction = try environment.read()
                for bucket in Bucket.allCases {
                    try transaction.forEach(bucket) { _, _ in true }
                    try transaction.forEachDescending(bucket) { _, _ in true }
                }
                _ = try environment.statistics()
            } catch {}
            byte = bytes[position]
            #expect(pwrite(descriptor, &byte, 1, off_t(position)) == 1)
        }
    }
}
