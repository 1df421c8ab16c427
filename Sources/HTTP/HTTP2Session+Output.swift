import HPACK
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
    /// No stream gets its turn while there is less room: for a frame of 16 KiB, and small ones around it.
    private static let turnBytes = HTTP2FrameHead.payloadBytesMax + 64

    /// Fills `buffer` with frames and answers how many bytes; 0 when there is nothing to say now.
    package final func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        unsafe output = OutputCursor(buffer)
        repeat { fill() } while tellDrained() && output.room >= Self.turnBytes
        let count = output.count
        output = OutputCursor()
        let isAlive = isAlive
        isSilent = isAlive && !hasOutput
        if count == 0, !isAlive { host?.closeWhenFlushed() }
        return count
    }

    /// Lets everyone speak in turn until nobody has anything to say or the buffer is full.
    private func fill() {
        while true {
            if !control.isEmpty {
                control.move(to: &output)
                guard control.isEmpty else { return }
                unsentAcknowledgements = 0
            }
            guard output.room >= Self.turnBytes, let stream = nextSpeaker() else { return }
            if stream.isListed { speak(stream) }
        }
    }

    /// Who gets a turn. Those that waited for the connection's window come first, and as many as it takes;
    /// the others stay where they are.
    private func nextSpeaker() -> HTTP2Stream? {
        if sendWindow > 0, let stream = blocked.popFirst() {
            stream.isBlocked = false
            return stream
        }
        let stream = ready.popFirst()
        stream?.isReady = false
        return stream
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

    /// One turn: at most one frame of DATA, with what comes before and behind it.
    private func speak(_ stream: HTTP2Stream) {
        if let code = stream.resetCode {
            if stream.streamID != 0 { appendReset(stream.streamID, code) }
            return close(stream, code)
        }
        if stream.isLocalClosed || stream.owesHead && !writeHead(stream) { return }
        if !control.isEmpty { return beginsToSpeak(stream) }  // a head of several frames goes first
        let available = stream.outbound.byteCount
        if available > 0 {
            let window = min(sendWindow, stream.sendWindow)
            let room = min(HTTP2FrameHead.payloadBytesMax, output.room - HTTP2FrameHead.size)
            let count = min(available, window, room)
            guard count > 0 else { return wait(stream) }
            let isLast = count == available && stream.isOutputWhole
            guard writeData(stream, count, endsStream: isLast && endsWithData) else {
                return reset(stream, .internalError)  // a source failed
            }
            if !isLast {
                if count < available { beginsToSpeak(stream) }
                return
            }
            if endsWithData { return outputEnded(stream) }
        } else if !stream.isOutputWhole {
            return
        }
        writeEnd(stream)
        outputEnded(stream)
    }

    /// A window holds the stream back. Its own is opened by name; the connection's for whoever waits.
    private func wait(_ stream: HTTP2Stream) {
        guard stream.sendWindow > 0 else { return }
        if sendWindow > 0 { return beginsToSpeak(stream) }  // only the buffer is full
        if stream.isBlocked { return }
        stream.isBlocked = true
        blocked.append(stream)
    }

    /// Our END_STREAM is written.
    private func outputEnded(_ stream: HTTP2Stream) {
        stream.isLocalClosed = true
        if stream.isRemoteClosed { close(stream, .noError) } else { outputEndedFirst(stream) }
    }

    /// Writes a frame of `count` bytes from the stream's queue; false, and nothing written, when a source
    /// failed.
    private func writeData(_ stream: HTTP2Stream, _ count: Int, endsStream: Bool) -> Bool {
        let start = output.count
        let flags = endsStream ? HTTP2Flag.endStream : 0
        let head = HTTP2FrameHead(length: count, .data, flags: flags, stream.streamID)
        unsafe head.write(to: output.next(HTTP2FrameHead.size))
        let held = stream.outbound.heldBytes
        let isCopied = unsafe stream.outbound.copy(into: output.next(count))
        unsentBytes -= held - stream.outbound.heldBytes
        guard isCopied else {
            output.rewind(to: start)
            return false
        }
        sendWindow -= count
        stream.sendWindow -= count
        keepalive.sentHeadersOrData()
        if stream.outbound.sourceCount > 0, let host { stream.lastProgress = host.now }
        if stream.isAboveLowWater, stream.outbound.byteCount < limits.lowWaterBytes {
            stream.isAboveLowWater = false
            drained.append(stream)
        }
        return true
    }

    /// Writes the header block of a list.
    final func writeHeaders(_ streamID: Int32, _ list: HeaderList, endsStream: Bool) {
        block.removeAll(keepingCapacity: true)
        encoder.encode(list, into: &block)
        writeBlock(streamID, endsStream: endsStream)
    }

    /// Writes a header block that is not expected again.
    final func writeHeaders(_ streamID: Int32, _ fields: [(String, [UInt8])], endsStream: Bool) {
        block.removeAll(keepingCapacity: true)
        encoder.encodeOnce(fields, into: &block)
        writeBlock(streamID, endsStream: endsStream)
    }

    /// Writes `block`: to the buffer where it has room, else behind what waits for the next one.
    private func writeBlock(_ streamID: Int32, endsStream: Bool) {
        keepalive.sentHeadersOrData()
        let endStream = endsStream ? HTTP2Flag.endStream : 0
        if control.isEmpty,
            block.count <= min(HTTP2FrameHead.payloadBytesMax, output.room - HTTP2FrameHead.size)
        {
            let flags = endStream | HTTP2Flag.endHeaders
            let head = HTTP2FrameHead(length: block.count, .headers, flags: flags, streamID)
            unsafe head.write(to: output.next(HTTP2FrameHead.size))
            unsafe block.withUnsafeBytes { unsafe output.append($0) }
            return
        }
        var rest = block[...]
        var type = HTTP2FrameType.headers
        var flags = endStream
        repeat {
            let part = rest.prefix(HTTP2FrameHead.payloadBytesMax)
            rest = rest.dropFirst(part.count)
            if rest.isEmpty { flags |= HTTP2Flag.endHeaders }
            control.append(HTTP2FrameHead(length: part.count, type, flags: flags, streamID))
            control.append(part)
            (type, flags) = (.continuation, 0)
        } while !rest.isEmpty
    }

    /// A message was queued.
    final func count(_ stream: HTTP2Stream, bytes: Int) {
        unsentBytes += bytes
        if stream.outbound.byteCount >= limits.lowWaterBytes { stream.isAboveLowWater = true }
        if stream.outbound.sourceCount > 0, let host {
            if stream.outbound.sourceCount == 1 { stream.lastProgress = host.now }
            host.wake(at: host.now + limits.stallTimeout)
        }
    }

    /// A stream that had nothing to say has something now.
    final func resume(_ stream: HTTP2Stream) {
        beginsToSpeak(stream)
        requestFlush()
    }
}
