import Synchronization

/// Carries one value to the thread that will own it.
final class Handover<Value: ~Copyable & Sendable>: Sendable {
    private let value: Mutex<Value?>

    init(_ value: consuming Value) { self.value = Mutex(value) }

    /// The value; once.
    func take() -> Value {
        var taken: Value? = nil
        value.withLock { swap(&$0, &taken) }
        guard let taken = taken.take() else { preconditionFailure("a handover is taken once") }
        return taken
    }
}
