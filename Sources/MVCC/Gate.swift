import Glibc

/// Where the apply thread waits for the flush thread: a mutex and a condition variable.
@safe final class Gate: @unchecked Sendable {
    // Sendable: pthread objects are made to be shared; their addresses never change.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        let codes = unsafe (pthread_mutex_init(mutex, nil), pthread_cond_init(condition, nil))
        precondition(codes == (0, 0), "pthread init")
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Waits until `isOpen` answers true; it is asked again after each `announce`.
    func wait(until isOpen: () -> Bool) {
        unsafe pthread_mutex_lock(mutex)
        while !isOpen() { unsafe pthread_cond_wait(condition, mutex) }
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Says that what `wait` asks for may have changed.
    func announce() {
        unsafe pthread_mutex_lock(mutex)
        unsafe pthread_cond_broadcast(condition)
        unsafe pthread_mutex_unlock(mutex)
    }
}
