/// The key of a record in bucket `key`: `main` u64 and `sub` u32, both big-endian, and one byte `t` more
/// for a tombstone. (etcd has 17 and 18 bytes; 12 are as fast to find as any and shorter.)
struct RevisionKey {
    static let tombstoneMark = UInt8(ascii: "t")

    var revision: Revision
    var isTombstone: Bool

    init(_ revision: Revision, isTombstone: Bool = false) {
        self.revision = revision
        self.isTombstone = isTombstone
    }

    /// Nil unless the bytes have exactly the form above.
    init?(_ bytes: UnsafeRawBufferPointer) {
        // Both loads lie inside the 12 bytes checked here.
        guard unsafe bytes.count == 12 || bytes.count == 13 && bytes[12] == RevisionKey.tombstoneMark else {
            return nil
        }
        let main = unsafe UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        let sub = unsafe UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        guard main <= UInt64(Int64.max) else { return nil }
        revision = Revision(main: Int64(main), sub: Int64(sub))
        isTombstone = bytes.count == 13
    }

    /// Calls `body` with the key as it is stored.
    func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        var words = (
            UInt64(revision.main).bigEndian, UInt32(revision.sub).bigEndian, RevisionKey.tombstoneMark
        )
        let size = isTombstone ? 13 : 12
        // The tuple is laid out as u64, u32, u8 without gaps; the buffer ends at `size`.
        var result: Result<R, E>? = nil
        unsafe withUnsafeBytes(of: &words) { bytes in
            do throws(E) {
                result = .success(try unsafe body(UnsafeRawBufferPointer(rebasing: bytes[..<size])))
            } catch {
                result = .failure(error)
            }
        }
        guard let result else { preconditionFailure("the closure above always sets it") }
        return try result.get()
    }

    /// etcd's form, as its hashes see it: main i64, `_`, sub i64 big-endian, `t` for a tombstone.
    /// Source: spec/wal-snap.md 6.
    var etcdBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(18)
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: revision.main >> Int64(shift)))
        }
        bytes.append(UInt8(ascii: "_"))
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: revision.sub >> Int64(shift)))
        }
        if isTombstone { bytes.append(RevisionKey.tombstoneMark) }
        return bytes
    }

    /// Reads etcd's 17-byte form, as bucket meta holds it for the compaction revisions.
    init?(etcdBytes bytes: [UInt8]) {
        guard bytes.count == 17 || bytes.count == 18 && bytes[17] == RevisionKey.tombstoneMark,
            bytes[8] == UInt8(ascii: "_")
        else { return nil }
        let main = bytes[0..<8].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        let sub = bytes[9..<17].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        revision = Revision(main: Int64(bitPattern: main), sub: Int64(bitPattern: sub))
        isTombstone = bytes.count == 18
    }
}
