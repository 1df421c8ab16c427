@testable import Journal

/// The segment as it is, then with the checksums of its records made right, or no mutation of what a record
/// says would ever be decoded.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    read(bytes)
    let sealed = resealed(bytes)
    if sealed != bytes { read(sealed) }
    return 0
}

private func read(_ bytes: [UInt8]) {
    let disk = OneFileDisk("0000000000000000-0000000000000000.wal", bytes)
    var audit = LogAudit(keepingPlaces: true)
    do {
        var reader = try LogReader(in: "/wal", disk: disk)
        while let record = try reader.next() {
            let content = try reader.withData { bytes in try LogContent(record.kind, decoding: bytes) }
            try audit.take(content, at: record, path: reader.path)
        }
    } catch {}
    // And as a dump of records reads it, passing over what is wrong.
    guard var reader = try? LogReader(in: "/wal", disk: disk) else { return }
    while true {
        do {
            guard try reader.next() != nil else { break }
        } catch {
            guard (try? reader.passOver()) == true else { break }
        }
    }
}

/// The same records with the checksums that their data asks for, as far as the lengths lead.
private func resealed(_ bytes: [UInt8]) -> [UInt8] {
    var buffer = RecordBuffer(checksum: 0)
    var position = 0
    while bytes.count - position >= 8 {
        let word = unsafe bytes.span.bytes.littleEndianWord(at: position)
        let (size, padding) = (word & ((1 << 56) - 1), word >> 56 & 7)
        guard size > 0, size + padding <= UInt64(bytes.count - position - 8) else { break }
        let record = bytes[(position + 8)..<(position + 8 + Int(size))]
        guard case .head(let head) = unsafe RecordHead.read(Array(record).span.bytes, recordSize: size),
            let kind = RecordKind(rawValue: head.kind)
        else { break }
        let data = Array(record.dropFirst(head.size))
        unsafe buffer.append(kind, data: data.span.bytes)
        position += 8 + Int(size + padding)
    }
    let size = Int(buffer.end)
    var records: [UInt8] = []
    buffer.withBlocks { _, blocks in
        unsafe blocks.extracting(first: size).withUnsafeBytes { unsafe records += $0 }
    }
    return records + bytes[position...]
}
