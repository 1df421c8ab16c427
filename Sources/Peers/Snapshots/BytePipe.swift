import Net
import Synchronization

/// Bytes between the loop and the thread of one transfer, in pieces and bounded; either may be the writer.
///
/// The thread sleeps at its doorbell while it cannot go on; the loop is told by `wakeLoop`, once until it has
/// looked. Both see `cancel`.
final class BytePipe: Sendable {
    private struct Contents {
        var pieces: [[UInt8]] = []
        var bytes = 0
        var isEnded = false
        var isCancelled = false
        /// The loop was told and has not looked yet.
        var isLoopRung = false
        /// The loop found no room and waits to hear of some.
        var isLoopWaiting = false
    }

    /// What a reader finds.
    enum Piece {
        case bytes([UInt8])
        case ended
        case cancelled
    }

    /// Held for an append or a removal only.
    private let contents = Mutex(Contents())
    private let capacity: Int
    private let bell: Doorbell
    private let wakeLoop: @Sendable () -> Void

    /// Holds about `capacity` bytes: one piece more than fits is taken.
    init(capacity: Int, wakeLoop: @escaping @Sendable () -> Void) throws(NetError) {
        self.capacity = capacity
        bell = try Doorbell()
        self.wakeLoop = wakeLoop
    }

    /// Both sides stop.
    func cancel() {
        contents.withLock { $0.isCancelled = true }
        bell.ring()
    }

    // The thread's side.

    /// Waits for room and appends; false when cancelled.
    func writeFromThread(_ piece: [UInt8]) -> Bool {
        while true {
            let (isDone, mustRing, isCancelled) = contents.withLock { contents in
                if contents.isCancelled { return (false, false, true) }
                guard contents.bytes < capacity else { return (false, false, false) }
                contents.pieces.append(piece)
                contents.bytes += piece.count
                let mustRing = !contents.isLoopRung
                contents.isLoopRung = true
                return (true, mustRing, false)
            }
            if mustRing { wakeLoop() }
            if isCancelled { return false }
            if isDone { return true }
            bell.wait()
        }
    }

    /// Waits for a piece, the end, or `cancel`.
    func readFromThread() -> Piece {
        while true {
            let (piece, mustRing): (Piece?, Bool) = contents.withLock { contents in
                if contents.isCancelled { return (.cancelled, false) }
                guard !contents.pieces.isEmpty else { return (contents.isEnded ? .ended : nil, false) }
                let piece = contents.pieces.removeFirst()
                contents.bytes -= piece.count
                let mustRing = contents.isLoopWaiting && contents.bytes <= capacity / 2
                if mustRing { contents.isLoopWaiting = false }
                return (.bytes(piece), mustRing)
            }
            if mustRing { wakeLoop() }
            if let piece { return piece }
            bell.wait()
        }
    }

    /// Sleeps for at most `duration`; false when cancelled.
    func pauseThread(_ duration: Duration) -> Bool {
        let end = MonotonicTime.now() + duration
        while true {
            if contents.withLock({ $0.isCancelled }) { return false }
            let rest = end - MonotonicTime.now()
            if rest <= .zero { return true }
            bell.wait(timeout: rest)
        }
    }

    // The loop's side.

    /// The next piece; nil when there is none now.
    func readFromLoop() -> [UInt8]? {
        let (piece, mustRing): ([UInt8]?, Bool) = contents.withLock { contents in
            contents.isLoopRung = false
            guard !contents.pieces.isEmpty else { return (nil, false) }
            let piece = contents.pieces.removeFirst()
            let wasFull = contents.bytes >= capacity
            contents.bytes -= piece.count
            return (piece, wasFull && contents.bytes < capacity)
        }
        if mustRing { bell.ring() }
        return piece
    }

    /// Appends in any case; false when the loop should wait until it is woken.
    func writeFromLoop(_ piece: [UInt8]) -> Bool {
        let hasRoom = contents.withLock { contents in
            contents.pieces.append(piece)
            contents.bytes += piece.count
            contents.isLoopWaiting = contents.bytes >= capacity
            return !contents.isLoopWaiting
        }
        bell.ring()
        return hasRoom
    }

    /// No more comes.
    func endFromLoop() {
        contents.withLock { $0.isEnded = true }
        bell.ring()
    }
}
