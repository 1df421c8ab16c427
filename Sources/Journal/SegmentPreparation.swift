import Glibc
import Synchronization

/// The next segment, made ahead: blocks reserved, zeros written over all of them, synced, locked.
///
/// Zeros matter: a write into blocks that are only reserved makes the file system commit its journal at each
/// sync (198 us instead of 120 us per batch of 35 KB, store-measurements.md 4). They are written by a thread
/// of their own in small chunks with pauses, so that no save waits behind them; a cut that comes early asks
/// it to hurry. Without a thread (`PreparationStyle.onTheSpot`) the cut itself pays.
///
/// Owned by the log's thread; the filler shares `hurries`, `isCancelled` and `outcome` only.
final class SegmentPreparation: Sendable {
    private let disk: any Disk
    private let path: String
    private let options: LogOptions
    private let hurries = Atomic<Bool>(false)
    private let isCancelled = Atomic<Bool>(false)
    /// Set once, by the filler, as its last act; emptied by the one who joined it.
    private let outcome = Mutex<Result<OpenFile, DiskError>?>(nil)
    /// Emptied by the one who joins it.
    private let thread = Mutex<pthread_t?>(nil)

    /// Starts a filler thread. When none can be had, `finish` does the work itself.
    init(disk: any Disk, path: String, options: LogOptions) {
        self.disk = disk
        self.path = path
        self.options = options
        var id = pthread_t()
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        let failure = unsafe pthread_create(
            &id, nil,
            { context in
                guard let context = unsafe context else { return nil }
                // Balances passRetained above; pthread calls this once.
                unsafe Unmanaged<SegmentPreparation>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context)
        if failure == 0 {
            thread.withLock { $0 = id }
        } else {
            unsafe Unmanaged<SegmentPreparation>.fromOpaque(context).release()
        }
    }

    /// Waits for the filler and returns its segment, which the caller now owns. A preparation that failed
    /// (or could not start) is done again here, so that the failure reported is the present one.
    func finish() throws(DiskError) -> OpenFile {
        hurries.store(true, ordering: .relaxed)
        if case .success(let file)? = join() { return file }
        return try Self.prepare(disk: disk, path: path, options: options, pause: {})
    }

    /// Stops the filler and removes what it made.
    func cancel() {
        isCancelled.store(true, ordering: .relaxed)
        hurries.store(true, ordering: .relaxed)
        if case .success(let file)? = join() { disk.close(file) }
        // Left behind, it would be removed by the next recovery.
        try? disk.remove(path)
    }

    private func join() -> Result<OpenFile, DiskError>? {
        guard let id = thread.withLock({ $0.take() }) else { return nil }
        _ = pthread_join(id, nil)
        return outcome.withLock { $0.take() }
    }

    private func run() {
        let result: Result<OpenFile, DiskError>
        do throws(DiskError) {
            result = .success(
                try Self.prepare(disk: disk, path: path, options: options) { () throws(DiskError) in
                    if isCancelled.load(ordering: .relaxed) {
                        throw DiskError(.thread, path: path, errno: ECANCELED)
                    }
                    if hurries.load(ordering: .relaxed) { return }
                    var pause = timespec(tv_sec: 0, tv_nsec: Limits.fillPauseNanoseconds)
                    unsafe nanosleep(&pause, nil)
                })
        } catch {
            result = .failure(error)
        }
        outcome.withLock { $0 = result }
    }

    /// Makes a zeroed, synced and locked file of the nominal size, in whole blocks; `pause` is called between
    /// chunks.
    static func prepare(
        disk: any Disk, path: String, options: LogOptions, pause: () throws(DiskError) -> Void
    ) throws(DiskError) -> OpenFile {
        let file = try disk.open(path, .create(permissions: 0o600))
        do throws(DiskError) {
            guard try disk.lock(file) else { throw DiskError(.lock, path: path, errno: EWOULDBLOCK) }
            if options.bypassesCache { disk.bypassCache(file) }
            let block = UInt64(Limits.blockSize)
            let size = (options.segmentSize + block - 1) / block * block
            try disk.allocate(file, size: size)
            try zero(disk: disk, file: file, from: 0, to: size, pause: pause)
            try disk.sync(file)
            return file
        } catch {
            disk.close(file)
            try? disk.remove(path)  // a full disk gets its room back; a name left behind does no harm
            throw error
        }
    }

    /// Writes zeros over a range.
    static func zero(
        disk: any Disk, file: OpenFile, from start: UInt64, to end: UInt64,
        pause: () throws(DiskError) -> Void = {}
    ) throws(DiskError) {
        guard start < end else { return }
        let zeros = BlockMemory(capacity: Int(min(end - start, UInt64(Limits.fillChunkSize))))
        unsafe zeros.bytes.initializeMemory(as: UInt8.self, repeating: 0)
        var position = start
        while position < end {
            let count = min(UInt64(zeros.capacity), end - position)
            try unsafe disk.write(file, at: position, RawSpan(_unsafeBytes: zeros.bytes[..<Int(count)]))
            // Has nothing to do where the write went past the page cache.
            disk.startWriteback(file, offset: position, size: count)
            position += count
            try pause()
        }
    }
}
