import Raft
import Wire

@testable import Journal

@_cdecl("LLVMFuzzerInitialize")
public func begin(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt {
    do {
        let metadata = SnapshotMetadata(
            id: EntryID(term: Term(2), index: LogIndex(9)),
            configuration: ConfigurationState(voters: [MemberID(1), MemberID(2)]))
        var writer = try SnapshotWriter(in: SnapshotDirectory(Scratch.directory), metadata: metadata)
        for number in 0..<60 {
            let bucket = number < 50 ? "key" : "lease"
            let (key, value) = ([0, 0, UInt8(number)], [UInt8](repeating: 7, count: 40))
            try unsafe writer.append(bucket: bucket, key: key.span.bytes, value: value.span.bytes)
        }
        Scratch.seed("own.snap", Scratch.content(of: try writer.finish().path))
    } catch {
        fatalError("no seed: \(error)")
    }
    return 0
}

/// The file as it is, then with its checksums made right, or no mutation would be looked at any further.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    var bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    read(bytes)
    if bytes.starts(with: SnapshotFormat.magic) { sealOurs(&bytes) } else { sealEtcds(&bytes) }
    read(bytes)
    return 0
}

private func read(_ bytes: [UInt8]) {
    let disk = OneFileDisk("0.snap", bytes)
    guard var reader = try? SnapshotReader(path: "/snap/0.snap", disk: disk) else { return }
    do { while try reader.next() { reader.withRecord { _, _ in } } } catch {}
}

private func sealOurs(_ bytes: inout [UInt8]) {
    let footer = bytes.count - SnapshotFormat.footerSize
    guard footer >= SnapshotFormat.fixedHeaderSize + 4 else { return }
    var position = SnapshotFormat.fixedHeaderSize + Int(half(bytes, 12)) + 4
    if position <= footer { put(checksum(bytes[..<(position - 4)]), at: position - 4, in: &bytes) }
    while position + SnapshotFormat.blockHeaderSize < footer {
        let end = position + SnapshotFormat.blockHeaderSize + Int(half(bytes, position + 4))
        guard end <= footer else { break }
        let stored = bytes[(position + SnapshotFormat.blockHeaderSize)..<end]
        put(checksum(bytes[position..<(position + 8)] + stored), at: position + 8, in: &bytes)
        position = end
    }
    put(UInt32(bytes.count), at: footer + 32, in: &bytes)
    put(checksum(bytes[footer..<(footer + 72)]), at: footer + 72, in: &bytes)
}

/// snappb.snapshot: its second field under a right checksum.
private func sealEtcds(_ bytes: inout [UInt8]) {
    var data = 0..<0
    try? unsafe forEachField(bytes.span.bytes) { field throws(MessageError) in
        if field.number == 2 { data = try field.payload }
    }
    let payload = Array(bytes[data])
    bytes = [0x08]
    appendVarint(UInt64(checksum(payload[...])), to: &bytes)
    bytes.append(0x12)
    appendVarint(UInt64(payload.count), to: &bytes)
    bytes += payload
}

private func appendVarint(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
    }
    bytes.append(UInt8(rest))
}

private func half(_ bytes: [UInt8], _ place: Int) -> UInt32 {
    unsafe bytes.span.bytes.littleEndianHalf(at: place)
}

private func put(_ value: UInt32, at place: Int, in bytes: inout [UInt8]) {
    for shift in 0..<4 { bytes[place + shift] = UInt8(truncatingIfNeeded: value >> UInt32(8 * shift)) }
}

private func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 { unsafe crc32c(0, Array(bytes).span.bytes) }
