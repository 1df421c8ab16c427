import Net

/// What a protocol session needs of the connection it runs on; tests and micro benchmarks stand in for it.
package protocol SessionHost: AnyObject {
    var now: MonotonicTime { get }
    var peerDescription: String { get }
    /// There is output: pull it at the end of this pass. Calls nothing of the session's meanwhile.
    func requestFlush()
    /// Read nothing from the peer until told to read on.
    func pauseReading()
    func resumeReading()
    /// Call `tick` at this time, or earlier if asked to before.
    func wake(at time: MonotonicTime)
    /// Close when all output is written.
    func closeWhenFlushed()
    /// Close now.
    func close()
}
