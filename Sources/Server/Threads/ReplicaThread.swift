import Net

/// The thread of the `ReplicaWorker`: a turn whenever its bell rings, and the ticks.
struct ReplicaThread {
    let desk: Desk<ReplicaWorker>
    let bell: Doorbell
    let tickInterval: Duration

    /// Runs until told to stop; returns with the log closed, if the worker still had it.
    func run() {
        desk.work { $0.begin() }
        var nextTick = MonotonicTime.now() + tickInterval
        var isStopping = false
        while !isStopping {
            let now = MonotonicTime.now()
            let isTick = now >= nextTick
            if isTick {
                // A thread that was held up ticks once: time it did not run must not cause an election.
                nextTick = max(nextTick + tickInterval, now)
            } else {
                bell.wait(timeout: nextTick - now)
            }
            isStopping = desk.work { worker in
                if isTick { worker.tick() }
                worker.turn()
                return worker.isStopping
            }
        }
        desk.work { $0.end() }
    }
}
