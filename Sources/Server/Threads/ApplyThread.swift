import Net

/// The thread of the `ApplyWorker`: a turn whenever its bell rings.
struct ApplyThread {
    let desk: Desk<ApplyWorker>
    let bell: Doorbell

    /// Runs until told to stop.
    func run() {
        var isStopping = false
        while !isStopping {
            bell.wait()
            isStopping = desk.work { worker in
                worker.turn()
                return worker.isStopping
            }
        }
    }
}
