import Backend

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let path = Scratch.file("db", UnsafeRawBufferPointer(start: start, count: count))
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
