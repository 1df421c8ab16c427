import CLMDB
import Glibc
import Synchronization

/// The member's database file, an LMDB environment with etcd's ten buckets.
///
/// Reads from any thread; writes and `defragment` from one thread (the flush thread). Flags: MDB_NOSUBDIR,
/// MDB_NOTLS, synced commits (0 of 600 simulated power cuts left a broken image; 464 did with MDB_NOSYNC:
/// store-measurements.md 2.1). Files: `<path>`, `<path>-lock` (LMDB's reader table), `<path>.lock` (ours),
/// and while it works `<path>.tmp.<random>`.
package final class Environment: Sendable {
    /// How to open.
    package struct Options: Sendable {
        /// False only for `--unsafe-no-fsync`: a power cut then leaves a broken file.
        package var isSynced = true
        /// Virtual size of the map, halved until the kernel grants it. It bounds the file; nothing is
        /// allocated.
        package var mapSize = 1 << 40
        package init() {}
    }

    package let path: String
    private let options: Options
    /// Nil for an environment that only reads.
    private let lock: ProcessLock?
    private let current: Mutex<Generation>
    private let isWriting = Atomic(false)
    private let fileBytes = Atomic(0)
    private let usedBytes = Atomic(0)
    private let commitsUntilRecount = Atomic(0)

    /// Opens or creates the database at `path`, whose directory must exist.
    ///
    /// An existing file is walked page by page first, because LMDB trusts what it maps: a damaged tree
    /// is `corrupted` or `truncated` here and not a crash later. (Damage inside values has no checksum
    /// and is not seen.) A second open of the same path is `locked`, unless it comes with the `lock`
    /// that the first one was given, and the first one is gone.
    package init(
        path: String, options: Options = Options(), lock: ProcessLock? = nil
    ) throws(BackendError) {
        self.path = path
        self.options = options
        let lock = if let lock { lock } else { try ProcessLock(database: path) }
        self.lock = lock
        try removeLeftovers(of: path)
        let size = try FileCheck.check(path: path)
        current = Mutex(try Environment.openGeneration(path, lock, options, fileSize: size))
        measure(current.withLock { $0 })
    }

    /// Opens an existing database to look at it: nothing is written, no claim is taken.
    ///
    /// Where the member runs (somebody holds the claim) its reader table is used, so that pages being read
    /// are not reused; where nobody does, the file is walked first like above and LMDB's lock file is left
    /// alone.
    package init(reading path: String) throws(BackendError) {
        self.path = path
        options = Options()
        lock = nil
        let isInUse = try ProcessLock.isHeld(database: path)
        let size = try isInUse ? fileSize(path) : FileCheck.check(path: path)
        guard size > 0 else { throw .truncated(path: path, needed: 8192, size: 0) }
        current = Mutex(
            try Generation(reading: path, isShared: isInUse, mapSize: 1 << 40, mapSizeMin: max(1 << 20, size))
        )
        measure(current.withLock { $0 })
    }

    /// The map never shrinks below four times the file, nor below 1 GiB.
    private static func openGeneration(
        _ path: String, _ lock: ProcessLock?, _ options: Options, fileSize: Int
    ) throws(BackendError) -> Generation {
        try Generation(
            path: path, lock: lock, isSynced: options.isSynced, mapSize: options.mapSize,
            mapSizeMin: max(1 << 30, 4 * fileSize))
    }

    /// Opens another file of this database's kind with its options, under its lock.
    func openGeneration(_ path: String) throws(BackendError) -> Generation {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw .system(call: "stat", path: path, errno: errno)
        }
        return try Environment.openGeneration(path, lock, options, fileSize: Int(status.st_size))
    }

    /// A view of the newest commit. Cheap (a renewed slot); throws `tooManyReaders` beyond 1024 at a time.
    package func read() throws(BackendError) -> ReadTransaction {
        try ReadTransaction(current.withLock { $0 })
    }

    /// Begins the write transaction; there must be none (own bug otherwise).
    package func write() throws(BackendError) -> WriteTransaction {
        precondition(lock != nil, "an environment opened for reading")
        return try WriteTransaction(self, current.withLock { $0 })
    }

    /// Views that are held now.
    package var openReads: Int { current.withLock { $0 }.openReaders }

    /// Bytes of the file. As of the last commit.
    package var sizeOnDisk: Int { fileBytes.load(ordering: .relaxed) }

    /// Bytes of the pages that hold data: all pages but the free ones. As of the last commits (at most
    /// 16 ago when the free list is long).
    package var sizeInUse: Int { usedBytes.load(ordering: .relaxed) }

    func beginWriting() {
        let wasWriting = isWriting.exchange(true, ordering: .acquiring)
        precondition(!wasWriting, "one write transaction at a time")
    }

    func endWriting() { isWriting.store(false, ordering: .releasing) }

    /// Refreshes the sizes after a commit. Counting the free list reads one page per record of it, so a
    /// long list is counted at each sixteenth commit only.
    func measure(_ generation: Generation) {
        guard let reader = try? ReadTransaction(generation) else { return }
        var information = unsafe MDB_envinfo()
        var statistics = MDB_stat()
        let (environment, transaction) = unsafe (generation.environment, reader.handle.transaction)
        unsafe mdb_env_info(environment, &information)
        guard unsafe mdb_stat(transaction, 0, &statistics) == 0 else { return }
        let pageSize = Int(statistics.ms_psize)
        let pages = unsafe information.me_last_pgno + 1
        var descriptor: mdb_filehandle_t = -1
        var status = stat()
        if unsafe mdb_env_get_fd(environment, &descriptor) == 0, unsafe fstat(descriptor, &status) == 0 {
            fileBytes.store(Int(status.st_size), ordering: .relaxed)
        }
        let wait = commitsUntilRecount.load(ordering: .relaxed)
        if statistics.ms_entries > 256, wait > 0 {
            commitsUntilRecount.store(wait - 1, ordering: .relaxed)
            return
        }
        commitsUntilRecount.store(15, ordering: .relaxed)
        usedBytes.store((pages - freePages(reader)) * pageSize, ordering: .relaxed)
    }

    /// The free list is sub-database 0: each record is a count and that many page numbers.
    private func freePages(_ reader: borrowing ReadTransaction) -> Int {
        var cursor: OpaquePointer? = nil
        guard unsafe mdb_cursor_open(reader.handle.transaction, 0, &cursor) == 0 else { return 0 }
        defer { unsafe mdb_cursor_close(cursor) }
        var (key, value) = unsafe (MDB_val(), MDB_val())
        var count = 0
        while unsafe mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0 {
            unsafe count += value.buffer.loadUnaligned(as: Int.self)
        }
        return count
    }

    /// Rewrites the database without its free pages and goes on with the new file.
    ///
    /// Flush thread only, no write transaction open: commits wait for the copy (0.4-2 GB/s); readers do
    /// not, each stays on the file it began on until it ends. After an error the old file is in use.
    package func defragment() throws(BackendError) {
        beginWriting()
        defer { endWriting() }
        let temporary = temporaryPath(for: path)
        do throws(BackendError) {
            try copyCompacted(current.withLock { $0 }, to: temporary)
        } catch {
            unsafe unlink(temporary)
            throw error
        }
        try succeed(with: Successor(of: self, at: temporary)) { exchange in exchange() }
    }

    /// Goes on with another file, whatever this one holds. No write transaction may be open.
    ///
    /// Order: the new file is renamed over `path` and its directory synced, then `swap` is called, and must
    /// call its argument once: what begins after that reads the new file, what began before stays on the
    /// old one until it ends. After an error the old file is in use, though the new one may have its name.
    package func replace(
        with successor: consuming Successor, swap: (_ exchange: () -> Void) -> Void
    ) throws(BackendError) {
        beginWriting()
        defer { endWriting() }
        try succeed(with: successor, swap: swap)
    }

    private func succeed(
        with successor: consuming Successor, swap: (_ exchange: () -> Void) -> Void
    ) throws(BackendError) {
        let (old, new) = (current.withLock { $0 }, successor.generation)
        try successor.place(over: path)
        swap { current.withLock { $0 = new } }
        old.retire()
        commitsUntilRecount.store(0, ordering: .relaxed)
        measure(new)
    }

    /// Writes a consistent copy without free pages to a new file, synced.
    private func copyCompacted(_ generation: Generation, to target: String) throws(BackendError) {
        let descriptor = unsafe open(target, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system(call: "open", path: target, errno: errno) }
        defer { close(descriptor) }
        let code = unsafe mdb_env_copyfd2(generation.environment, descriptor, UInt32(MDB_CP_COMPACT))
        try check("mdb_env_copyfd2", code)
        guard fsync(descriptor) == 0 else { throw .system(call: "fsync", path: target, errno: errno) }
    }

    /// Makes commits of an unsynced environment durable.
    func sync() throws(BackendError) {
        let generation = current.withLock { $0 }
        try check("mdb_env_sync", unsafe mdb_env_sync(generation.environment, 1))
    }

    /// Writes LMDB's own bytes of the newest commit to `descriptor`, from page 0 on, without free pages
    /// at the end. Any thread; other readers and the writer go on.
    package func copy(toDescriptor descriptor: Int32) throws(BackendError) {
        let generation = current.withLock { $0 }
        try check("mdb_env_copyfd2", unsafe mdb_env_copyfd2(generation.environment, descriptor, 0))
    }
}
