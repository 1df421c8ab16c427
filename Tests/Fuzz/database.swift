import Backend

@_cdecl("LLVMFuzzerInitialize")
public func begin(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt {
    // Twice, for the kinds of page: leaves alone; branches, overflow pages and a free list.
    for (name, count) in [("small.db", 3), ("large.db", 90)] {
        let path = Scratch.directory + "/seed-" + name
        do {
            let environment = try Environment(path: path)
            for round in 0..<3 {
                var transaction = try environment.write()
                for number in 0..<count {
                    let size = number == 7 ? 5000 : 100
                    try transaction.put(
                        .key, Array("k\(number)".utf8), [UInt8](repeating: UInt8(round), count: size))
                }
                try transaction.put(.meta, Array("consistent_index".utf8), [0, 0, 0, 0, 0, 0, 0, 5])
                try transaction.put(.authUsers, Array("root".utf8), [10, 4, 114, 111, 111, 116])
                try transaction.commit()
            }
        } catch {
            fatalError("no seed: \(error)")
        }
        Scratch.seed(name, Scratch.content(of: path))
    }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let path = unsafe Scratch.file("db", UnsafeRawBufferPointer(start: start, count: count))
    guard let environment = try? Environment(reading: path), let transaction = try? environment.read() else {
        return 0
    }
    for bucket in Bucket.allCases {
        try? transaction.forEach(bucket) { _, _ in true }
        try? transaction.forEachDescending(bucket) { _, _ in true }
    }
    _ = try? environment.statistics()
    return 0
}
