import Net

/// The thread of the `ApplyWorker`: a turn whenever its bell rings, unless the flush is too far behind.
struct ApplyThread {
    let desk: Desk<ApplyWorker>
    let bell: Doorbell
    let flushing: FlushDemand

    /// Runs until told to stop.
    func run() {
        var isStopping = false
        while !isStopping {
            bell.wait()
            isStopping = desk.work { worker in
                worker.turn()
                return worker.isStopping
            }
            flushing.awaitRoom()
        }
    }
}
