import Journal

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let path = Scratch.file("0.snap", UnsafeRawBufferPointer(start: start, count: count))
    guard var reader = try? SnapshotReader(path: path) else { return 0 }
    do { while try reader.next() { reader.withRecord { _, _ in } } } catch {}
    return 0
}
