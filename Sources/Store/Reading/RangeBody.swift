import MVCC

/// A RangeResponse that is pulled in pieces: its size is known at once, its bytes are made as they are
/// asked for. Memory does not grow with the answer: one piece and one pair are held.
package final class RangeBody {
    /// A piece is finished with the pair that takes it past this size.
    private static let pieceBytes = 32 << 10

    /// Bytes of the whole message.
    package let size: Int
    private let answer: RangeAnswer
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
                guard try makePiece() else { break }
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

    private func makePiece() throws(MVCCError) -> Bool {
        guard !isTailWritten, !isReleased else { return false }
        piece.removeAll(keepingCapacity: true)
        pieceOffset = 0
        while nextPair < answer.length, piece.count < RangeBody.pieceBytes {
            try answer.appendPair(at: nextPair, to: &piece)
            nextPair += 1
        }
        if nextPair == answer.length {
            answer.appendTail(to: &piece)
            isTailWritten = true
            release()
        }
        return true
    }
}
