import HPACK
import Net

/// What has come of a frame that is not whole yet, and of the header block or DATA it belongs to.
struct HTTP2Input {
    /// Bytes of the preface still to come (RFC 9113 section 3.4); a server's side begins with all of it.
    var prefaceLeft = 0
    /// The first bytes of a frame that is handled only when it is whole.
    var partial: [UInt8] = []

    // DATA is delivered as it comes.
    var dataLeft = 0
    /// Nil while DATA is passed over.
    var dataStream: HTTP2Stream?
    var dataEndsStream = false

    // A header block in several frames.
    /// 0 while there is none.
    var blockStreamID: Int32 = 0
    var blockEndsStream = false
    var block: [UInt8] = []
    var continuations = 0
}

/// From bytes to frames.
extension HTTP2Session {
    /// What a client says first (RFC 9113 section 3.4).
    static let prefaceBytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Takes bytes off the wire.
    package final func receive(_ bytes: UnsafeRawBufferPointer) {
        guard let host else { return }
        keepalive.received(host.now)
        do throws(HTTP2ConnectionError) {
            unsafe try take(bytes)
        } catch {
            terminate(error.code)
        }
        settle()
    }

    private func take(_ bytes: UnsafeRawBufferPointer) throws(HTTP2ConnectionError) {
        var offset = 0
        while offset < bytes.count, isListening {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...])
            if input.dataLeft > 0 {
                offset += unsafe takeData(rest)
            } else if input.prefaceLeft > 0 {
                offset += unsafe takePreface(rest)
            } else if !input.partial.isEmpty {
                offset += unsafe try takeRemainder(rest)
            } else {
                guard let used = unsafe try takeFrame(rest) else {
                    unsafe input.partial.append(contentsOf: rest)
                    return
                }
                offset += used
            }
        }
    }

    private func takePreface(_ bytes: UnsafeRawBufferPointer) -> Int {
        let all = Self.prefaceBytes
        let start = all.count - input.prefaceLeft
        let count = min(bytes.count, input.prefaceLeft)
        guard unsafe bytes[..<count].elementsEqual(all[start..<start + count]) else {
            host?.close()  // no HTTP/2: GOAWAY would mean nothing to it
            input.prefaceLeft = 0
            terminate(.protocolError)
            return bytes.count
        }
        input.prefaceLeft -= count
        return count
    }

    /// Handles the frame at the start; answers how many bytes it took, nil when it is not whole.
    private func takeFrame(_ bytes: UnsafeRawBufferPointer) throws(HTTP2ConnectionError) -> Int? {
        guard bytes.count >= HTTP2FrameHead.size else { return nil }
        let head = unsafe HTTP2FrameHead(bytes)
        if try begins(head) { return HTTP2FrameHead.size }
        let end = HTTP2FrameHead.size + head.length
        guard bytes.count >= end else { return nil }
        unsafe try received(head, UnsafeRawBufferPointer(rebasing: bytes[HTTP2FrameHead.size..<end]))
        return end
    }

    /// Checks a head; true when its frame is DATA that is delivered as it comes.
    private func begins(_ head: HTTP2FrameHead) throws(HTTP2ConnectionError) -> Bool {
        guard head.length <= HTTP2FrameHead.payloadBytesMax else { throw .init(.frameSizeError) }
        if !isGreeted, head.type != HTTP2FrameType.settings.rawValue { throw .init(.protocolError) }
        if input.blockStreamID != 0,
            head.type != HTTP2FrameType.continuation.rawValue || head.streamID != input.blockStreamID
        {
            throw .init(.protocolError)
        }
        guard head.type == HTTP2FrameType.data.rawValue, !head.has(HTTP2Flag.padded) else { return false }
        try beginData(head, count: head.length)
        return true
    }

    /// Adds to a frame that had begun, and handles it when it is whole.
    private func takeRemainder(_ bytes: UnsafeRawBufferPointer) throws(HTTP2ConnectionError) -> Int {
        if input.partial.count < HTTP2FrameHead.size {
            let count = min(bytes.count, HTTP2FrameHead.size - input.partial.count)
            unsafe input.partial.append(contentsOf: bytes[..<count])
            guard input.partial.count == HTTP2FrameHead.size else { return count }
            let head = unsafe input.partial.withUnsafeBytes { unsafe HTTP2FrameHead($0) }
            if try begins(head) {
                input.partial.removeAll(keepingCapacity: true)
            } else if head.length == 0 {
                try takePartial(head)
            }
            return count
        }
        let head = unsafe input.partial.withUnsafeBytes { unsafe HTTP2FrameHead($0) }
        let count = min(bytes.count, HTTP2FrameHead.size + head.length - input.partial.count)
        unsafe input.partial.append(contentsOf: bytes[..<count])
        if input.partial.count == HTTP2FrameHead.size + head.length { try takePartial(head) }
        return count
    }

    private func takePartial(_ head: HTTP2FrameHead) throws(HTTP2ConnectionError) {
        let frame = input.partial
        input.partial = []  // an idle connection holds no buffer
        let result = unsafe frame.withUnsafeBytes { bytes -> HTTP2ConnectionError? in
            do throws(HTTP2ConnectionError) {
                unsafe try received(head, UnsafeRawBufferPointer(rebasing: bytes[HTTP2FrameHead.size...]))
                return nil
            } catch {
                return error
            }
        }
        if let result { throw result }
    }

    private func received(_ head: HTTP2FrameHead, _ payload: UnsafeRawBufferPointer)
        throws(HTTP2ConnectionError)
    {
        switch HTTP2FrameType(rawValue: head.type) {
        case .data: unsafe try receivedPaddedData(head, payload)
        case .headers: unsafe try receivedHeaders(head, payload)
        case .continuation: unsafe try receivedContinuation(head, payload)
        case .priority:  // says nothing any more
            if head.length != 5 { throw .init(.frameSizeError) }
            if head.streamID == 0 { throw .init(.protocolError) }
        case .resetStream: unsafe try receivedReset(head, payload)
        case .settings: unsafe try receivedSettings(head, payload)
        case .ping: unsafe try receivedPing(head, payload)
        case .goAway: unsafe try receivedGoAway(head, payload)
        case .windowUpdate: unsafe try receivedWindowUpdate(head, payload)
        case .pushPromise: throw .init(.protocolError)  // a client does not push, and ours forbids it
        case nil: break
        }
    }

    // DATA.

    /// DATA begins whose content is `count` bytes; the frame counts whole, padding included (section 6.9.1).
    private func beginData(_ head: HTTP2FrameHead, count: Int) throws(HTTP2ConnectionError) {
        guard head.streamID != 0 else { throw .init(.protocolError) }
        receivedBytes += head.length
        guard receivedBytes <= Int(limits.windowBytes) else { throw .init(.flowControlError) }
        input.dataStream = nil
        input.dataEndsStream = head.has(HTTP2Flag.endStream)
        input.dataLeft = count
        if let stream = stream(head.streamID) {
            if stream.isRemoteClosed {
                try resetForMistake(stream, .streamClosed)
            } else if stream.receivedBytes + head.length > Int(limits.windowBytes) {
                try resetForMistake(stream, .flowControlError)
            } else if stream.resetCode == nil {
                stream.receivedBytes += head.length
                input.dataStream = stream
            }
        } else if isIdle(head.streamID) {
            throw .init(.protocolError)
        }
        if count == 0 { finishData() }
    }

    private func takeData(_ bytes: UnsafeRawBufferPointer) -> Int {
        let count = min(bytes.count, input.dataLeft)
        input.dataLeft -= count
        if let stream = input.dataStream {
            unsafe receivedData(stream, UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
        if input.dataLeft == 0 { finishData() }
        return count
    }

    private func receivedPaddedData(
        _ head: HTTP2FrameHead, _ payload: UnsafeRawBufferPointer
    ) throws(HTTP2ConnectionError) {
        let content = unsafe try Self.withoutPadding(head, payload)
        try beginData(head, count: content.count)
        if content.count > 0 { _ = unsafe takeData(content) }
    }

    /// Opens the windows again when half of them is used up.
    private func finishData() {
        let half = Int(limits.windowBytes) / 2
        if receivedBytes >= half {
            appendWindowUpdate(0, receivedBytes)
            receivedBytes = 0
        }
        guard let stream = input.dataStream.take(), stream.isListed else { return }
        if input.dataEndsStream {
            endInput(stream)
        } else if stream.receivedBytes >= half {
            appendWindowUpdate(stream.streamID, stream.receivedBytes)
            stream.receivedBytes = 0
        }
    }

    // Header blocks.

    private func receivedHeaders(
        _ head: HTTP2FrameHead, _ payload: UnsafeRawBufferPointer
    ) throws(HTTP2ConnectionError) {
        guard head.streamID != 0 else { throw .init(.protocolError) }
        var fragment = unsafe try Self.withoutPadding(head, payload)
        if head.has(HTTP2Flag.priority) {
            guard fragment.count >= 5 else { throw .init(.frameSizeError) }
            unsafe fragment = UnsafeRawBufferPointer(rebasing: fragment[5...])
        }
        let endsStream = head.has(HTTP2Flag.endStream)
        if head.has(HTTP2Flag.endHeaders) {
            return unsafe try receivedHeaders(head.streamID, fragment, endsStream: endsStream)
        }
        input.blockStreamID = head.streamID
        input.blockEndsStream = endsStream
        input.block = unsafe Array(fragment)
        input.continuations = 0
    }

    private func receivedContinuation(
        _ head: HTTP2FrameHead, _ payload: UnsafeRawBufferPointer
    ) throws(HTTP2ConnectionError) {
        guard input.blockStreamID != 0 else { throw .init(.protocolError) }
        input.continuations += 1
        guard input.continuations <= limits.continuationsMax else { throw .init(.enhanceYourCalm) }
        unsafe input.block.append(contentsOf: payload)
        guard head.has(HTTP2Flag.endHeaders) else { return }
        let block = input.block
        let endsStream = input.blockEndsStream
        input.block = []
        input.blockStreamID = 0
        let result = unsafe block.withUnsafeBytes { bytes -> HTTP2ConnectionError? in
            do throws(HTTP2ConnectionError) {
                unsafe try receivedHeaders(head.streamID, bytes, endsStream: endsStream)
                return nil
            } catch {
                return error
            }
        }
        if let result { throw result }
    }

    /// Reads a header block; nobody can go on after one that is unreadable (RFC 9113 section 4.3).
    final func decode(
        _ block: UnsafeRawBufferPointer,
        _ field: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void
    ) throws(HTTP2ConnectionError) {
        do throws(HPACKError) {
            unsafe try decoder.decode(block, field)
        } catch {
            throw .init(.compressionError)
        }
    }

    private static func withoutPadding(
        _ head: HTTP2FrameHead, _ payload: UnsafeRawBufferPointer
    ) throws(HTTP2ConnectionError) -> UnsafeRawBufferPointer {
        guard head.has(HTTP2Flag.padded) else { return unsafe payload }
        guard let padding = unsafe payload.first else { throw .init(.frameSizeError) }
        let end = payload.count - Int(padding)
        guard end >= 1 else { throw .init(.protocolError) }
        return unsafe UnsafeRawBufferPointer(rebasing: payload[1..<end])
    }
}
