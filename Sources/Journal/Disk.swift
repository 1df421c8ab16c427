/// What the journal asks of a file system, and nothing more.
///
/// Production passes `SystemDisk`; tests and the simulation pass a disk that loses unsynced bytes, tears
/// writes and runs full. No call is per byte: one `write` and one `sync` carry a whole batch.
///
/// The contract the journal builds on, which a simulated disk must keep and may not exceed:
/// 1. Bytes written are durable once `sync` of that file returned; before, each 512-byte sector may be
///    there or not, in any combination, after a crash. No sector is ever half new: a write that fails or is
///    cut short leaves whole sectors too (pages are copied and written back whole; past the page cache the
///    device takes whole sectors from memory that nobody changes meanwhile).
/// 2. A name made or changed is durable once `syncDirectory` of its directory returned; before, the changes
///    of one directory take effect in order, up to any point.
/// 3. `rename` replaces its target atomically.
///
/// All methods may be called from several threads, for different files.
package protocol Disk: AnyObject, Sendable {
    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> OpenFile
    /// Gives the descriptor and its lock back. Never fails: what must be durable was synced before.
    func close(_ file: OpenFile)
    func size(_ file: OpenFile) throws(DiskError) -> UInt64
    /// Appends up to `count` bytes from `offset` on to `buffer`; fewer only at the end of the file.
    func read(_ file: OpenFile, at offset: UInt64, count: Int, into buffer: inout [UInt8]) throws(DiskError)
    /// Lets the writes of an open file go past the page cache, where its file system can: a hint. From now on
    /// each comes from an address, goes to an offset and has a size that are multiples of
    /// `Limits.blockSize`, and nothing is read through this open file. What `sync` promises stays the same.
    func bypassCache(_ file: OpenFile)
    /// Writes all of `bytes`, or throws with any part of them written.
    func write(_ file: OpenFile, at offset: UInt64, _ bytes: borrowing RawSpan) throws(DiskError)
    /// Reserves blocks so that the file is `size` bytes long; a file system that cannot does nothing.
    func allocate(_ file: OpenFile, size: UInt64) throws(DiskError)
    func truncate(_ file: OpenFile, size: UInt64) throws(DiskError)
    /// fdatasync: the bytes and the size of the file. After a failure the state of the bytes is unknown;
    /// a second call may lie (the kernel drops the dirty pages), so the journal never makes one.
    func sync(_ file: OpenFile) throws(DiskError)
    /// Starts writing a range to the disk without waiting; a hint.
    func startWriteback(_ file: OpenFile, offset: UInt64, size: UInt64)
    /// Takes the exclusive lock of the file; false when another open file holds it.
    func lock(_ file: OpenFile) throws(DiskError) -> Bool
    /// The names in a directory, in no order; nil when there is no such directory.
    func list(_ directory: String) throws(DiskError) -> [String]?
    /// Makes one directory, with mode 0700.
    func createDirectory(_ path: String) throws(DiskError)
    func rename(_ from: String, to: String) throws(DiskError)
    /// Removes a file.
    func remove(_ path: String) throws(DiskError)
    /// Removes an empty directory.
    func removeDirectory(_ path: String) throws(DiskError)
    func syncDirectory(_ path: String) throws(DiskError)
}

/// How a file is opened.
package enum FileAccess: Equatable, Sendable {
    case read
    case readWrite
    /// Created or emptied, for reading and writing.
    case create(permissions: UInt32)
}

/// An open file of a `Disk`. A plain value: whoever holds it last calls `Disk.close`.
package struct OpenFile: Equatable, Sendable {
    /// The file descriptor, or the number a simulated disk chose.
    package let descriptor: Int32
    /// The name it was opened under, or was renamed to; errors carry it.
    package var path: String

    package init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }
}

/// A file system call that failed.
package struct DiskError: Error, Equatable, Sendable {
    package enum Operation: String, Sendable {
        case open, size, read, write, allocate, truncate, sync, lock, list, createDirectory, rename, remove
        case removeDirectory, syncDirectory, thread
    }

    package var operation: Operation
    package var path: String
    package var errno: Int32

    package init(_ operation: Operation, path: String, errno: Int32) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }
}

/// `name` inside `directory`.
func joined(_ directory: String, _ name: String) -> String { directory + "/" + name }

/// The directory that holds `path` ("." for a bare name); trailing slashes do not count.
func parent(of path: String) -> String {
    var end = path.utf8.endIndex
    while end > path.utf8.startIndex, path.utf8[path.utf8.index(before: end)] == UInt8(ascii: "/") {
        end = path.utf8.index(before: end)
    }
    guard let slash = path[..<end].lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
