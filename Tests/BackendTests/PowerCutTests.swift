import Backend
import Testing

/// Images a power cut may leave: the kernel writes pages of an unfinished commit in any order, but LMDB
/// writes its meta page only after the sync of all others. (A simulation: the file before and after a
/// commit, mixed page by page.)
@Suite struct PowerCutTests {
    private func open(_ image: [UInt8]) throws -> [[UInt8]: [UInt8]] {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        writeFile(scratch.database, image)
        let environment = try Environment(path: scratch.database)
        let contents = try environment.contents()
        try environment.put(.meta, "after", [1])
        return contents
    }

    private func commit(_ environment: Environment, _ random: inout Seeded, round: Int) throws {
        var transaction = try environment.write()
        for _ in 0..<20 {
            let key = bytes("k\(random.below(200))")
            if random.below(4) == 0 {
                try transaction.delete(.key, key: key)
            } else {
                try transaction.put(.key, key, [UInt8](repeating: UInt8(round), count: random.below(3000)))
            }
        }
        try transaction.put(.meta, bytes("consistent_index"), [UInt8(round)])
        try transaction.commit()
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `a cut inside a commit gives the state before it, after it the state it made`(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let environment = try Environment(path: scratch.database)
        for round in 0..<25 {
            let (before, old) = (try environment.contents(), readFile(scratch.database))
            try commit(environment, &random, round: round)
            let (after, new) = (try environment.contents(), readFile(scratch.database))
            #expect(try open(new) == after)
            // Any of the new pages but the metas.
            var image = old + [UInt8](repeating: 0, count: max(0, new.count - old.count))
            for page in 2..<new.count / 4096 where random.below(2) == 0 {
                let range = page * 4096..<(page + 1) * 4096
                image.replaceSubrange(range, with: new[range])
            }
            #expect(try open(image) == before)
        }
    }
}
