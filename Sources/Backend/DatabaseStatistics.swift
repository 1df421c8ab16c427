import CLMDB

/// How a database file is filled, as of one commit.
package struct DatabaseStatistics: Equatable, Sendable {
    /// Pages and records of one B+tree.
    package struct Tree: Equatable, Sendable {
        package var depth: Int
        package var branchPages: Int
        package var leafPages: Int
        package var overflowPages: Int
        package var records: Int
    }

    /// A reader whose view pins pages.
    package struct Reader: Equatable, Sendable {
        package var process: Int
        package var transaction: Int
    }

    package var pageSize = 0
    /// Pages from the start of the file to the last in use.
    package var pages = 0
    package var fileSize = 0
    package var transaction = 0
    package var buckets: [Bucket: Tree] = [:]
    /// Pages that hold nothing, and how many of them no reader needs any more.
    package var freePages = 0
    package var reusablePages = 0
    /// Views held by running processes; known only while the member runs.
    package var readers: [Reader] = []

    package var oldestReader: Reader? { readers.min { $0.transaction < $1.transaction } }
}

extension Environment {
    /// Counts pages, free pages and readers.
    package func statistics() throws(BackendError) -> DatabaseStatistics {
        let transaction = try read()
        let generation = transaction.generation
        var result = DatabaseStatistics()
        var information = unsafe MDB_envinfo()
        try check("mdb_env_info", unsafe mdb_env_info(generation.environment, &information))
        result.pages = unsafe information.me_last_pgno + 1
        result.transaction = unsafe information.me_last_txnid
        result.fileSize = sizeOnDisk
        for bucket in Bucket.allCases {
            var statistics = MDB_stat()
            let handle = generation.handle(of: bucket)
            try check("mdb_stat", unsafe mdb_stat(transaction.handle.transaction, handle, &statistics))
            result.pageSize = Int(statistics.ms_psize)
            result.buckets[bucket] = DatabaseStatistics.Tree(
                depth: Int(statistics.ms_depth), branchPages: statistics.ms_branch_pages,
                leafPages: statistics.ms_leaf_pages, overflowPages: statistics.ms_overflow_pages,
                records: statistics.ms_entries)
        }
        result.readers = try readers(of: generation)
        let oldest = result.oldestReader?.transaction ?? Int.max
        try forEachFreed(transaction) { freedBy, count in
            result.freePages += count
            if freedBy < oldest { result.reusablePages += count }
        }
        return result
    }

    /// The records of the free list, sub-database 0: the transaction that freed, and how many pages.
    private func forEachFreed(
        _ transaction: borrowing ReadTransaction, _ body: (Int, Int) -> Void
    ) throws(BackendError) {
        var cursor: OpaquePointer? = nil
        try check("mdb_cursor_open", unsafe mdb_cursor_open(transaction.handle.transaction, 0, &cursor))
        defer { unsafe mdb_cursor_close(cursor) }
        var (key, value) = unsafe (MDB_val(), MDB_val())
        while unsafe mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0 {
            guard unsafe key.buffer.count >= 8, unsafe value.buffer.count >= 8 else { continue }
            // Both buffers hold at least the eight bytes loaded here.
            unsafe body(key.buffer.loadUnaligned(as: Int.self), value.buffer.loadUnaligned(as: Int.self))
        }
    }

    /// LMDB tells its reader table as lines of text: process, thread, transaction or "-".
    private func readers(of generation: Generation) throws(BackendError) -> [DatabaseStatistics.Reader] {
        final class Lines { var text = "" }
        let lines = Lines()
        // The context is used during this call only, on this thread, and `lines` outlives it.
        let context = unsafe Unmanaged.passUnretained(lines).toOpaque()
        let code = unsafe mdb_reader_list(
            generation.environment,
            { message, context in
                guard let message = unsafe message, let context = unsafe context else { return 0 }
                unsafe Unmanaged<Lines>.fromOpaque(context).takeUnretainedValue().text += String(
                    cString: message)
                return 0
            }, context)
        guard code >= 0 else { throw .database(call: "mdb_reader_list", code: code) }
        return lines.text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 3, let process = Int(words[0]), let transaction = Int(words[2]) else {
                return nil
            }
            return DatabaseStatistics.Reader(process: process, transaction: transaction)
        }
    }
}
