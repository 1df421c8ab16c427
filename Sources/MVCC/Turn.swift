import Synchronization

/// Who may write the database now: one at a time, each for as long as its disk writes take. (The locks of
/// this module are never held that long.)
@safe final class Turn: Sendable {
    private let isTaken = Atomic(false)
    private let gate = Gate()

    /// Waits until nobody has it.
    func take() {
        if tryTake() { return }
        gate.wait { tryTake() }
    }

    func giveBack() {
        isTaken.store(false, ordering: .releasing)
        gate.announce()
    }

    private func tryTake() -> Bool { !isTaken.exchange(true, ordering: .acquiring) }
}
