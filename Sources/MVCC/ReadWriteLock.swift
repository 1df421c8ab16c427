import Glibc

/// Many readers or one writer; a waiting writer goes before new readers, so that a stream of ranges cannot
/// hold up the apply thread. Held for microseconds and never across a system call that waits for a disk.
@safe final class ReadWriteLock: @unchecked Sendable {
    // Sendable: the pthread lock is made to be shared; its address never changes.
    private let lock: UnsafeMutablePointer<pthread_rwlock_t>

    init() {
        unsafe lock = .allocate(capacity: 1)
        var attributes = pthread_rwlockattr_t()
        unsafe pthread_rwlockattr_init(&attributes)
        // PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP; glibc's default starves writers.
        unsafe pthread_rwlockattr_setkind_np(&attributes, 2)
        let code = unsafe pthread_rwlock_init(lock, &attributes)
        precondition(code == 0, "pthread_rwlock_init")
        unsafe pthread_rwlockattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_rwlock_destroy(lock)
        unsafe lock.deallocate()
    }

    @inline(__always)
    func read<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        let code = unsafe pthread_rwlock_rdlock(lock)
        precondition(code == 0, "pthread_rwlock_rdlock")
        defer { unsafe pthread_rwlock_unlock(lock) }
        return try body()
    }

    @inline(__always)
    func write<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        let code = unsafe pthread_rwlock_wrlock(lock)
        precondition(code == 0, "pthread_rwlock_wrlock")
        defer { unsafe pthread_rwlock_unlock(lock) }
        return try body()
    }
}
