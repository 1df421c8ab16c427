import Bolt

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let path = Scratch.file("db", UnsafeRawBufferPointer(start: start, count: count))
    guard let file = try? BoltFile(path: path) else { return 0 }
    _ = file.check { _ in }
    for bucket in (try? file.buckets()) ?? [] {
        try? file.forEach(in: bucket) { _, _ in true }
        try? file.forEach(in: bucket, .descending) { _, _ in true }
    }
    return 0
}
