import Net
import Services

/// What arrives at a password thread.
enum PasswordInput: Sendable {
    /// Not begun after `deadline`: whoever waited has been told then.
    case work(id: UInt64, PasswordWork, deadline: MonotonicTime)
    case stop
}

/// A thread that hashes and checks passwords: bcrypt takes 60 ms of a processor for each, on purpose.
struct PasswordThread {
    private let index: Int
    private let switchboard: Switchboard

    init(index: Int, switchboard: Switchboard) {
        self.index = index
        self.switchboard = switchboard
    }

    /// Runs until told to stop.
    func run() {
        var batch: [PasswordInput] = []
        var isStopping = false
        while !isStopping {
            switchboard.passwordBells[index].wait()
            switchboard.passwords[index].drain(into: &batch)
            for input in batch {
                switch input {
                case .work(let id, let work, let deadline):
                    guard MonotonicTime.now() < deadline else { continue }
                    switchboard.tell(waiterOf: id, .worked(id, work.perform()))
                case .stop: isStopping = true
                }
            }
            batch.removeAll(keepingCapacity: true)
        }
    }
}
