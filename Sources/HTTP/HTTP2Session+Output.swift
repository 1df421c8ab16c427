import CNgHTTP2
import Net

/// The write buffer of the flush that is running, and how far it is filled.
@safe struct OutputCursor {
    private var buffer = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private(set) var count = 0

    init() {}

    init(_ buffer: UnsafeMutableRawBufferPointer) { unsafe self.buffer = buffer }

    var room: Int { unsafe buffer.count - count }

    mutating func append(_ bytes: UnsafeRawBufferPointer) { unsafe next(bytes.count).copyMemory(from: bytes) }

    mutating func rewind(to start: Int) {
        precondition(start <= count, "a rewind goes back")
        count = start
    }

    /// The next `size` bytes, to be written by the caller.
    mutating func next(_ size: Int) -> UnsafeMutableRawBufferPointer {
        precondition(size <= room, "a flush stays within its buffer")
        defer { count += size }
        return unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count..<count + size])
    }
}

/// From streams to bytes.
extension HTTP2Session {
    /// More than any one piece nghttp2 hands out, or has written at once: a frame of 16 KiB and its head.
    /// With less room it is not asked.
    private static let pieceBytesMax = 16 * 1024 + 64

    /// Fills `buffer` with frames and answers how many bytes; 0 when there is nothing to say now.
    package final func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        unsafe output = OutputCursor(buffer)
        repeat {
            guard fill() else {
                output = OutputCursor()
                host?.close()
                return 0
            }
        } while tellDrained() && output.room >= Self.pieceBytesMax
        let count = output.count
        // nghttp2 was asked until it had nothing: else it may be in the midst of something.
        let isFinished = output.room >= Self.pieceBytesMax
        output = OutputCursor()
        let isAlive = isAlive
        isSilent = isFinished && isAlive && !hasOutput
        if count == 0, !isAlive { host?.closeWhenFlushed() }
        return count
    }

    /// Takes frames from nghttp2 until it has none or the buffer is full; false when nghttp2 gave up.
    private func fill() -> Bool {
        while output.room >= Self.pieceBytesMax {
            var piece: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &piece)
            if count < 0 { return false }
            if count == 0 { return true }
            unsafe output.append(UnsafeRawBufferPointer(start: piece, count: count))
        }
        return true
    }

    /// Tells the streams whose queues ran low; true when there were any.
    private func tellDrained() -> Bool {
        if drained.isEmpty { return false }
        let waiting = drained
        drained.removeAll(keepingCapacity: true)
        for stream in waiting where stream.isOpen { stream.drained() }
        // What a handler leaves to the end of the pass comes after this flush, and must not wait for others.
        requestFlush()
        return true
    }

    /// nghttp2 asks how much of a stream's DATA comes next; `room` is what frame and windows allow.
    final func offerData(_ stream: HTTP2Stream, room: Int, _ flags: inout UInt32) -> Int {
        let available = stream.outbound.byteCount
        if available == 0, !stream.isOutputWhole {
            // Nobody else speaks: it stays where it is. Setting it aside, and taking it up again for its next
            // message, would be a third of nghttp2's work for a message.
            guard hasOutput else { return Int(NGHTTP2_ERR_PAUSE.rawValue) }
            stream.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if available <= room, stream.isOutputWhole {
            flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
            hasSpoken(stream)
            endOutput(stream, &flags)
        }
        return min(available, room)
    }

    /// Writes the frame that was offered: its head, then the bytes from the stream's queue.
    final func writeData(_ stream: HTTP2Stream, head: UnsafeRawBufferPointer, count: Int) -> Int32 {
        let start = output.count
        unsafe output.append(head)
        let held = stream.outbound.heldBytes
        let isCopied = unsafe stream.outbound.copy(into: output.next(count))
        unsentBytes -= held - stream.outbound.heldBytes
        if !isCopied {  // a source failed: the frame is taken back and the stream reset, INTERNAL_ERROR
            output.rewind(to: start)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        if stream.outbound.isEmpty, !stream.isOutputWhole { hasSpoken(stream) }
        if stream.outbound.sourceCount > 0, let host { stream.lastProgress = host.now }
        if stream.isAboveLowWater, stream.outbound.byteCount < limits.lowWaterBytes {
            stream.isAboveLowWater = false
            drained.append(stream)
        }
        // Else nghttp2 goes on with what follows, trailers for one, without asking whether that fits; where
        // nothing follows, it would ask the streams once more.
        return output.room < Self.pieceBytesMax || !hasOutput ? NGHTTP2_ERR_PAUSE.rawValue : 0
    }

    /// A message was queued.
    final func count(_ stream: HTTP2Stream, bytes: Int) {
        unsentBytes += bytes
        beginsToSpeak(stream)
        if stream.outbound.byteCount >= limits.lowWaterBytes { stream.isAboveLowWater = true }
        if stream.outbound.sourceCount > 0, let host {
            if stream.outbound.sourceCount == 1 { stream.lastProgress = host.now }
            host.wake(at: host.now + limits.stallTimeout)
        }
    }

    /// A stream that had nothing to say has something now.
    final func resume(_ stream: HTTP2Stream) {
        beginsToSpeak(stream)
        if stream.isDeferred {
            stream.isDeferred = false
            must(unsafe nghttp2_session_resume_data(session, stream.streamID))
        }
        requestFlush()
    }
}
