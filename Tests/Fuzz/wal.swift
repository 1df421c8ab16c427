import Journal

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: start, count: count)
    _ = Scratch.file("0000000000000000-0000000000000000.wal", bytes)
    var audit = LogAudit(keepingPlaces: true)
    do {
        var reader = try LogReader(in: Scratch.directory)
        while let record = try reader.next() {
            let content = try reader.withData { bytes in try LogContent(record.kind, decoding: bytes) }
            try audit.take(content, at: record, path: reader.path)
        }
    } catch {}
    // And as a dump of records reads it, passing over what is wrong.
    guard var reader = try? LogReader(in: Scratch.directory) else { return 0 }
    while true {
        do {
            guard try reader.next() != nil else { break }
        } catch {
            guard (try? reader.passOver()) == true else { break }
        }
    }
    return 0
}
