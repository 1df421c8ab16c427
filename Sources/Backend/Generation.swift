import CLMDB
import Glibc
import Synchronization

/// One open LMDB environment: the file as it was since the last defragmentation.
///
/// Whoever reads or writes holds a reference; the environment is closed with the last one. Idle read
/// transactions wait here in a pool, so that taking one costs a renewal (12 ns) and retiring the
/// generation can drop them all.
@safe final class Generation: @unchecked Sendable {
    // Sendable: the fields are set once in init, LMDB's environment is made for many threads (MDB_NOTLS),
    // and the pool is behind its mutex.
    let environment: OpaquePointer
    private let buckets: [MDB_dbi]
    private let pool = Mutex(Pool())
    /// The claim on the file lasts as long as anybody reads it.
    private let lock: ProcessLock?

    private struct Pool {
        var idle: [ReaderHandle] = []
        var isRetired = false
        /// Taken and not given back.
        var open = 0
    }

    private static let idleMax = 64

    /// Opens `path`, creating it and its buckets where missing. `mapSize` is the virtual size to try
    /// first; it is halved while the kernel refuses, never below `mapSizeMin`.
    init(
        path: String, lock: ProcessLock?, isSynced: Bool, mapSize: Int, mapSizeMin: Int
    ) throws(BackendError) {
        self.lock = lock
        unsafe environment = try Generation.open(
            path: path, flags: isSynced ? 0 : MDB_NOSYNC, mapSize: mapSize, mapSizeMin: mapSizeMin)
        do throws(BackendError) {
            buckets = try unsafe Generation.openBuckets(environment, path: path, isReading: false)
        } catch {
            unsafe mdb_env_close(environment)
            throw error
        }
    }

    /// Opens `path` to look at it. `isShared`: the member is running, and its reader table is used.
    init(reading path: String, isShared: Bool, mapSize: Int, mapSizeMin: Int) throws(BackendError) {
        lock = nil
        unsafe environment = try Generation.open(
            path: path, flags: MDB_RDONLY | (isShared ? 0 : MDB_NOLOCK), mapSize: mapSize,
            mapSizeMin: mapSizeMin)
        do throws(BackendError) {
            buckets = try unsafe Generation.openBuckets(environment, path: path, isReading: true)
        } catch {
            unsafe mdb_env_close(environment)
            throw error
        }
    }

    deinit {
        // No transaction is left: each held a reference to this object; the pooled ones end here.
        for handle in pool.withLock({ $0.idle }) { handle.abort() }
        unsafe mdb_env_close(environment)
    }

    /// Asks for less and less of the address space, down to `mapSizeMin`.
    private static func open(
        path: String, flags: Int32, mapSize: Int, mapSizeMin: Int
    ) throws(BackendError) -> OpaquePointer {
        var size = mapSize
        while true {
            do throws(BackendError) {
                return unsafe try open(path: path, flags: flags, mapSize: size)
            } catch {
                guard error == .database(call: "mdb_env_open", code: ENOMEM), size / 2 >= mapSizeMin else {
                    throw error
                }
                size /= 2
            }
        }
    }

    private static func open(path: String, flags: Int32, mapSize: Int) throws(BackendError) -> OpaquePointer {
        var environment: OpaquePointer? = nil
        try check("mdb_env_create", unsafe mdb_env_create(&environment))
        guard let environment = unsafe environment else {
            throw .database(call: "mdb_env_create", code: ENOMEM)
        }
        do throws(BackendError) {
            try check("mdb_env_set_maxdbs", unsafe mdb_env_set_maxdbs(environment, 16))
            try check("mdb_env_set_maxreaders", unsafe mdb_env_set_maxreaders(environment, 1024))
            try check("mdb_env_set_mapsize", unsafe mdb_env_set_mapsize(environment, mapSize))
            let flags = MDB_NOSUBDIR | MDB_NOTLS | flags
            let code = unsafe mdb_env_open(environment, path, UInt32(flags), 0o600)
            if code == MDB_INVALID || code == MDB_VERSION_MISMATCH || code == MDB_CORRUPTED {
                throw .corrupted(path: path, offset: 0)
            }
            try check("mdb_env_open", code)
        } catch {
            unsafe mdb_env_close(environment)
            throw error
        }
        return unsafe environment
    }

    /// Another name among the buckets, or another kind, is damage: LMDB made a new bucket for the old name.
    private static func openBuckets(
        _ environment: OpaquePointer, path: String, isReading: Bool
    ) throws(BackendError) -> [MDB_dbi] {
        var transaction: OpaquePointer? = nil
        let flags = UInt32(isReading ? MDB_RDONLY : 0)
        try check("mdb_txn_begin", unsafe mdb_txn_begin(environment, nil, flags, &transaction))
        var handles: [MDB_dbi] = []
        for bucket in Bucket.allCases {
            var handle: MDB_dbi = 0
            let creation = UInt32(isReading ? 0 : MDB_CREATE)
            let code = unsafe mdb_dbi_open(transaction, bucket.name, creation, &handle)
            if code != 0 {
                unsafe mdb_txn_abort(transaction)
                if code == MDB_INCOMPATIBLE || code == MDB_NOTFOUND {
                    throw .corrupted(path: path, offset: 0)
                }
                try check("mdb_dbi_open", code)
            }
            if bucket == .key {
                try check(
                    "mdb_set_compare", unsafe mdb_set_compare(transaction, handle, lmdb_compare_by_words))
            }
            handles.append(handle)
        }
        var statistics = MDB_stat()
        guard unsafe mdb_stat(transaction, 1, &statistics) == 0, statistics.ms_entries == handles.count else {
            unsafe mdb_txn_abort(transaction)
            throw .corrupted(path: path, offset: 0)
        }
        try check("mdb_txn_commit", unsafe mdb_txn_commit(transaction))
        return handles
    }

    func handle(of bucket: Bucket) -> MDB_dbi { buckets[Int(bucket.rawValue)] }

    /// A running read transaction on the newest commit.
    func takeReader() throws(BackendError) -> ReaderHandle {
        let idle = pool.withLock { pool in
            pool.open += 1
            return pool.idle.popLast()
        }
        do throws(BackendError) {
            if let idle {
                let code = idle.renew()
                if code == 0 { return idle }
                idle.abort()
                try check("mdb_txn_renew", code)
            }
            return try unsafe ReaderHandle(environment: environment)
        } catch {
            pool.withLock { $0.open -= 1 }
            throw error
        }
    }

    var openReaders: Int { pool.withLock { $0.open } }

    /// Ends a transaction of `takeReader`; its slot is kept for the next.
    func giveBack(_ handle: ReaderHandle) {
        handle.reset()
        let isKept = pool.withLock { pool in
            pool.open -= 1
            guard !pool.isRetired, pool.idle.count < Generation.idleMax else { return false }
            pool.idle.append(handle)
            return true
        }
        if !isKept { handle.abort() }
    }

    /// Drops the idle transactions and keeps none from now on: a newer generation has taken over.
    func retire() {
        let idle = pool.withLock { pool in
            pool.isRetired = true
            defer { pool.idle = [] }
            return pool.idle
        }
        for handle in idle { handle.abort() }
    }
}

/// An LMDB read transaction and its cursor on bucket `key`; an owner ends it by hand.
@safe struct ReaderHandle: @unchecked Sendable {
    // Sendable: MDB_NOTLS ties a transaction to its handle, not to a thread; one owner at a time.
    let transaction: OpaquePointer

    init(environment: OpaquePointer) throws(BackendError) {
        var transaction: OpaquePointer? = nil
        let code = unsafe mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction)
        if code == MDB_READERS_FULL { throw .tooManyReaders }
        try check("mdb_txn_begin", code)
        guard let transaction = unsafe transaction else {
            throw .database(call: "mdb_txn_begin", code: EINVAL)
        }
        unsafe self.transaction = transaction
    }

    func renew() -> Int32 { unsafe mdb_txn_renew(transaction) }
    func reset() { unsafe mdb_txn_reset(transaction) }
    func abort() { unsafe mdb_txn_abort(transaction) }
}

/// Turns an LMDB result code into the error of its meaning.
func check(_ call: String, _ code: Int32) throws(BackendError) {
    switch code {
    case 0: return
    case MDB_MAP_FULL, ENOSPC, EDQUOT: throw .full
    case MDB_READERS_FULL: throw .tooManyReaders
    default: throw .database(call: call, code: code)
    }
}
