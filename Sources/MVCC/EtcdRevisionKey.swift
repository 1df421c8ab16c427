/// A key of bucket `key` between the form stored here (12 or 13 bytes) and etcd's (17 or 18), in which the
/// bucket leaves and enters: order is the same in both.
package struct EtcdRevisionKey {
    private let key: RevisionKey

    /// Nil unless the bytes have the stored form.
    package init?(stored bytes: borrowing RawSpan) {
        // The buffer does not leave the closure.
        guard let key = unsafe bytes.withUnsafeBytes({ unsafe RevisionKey($0) }) else { return nil }
        self.key = key
    }

    /// Nil unless the bytes have etcd's form, with a sub revision that fits in 32 bits.
    package init?(etcd bytes: borrowing RawSpan) {
        // The buffer does not leave the closure; the array copies it.
        let copy = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
        guard let key = RevisionKey(etcdBytes: copy), key.revision.main >= 0,
            (0...Int64(UInt32.max)).contains(key.revision.sub)
        else { return nil }
        self.key = key
    }

    /// Of the compaction revisions in bucket `meta`.
    package init(main: Int64) { key = RevisionKey(Revision(main: main)) }

    package var main: Int64 { key.revision.main }
    package var sub: Int64 { key.revision.sub }
    package var isTombstone: Bool { key.isTombstone }
    package var etcdBytes: [UInt8] { key.etcdBytes }
    package var storedBytes: [UInt8] { unsafe key.withBytes { unsafe [UInt8]($0) } }
}
