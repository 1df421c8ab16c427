/// Tells of a loop's passes whether they are for one connection only (`EventLoop.isForOneConnection`).
struct Company {
    /// The socket of the last pass in which only one was ready.
    private var lastSocket: UInt64?
    /// For how many passes in a row, of those in which a socket was ready, it was that one only.
    private var passes = 0
    /// Sockets that were ready in this pass.
    private var sockets = 0
    private var now = MonotonicTime(nanoseconds: 0)
    /// When a socket was ready last, before this pass.
    private var lastHeard = MonotonicTime(nanoseconds: 0)
    private var isQuiet = false

    mutating func beginPass(at time: MonotonicTime) {
        if sockets > 0 { lastHeard = now }
        now = time
        sockets = 0
    }

    /// A socket is ready.
    mutating func heard(_ socket: UInt64) {
        sockets += 1
        if sockets == 1 {
            passes = socket == lastSocket ? passes + 1 : 0
            isQuiet = now - lastHeard >= NetLimits.quietTime
            lastSocket = socket
        } else {
            passes = 0
            lastSocket = nil
        }
    }

    /// The pass has waited until `time`: what is heard next may have come meanwhile, and is no end of quiet.
    mutating func waited(until time: MonotonicTime) { now = time }

    var isForOneConnection: Bool { sockets == 1 && (isQuiet || passes >= NetLimits.lonePasses) }
}
