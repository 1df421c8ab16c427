import Synchronization

/// A worker that has a thread of its own, whose turns another thread may take while that one is not at it.
///
/// The lock is held for a whole turn, syncs of the disk included: its only other user never waits for it
/// (`workIfFree`), so that nobody but the worker's own thread is ever held up by it.
final class Desk<Worker: ~Copyable>: Sendable {
    /// Held for as long as a turn takes.
    private let worker: Mutex<Worker>

    init(_ worker: consuming sending Worker) { self.worker = Mutex(worker) }

    /// Waits until nobody else is at it.
    func work<Result: Sendable>(_ body: (inout Worker) -> Result) -> Result {
        worker.withLock { body(&$0) }
    }

    /// Nil, and nothing done, while somebody else is at it.
    func workIfFree<Result: Sendable>(_ body: (inout Worker) -> Result) -> Result? {
        worker.withLockIfAvailable { body(&$0) }
    }
}
