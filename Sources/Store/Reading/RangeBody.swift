import MVCC

/// A RangeResponse that is pulled in pieces: its size is known at once, its bytes are made as they are
/// asked for. Pairs go from the database straight into the buffers they are asked for with; what does not fit
/// into the rest of one is made in a piece of its own, so that memory does not grow with the answer.
package final class RangeBody {
    /// Bytes of the whole message.
    package let size: Int
    private let answer: RangeAnswer
    /// The header, a pair across two buffers, or the tail.
    private var piece: [UInt8]
    private var pieceOffset = 0
    private var nextPair = 0
    private var isTailWritten = false
    private var isReleased = false

    /// `header`: the bytes that come first, field 1 of the message. The body takes over the answer and
    /// releases it when the last byte was pulled or the body goes away.
    package init(_ answer: RangeAnswer, header: [UInt8]) throws(MVCCError) {
        self.answer = answer
        piece = header
        size = header.count + (try answer.bodySize())
    }

    deinit { release() }

    /// Writes the next bytes into `buffer` and says how many; less than its size only at the end.
    /// When the database fails the message cannot be finished: the call has to be broken off.
    package func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(MVCCError) -> Int {
        var written = 0
        while written < buffer.count {
            if pieceOffset == piece.count {
                if nextPair < answer.length, !isReleased {
                    let pairs = try unsafe answer.writePairs(
                        from: nextPair, into: UnsafeMutableRawBufferPointer(rebasing: buffer[written...]))
                    nextPair += pairs.count
                    written += pairs.bytes
                }
                guard written < buffer.count, try makePiece() else { break }
            }
            let count = min(buffer.count - written, piece.count - pieceOffset)
            // Both ranges lie inside their buffers: count is bounded by what is left of each.
            unsafe piece.withUnsafeBytes { source in
                unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[written..<written + count])
                    .copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: source[pieceOffset..<pieceOffset + count]))
            }
            pieceOffset += count
            written += count
        }
        return written
    }

    /// Gives the snapshot back early, for example when the call was cancelled.
    package func release() {
        guard !isReleased else { return }
        isReleased = true
        answer.release()
    }

    /// False when there is nothing more.
    private func makePiece() throws(MVCCError) -> Bool {
        guard !isTailWritten, !isReleased else { return false }
        piece.removeAll(keepingCapacity: true)
        pieceOffset = 0
        if nextPair < answer.length {
            try answer.appendPair(at: nextPair, to: &piece)
            nextPair += 1
        } else {
            answer.appendTail(to: &piece)
            isTailWritten = true
            release()
        }
        return true
    }
}
