@testable import Bolt

/// The file as it is, then with the checksums of its meta pages made right, or hardly any mutation of a meta
/// page would be read at all.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    var bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    read(bytes)
    if sealMetas(&bytes) { read(bytes) }
    return 0
}

private func read(_ bytes: [UInt8]) {
    guard let file = try? BoltFile(path: Scratch.file("db", bytes)) else { return }
    _ = file.check { _ in }
    for bucket in (try? file.buckets()) ?? [] {
        try? file.forEach(in: bucket) { _, _ in true }
        try? file.forEach(in: bucket, .descending) { _, _ in true }
    }
}

/// Answers whether that changed anything.
private func sealMetas(_ bytes: inout [UInt8]) -> Bool {
    guard bytes.count >= 80 else { return false }
    let before = bytes
    for page in [0, Int(min(bytes.u32(16 + 8), 1 << 16))] where page + 80 <= bytes.count {
        let meta = page + BoltFormat.headerSize
        var checksum = BoltFormat.checksum(bytes[meta..<(meta + 56)])
        for place in meta + 56..<meta + 64 {
            bytes[place] = UInt8(truncatingIfNeeded: checksum)
            checksum >>= 8
        }
    }
    return bytes != before
}
