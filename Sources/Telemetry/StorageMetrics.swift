/// The log and the database as files.
package struct DiskMetrics: Sendable {
    package let walFsyncDuration: Histogram
    package let walWriteDuration: Histogram
    /// A gauge in etcd, and so here.
    package let walWriteBytes: Gauge
    package let commitDuration: Histogram
    package let defragDuration: Histogram
    package let snapshotDuration: Histogram
    package let defragsInFlight: Gauge
    package let databaseBytes: ComputedGauge
    package let databaseBytesInUse: ComputedGauge
    package let openReadTransactions: ComputedGauge

    init(_ r: MetricsRegistry) {
        let usual = Histogram.Buckets.exponential(0.001, 2, 14)
        walFsyncDuration = r.histogram(
            "etcd_disk_wal_fsync_duration_seconds", "Time of a sync of the log.", usual)
        walWriteDuration = r.histogram(
            "etcd_disk_wal_write_duration_seconds", "Time of a write to the log.", usual)
        walWriteBytes = r.gauge("etcd_disk_wal_write_bytes_total", "Bytes written to the log.")
        commitDuration = r.histogram(
            "etcd_disk_backend_commit_duration_seconds", "Time of a commit of the database.", usual)
        defragDuration = r.histogram(
            "etcd_disk_backend_defrag_duration_seconds", "Time of a defragmentation.",
            .exponential(0.1, 2, 13))
        snapshotDuration = r.histogram(
            "etcd_disk_backend_snapshot_duration_seconds", "Time to send the database.",
            .exponential(0.01, 2, 17))
        defragsInFlight = r.gauge("etcd_disk_defrag_inflight", "1 while the database is defragmented.")
        for phase in ["rebalance", "spill", "write"] {
            _ = r.histogram(
                "etcd_debugging_disk_backend_commit_\(phase)_duration_seconds",
                "Phases of a commit that this database does not have.", usual)
        }
        databaseBytes = r.computed(
            "etcd_mvcc_db_total_size_in_bytes", "Size of the database file in bytes.")
        r.alias(
            "etcd_debugging_mvcc_db_total_size_in_bytes",
            "Older name of etcd_mvcc_db_total_size_in_bytes.", of: databaseBytes)
        databaseBytesInUse = r.computed(
            "etcd_mvcc_db_total_size_in_use_in_bytes", "Bytes of the database that hold data.")
        openReadTransactions = r.computed(
            "etcd_mvcc_db_open_read_transactions", "Read transactions that are open.")
    }
}

/// Snapshot files.
package struct SnapshotMetrics: Sendable {
    package let fsyncDuration: Histogram
    package let saveDuration: Histogram
    package let marshalDuration: Histogram
    package let databaseFsyncDuration: Histogram
    package let databaseSaveDuration: Histogram
    package let appliesInProgress: Gauge

    init(_ r: MetricsRegistry) {
        let usual = Histogram.Buckets.exponential(0.001, 2, 14)
        fsyncDuration = r.histogram(
            "etcd_snap_fsync_duration_seconds", "Time of a sync of a snapshot file.", usual)
        saveDuration = r.histogram(
            "etcd_debugging_snap_save_total_duration_seconds", "Time to write a snapshot file.", usual)
        marshalDuration = r.histogram(
            "etcd_debugging_snap_save_marshalling_duration_seconds",
            "Time to encode a snapshot file.", usual)
        databaseFsyncDuration = r.histogram(
            "etcd_snap_db_fsync_duration_seconds", "Time of a sync of a received database.", usual)
        databaseSaveDuration = r.histogram(
            "etcd_snap_db_save_total_duration_seconds", "Time to store a received database.",
            .exponential(0.1, 2, 10))
        appliesInProgress = r.gauge(
            "etcd_server_snapshot_apply_in_progress_total", "1 while a received snapshot is applied.")
    }
}

/// Operations on keys.
package struct KeyspaceMetrics: Sendable {
    package let puts: Counter
    package let deletes: Counter
    package let ranges: Counter
    package let txns: Counter
    package let hashDuration: Histogram
    package let hashRevisionDuration: Histogram
    package let keys: ComputedGauge
    package let currentRevision: ComputedGauge
    package let compactRevision: ComputedGauge
    package let putBytes: Gauge

    init(_ r: MetricsRegistry) {
        puts = r.counter("etcd_mvcc_put_total", "Puts this member applied.")
        deletes = r.counter("etcd_mvcc_delete_total", "Deletes this member applied.")
        ranges = r.counter("etcd_mvcc_range_total", "Ranges this member executed.")
        txns = r.counter("etcd_mvcc_txn_total", "Transactions this member applied.")
        for (kind, counter) in [("put", puts), ("delete", deletes), ("range", ranges), ("txn", txns)] {
            r.alias(
                "etcd_debugging_mvcc_\(kind)_total", "Older name of etcd_mvcc_\(kind)_total.", of: counter)
        }
        let long = Histogram.Buckets.exponential(0.01, 2, 15)
        hashDuration = r.histogram(
            "etcd_mvcc_hash_duration_seconds", "Time to hash the database.", long)
        hashRevisionDuration = r.histogram(
            "etcd_mvcc_hash_rev_duration_seconds", "Time to hash the keys up to a revision.", long)
        keys = r.computed("etcd_debugging_mvcc_keys_total", "Keys that exist.")
        currentRevision = r.computed("etcd_debugging_mvcc_current_revision", "The current revision.")
        compactRevision = r.computed("etcd_debugging_mvcc_compact_revision", "The compacted revision.")
        putBytes = r.gauge(
            "etcd_debugging_mvcc_total_put_size_in_bytes", "Bytes of keys and values that were put.")
    }
}

/// Watches.
package struct WatchMetrics: Sendable {
    package let streams: Gauge
    package let watchers: Gauge
    package let slowWatchers: Gauge
    package let events: Counter
    package let pendingEvents: Gauge

    init(_ r: MetricsRegistry) {
        streams = r.gauge("etcd_debugging_mvcc_watch_stream_total", "Watch streams that are open.")
        watchers = r.gauge("etcd_debugging_mvcc_watcher_total", "Watches that are open.")
        slowWatchers = r.gauge(
            "etcd_debugging_mvcc_slow_watcher_total", "Watches behind the current revision.")
        events = r.counter("etcd_debugging_mvcc_events_total", "Events sent.")
        pendingEvents = r.gauge("etcd_debugging_mvcc_pending_events_total", "Events to be sent.")
        for part in ["watch_stream", "watch_stream_duration_per_event", "control_stream", "progress"] {
            let name = part == "watch_stream_duration_per_event" ? part : part + "_duration"
            _ = r.histogram(
                "etcd_debugging_server_watch_send_loop_\(name)_seconds",
                "Time of a part of the loop that sends watch answers.", .exponential(0.001, 2, 14))
        }
    }
}

/// Compactions.
package struct CompactionMetrics: Sendable {
    package let removedKeys: Counter
    /// Seconds since 1970.
    package let last: Gauge
    /// In milliseconds.
    package let pause: Histogram
    /// In milliseconds.
    package let total: Histogram
    /// In milliseconds.
    package let indexPause: Histogram

    init(_ r: MetricsRegistry) {
        removedKeys = r.counter(
            "etcd_debugging_mvcc_db_compaction_keys_total", "Revisions removed by compactions.")
        last = r.gauge(
            "etcd_debugging_mvcc_db_compaction_last", "When the last compaction ended, in Unix time.")
        pause = r.histogram(
            "etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds",
            "Time of one step of a compaction.", .exponential(1, 2, 13))
        total = r.histogram(
            "etcd_debugging_mvcc_db_compaction_total_duration_milliseconds",
            "Time of a compaction.", .exponential(100, 2, 14))
        indexPause = r.histogram(
            "etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds",
            "Time for which a compaction holds the index.", .exponential(0.5, 2, 14))
    }
}

/// Leases.
package struct LeaseMetrics: Sendable {
    package let granted: Counter
    package let revoked: Counter
    package let renewed: Counter
    package let expired: Counter
    /// In seconds.
    package let ttl: Histogram

    init(_ r: MetricsRegistry) {
        granted = r.counter("etcd_debugging_lease_granted_total", "Leases granted.")
        revoked = r.counter("etcd_debugging_lease_revoked_total", "Leases revoked.")
        renewed = r.counter("etcd_debugging_lease_renewed_total", "Renewals the leader saw.")
        expired = r.counter("etcd_debugging_server_lease_expired_total", "Leases that expired.")
        ttl = r.histogram(
            "etcd_debugging_lease_ttl_total", "Times to live of granted leases, in seconds.",
            .exponential(1, 2, 24))
    }
}
