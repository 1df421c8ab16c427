/// Why the database could not be opened, read or written.
package enum BackendError: Error, Equatable {
    /// Another open of the same database, in another process or in this one, holds `path` + ".lock".
    case locked(path: String)
    /// The file is not an LMDB database of this version, or a page at byte `offset` contradicts itself.
    /// Nothing of the file was changed.
    case corrupted(path: String, offset: Int)
    /// The file ends before a page that is in use.
    case truncated(path: String, needed: Int, size: Int)
    /// A call of the C library failed; `call` is its name.
    case system(call: String, path: String, errno: Int32)
    /// An LMDB call failed; `code` is its result (negative: lmdb.h, positive: errno).
    case database(call: String, code: Int32)
    /// The disk or the address space has no room; the transaction was rolled back.
    case full
    /// All reader slots (1024) are taken.
    case tooManyReaders
    /// LMDB keys end at 511 bytes; only the buckets of users and roles have keys of a client's choosing.
    case keyTooLong(size: Int)
}
