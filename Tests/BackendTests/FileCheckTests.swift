import Backend
import Testing

/// Damaged files: each is refused with a typed error, or harmless to every read.
@Suite struct FileCheckTests {
    /// A database with branch pages, overflow pages, several buckets and a free list.
    private func makeFile(isCompact: Bool = false) throws -> (bytes: [UInt8], contents: [[UInt8]: [UInt8]]) {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let contents: [[UInt8]: [UInt8]]
        do {
            let environment = try Environment(path: scratch.database)
            for round in 0..<4 {
                var transaction = try environment.write()
                for number in 0..<60 {
                    let size = number % 10 == 0 ? 9000 : 300
                    try transaction.put(
                        .key, bytes("k\(number)"), [UInt8](repeating: UInt8(round), count: size))
                }
                try transaction.put(.lease, bytes("l\(round)"), [])
                try transaction.commit()
            }
            if isCompact { try environment.defragment() }
            contents = try environment.contents()
        }
        return (readFile(scratch.database), contents)
    }

    /// Opens the bytes as a database and reads and writes everything; answers what was thrown.
    private func open(_ bytes: [UInt8]) throws -> BackendError? {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        writeFile(scratch.database, bytes)
        do {
            let environment = try Environment(path: scratch.database)
            _ = try environment.contents()
            try environment.put(.key, "new", [UInt8](repeating: 1, count: 20_000))
            try environment.defragment()
            return nil
        } catch let error as BackendError {
            return error
        }
    }

    @Test func `an undamaged file passes, also after a defragmentation`() throws {
        let (file, contents) = try makeFile()
        #expect(try open(file) == nil)
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        writeFile(scratch.database, file)
        for _ in 0..<2 {
            let environment = try Environment(path: scratch.database)
            #expect(try environment.contents() == contents)
            try environment.defragment()
        }
    }

    @Test func `a cut file is refused wherever the cut takes a page in use`() throws {
        let (file, _) = try makeFile(isCompact: true)
        for size in [1, 100, 4096, 8191, 8192, 12288, file.count / 2, file.count - 4096, file.count - 1] {
            let error = try open(Array(file[..<size]))
            guard case .truncated(_, let needed, let found) = error else {
                Issue.record("cut at \(size): \(String(describing: error))")
                continue
            }
            #expect(found == size && needed > size)
        }
    }

    @Test func `another file in its place is refused`() throws {
        #expect(try open([UInt8](repeating: 0, count: 8192)) != nil)
        #expect(try open([UInt8](repeating: 0xff, count: 100_000)) != nil)
        var (file, _) = try makeFile()
        file[16] ^= 1
        guard case .corrupted(_, offset: 0) = try open(file) else {
            Issue.record("a wrong magic number passed")
            return
        }
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `a flipped bit is refused or does no harm`(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let (file, _) = try makeFile(isCompact: seed % 2 == 0)
        var refused = 0
        for _ in 0..<60 {
            var damaged = file
            // Half of the hits on what holds the tree together: page headers and slots.
            let page = random.below(file.count / 4096) * 4096
            let offset = page + (random.below(2) == 0 ? random.below(64) : random.below(4096))
            damaged[offset] ^= 1 << UInt8(random.below(8))
            if try open(damaged) != nil { refused += 1 }
        }
        #expect(seed % 2 == 1 || refused > 0, "no hit on what holds a compact file together")
    }

    @Test func `flags that LMDB keeps in memory only are refused on disk`() throws {
        let (file, _) = try makeFile(isCompact: true)
        var kinds: Set<UInt8> = []
        for page in stride(from: 0, to: file.count, by: 4096) where [1, 2, 4, 8].contains(file[page + 10]) {
            guard file[page..<page + 8].elementsEqual(le(page / 4096)) else { continue }
            kinds.insert(file[page + 10])
            var damaged = file
            damaged[page + 10] ^= 0x10  // dirty: LMDB would write into the map
            guard case .corrupted = try open(damaged) else {
                Issue.record("a dirty page of kind \(file[page + 10]) passed")
                return
            }
        }
        #expect(kinds.isSuperset(of: [1, 2, 4]))
    }

    @Test func `keys out of order are refused`() throws {
        let (file, _) = try makeFile(isCompact: true)
        // Keys k0 … k59, each after its node's head, whose last two bytes are the key's size.
        var hits = 0
        let node = [3, 0] + bytes("k40")
        for place in 8192..<file.count - 3 where file[place - 2..<place + 3].elementsEqual(node) {
            var damaged = file
            damaged[place] = UInt8(ascii: "a")
            if case .corrupted = try open(damaged) { hits += 1 }
        }
        #expect(hits > 0)
    }

    @Test func `a bucket of another name is refused`() throws {
        let (file, _) = try makeFile(isCompact: true)
        var damaged = file
        let name = bytes(Bucket.membersRemoved.name)
        let place = file.indices.first { file[$0...].starts(with: name) }
        guard let place else {
            Issue.record("no bucket of that name")
            return
        }
        damaged[place + name.count - 1] ^= 1
        guard case .corrupted = try open(damaged) else {
            Issue.record("it passed")
            return
        }
    }

    private func le(_ number: Int) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
}
