import HPACK
import Net

/// Frames that are about the connection or a stream as a whole, in both directions (RFC 9113 sections 6.4 to
/// 6.9).
extension HTTP2Session {
    private static let windowMax = 0x7fff_ffff

    final func receivedReset(
        _ head: HTTP2FrameHead, _ payload: UnsafeRawBufferPointer
    ) throws(HTTP2ConnectionError) {
        guard head.length == 4 else { throw .init(.frameSizeError) }
        guard head.streamID != 0, !isIdle(head.streamID) else { throw .init(.protocolError) }
        if let stream = stream(head.streamID) {
            close(stream, HTTP2ErrorCode(rawValue: unsafe Self.number(payload, 0)) ?? .internalError)
        }
        try causedReset()
    }

    final func receivedSettings(
        _ head: HTTP2FrameHead, _ payload: UnsafeRawBufferPointer
    ) throws(HTTP2ConnectionError) {
        guard head.streamID == 0 else { throw .init(.protocolError) }
        if head.has(HTTP2Flag.acknowledgement) {
            if head.length != 0 { throw .init(.frameSizeError) }
            return
        }
        guard head.length % 6 == 0 else { throw .init(.frameSizeError) }
        // Each may move the windows of all streams.
        guard head.length <= 6 * limits.settingsMax else { throw .init(.enhanceYourCalm) }
        if !isGreeted {
            isGreeted = true
            greeted()
        }
        for offset in stride(from: 0, to: payload.count, by: 6) {
            let number = unsafe payload.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
            guard let setting = HTTP2Setting(rawValue: UInt16(bigEndian: number)) else { continue }
            try apply(setting, unsafe Self.number(payload, offset + 2))
        }
        control.append(HTTP2FrameHead(length: 0, .settings, flags: HTTP2Flag.acknowledgement, 0))
        countAcknowledgement()
    }

    private func apply(_ setting: HTTP2Setting, _ value: UInt32) throws(HTTP2ConnectionError) {
        switch setting {
        case .headerTableSize: encoder.resizeTable(to: value)
        case .enablePush: if value > 1 { throw .init(.protocolError) }
        case .concurrentStreamsMax: try received(setting, value)
        case .initialWindowSize:
            guard value <= Self.windowMax else { throw .init(.flowControlError) }
            try moveWindows(to: Int(value))
        case .frameSizeMax:
            guard (16_384...16_777_215).contains(value) else { throw .init(.protocolError) }
        case .headerListSizeMax: break  // our blocks are small
        }
    }

    /// The windows of all streams change by as much as that of a new one (section 6.9.2).
    private func moveWindows(to size: Int) throws(HTTP2ConnectionError) {
        let difference = size - initialSendWindow
        initialSendWindow = size
        for stream in streams where stream.streamID != 0 {
            stream.sendWindow += difference
            guard stream.sendWindow <= Self.windowMax else { throw .init(.flowControlError) }
            if difference > 0, !stream.outbound.isEmpty { beginsToSpeak(stream) }
        }
    }

    final func receivedWindowUpdate(
        _ head: HTTP2FrameHead, _ payload: UnsafeRawBufferPointer
    ) throws(HTTP2ConnectionError) {
        guard head.length == 4 else { throw .init(.frameSizeError) }
        let increment = Int(unsafe Self.number(payload, 0) & 0x7fff_ffff)
        if head.streamID == 0 {
            sendWindow += increment
            guard increment > 0 else { throw .init(.protocolError) }
            guard sendWindow <= Self.windowMax else { throw .init(.flowControlError) }
            return  // whoever is in `blocked` gets a turn
        }
        guard !isIdle(head.streamID) else { throw .init(.protocolError) }
        guard let stream = stream(head.streamID) else { return }
        stream.sendWindow += increment
        if increment == 0 {
            try resetForMistake(stream, .protocolError)
        } else if stream.sendWindow > Self.windowMax {
            try resetForMistake(stream, .flowControlError)
        } else if !stream.outbound.isEmpty {
            beginsToSpeak(stream)
        }
    }

    final func receivedPing(
        _ head: HTTP2FrameHead, _ payload: UnsafeRawBufferPointer
    ) throws(HTTP2ConnectionError) {
        guard head.length == 8 else { throw .init(.frameSizeError) }
        guard head.streamID == 0 else { throw .init(.protocolError) }
        let isAcknowledgement = head.has(HTTP2Flag.acknowledgement)
        if !isAcknowledgement {
            control.append(HTTP2FrameHead(length: 8, .ping, flags: HTTP2Flag.acknowledgement, 0))
            unsafe control.append(payload)
            countAcknowledgement()
        }
        receivedPing(isAcknowledgement: isAcknowledgement, unsafe payload[0])
    }

    final func receivedGoAway(
        _ head: HTTP2FrameHead, _ payload: UnsafeRawBufferPointer
    ) throws(HTTP2ConnectionError) {
        guard head.length >= 8 else { throw .init(.frameSizeError) }
        guard head.streamID == 0 else { throw .init(.protocolError) }
        receivedGoAway(last: Int32(bitPattern: unsafe Self.number(payload, 0) & 0x7fff_ffff))
    }

    /// A side that asks and does not read is cut off.
    private func countAcknowledgement() {
        unsentAcknowledgements += 1
        if unsentAcknowledgements > limits.unsentAcknowledgementsMax { host?.close() }
    }

    private static func number(_ payload: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
        unsafe UInt32(bigEndian: payload.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    // What we say.

    /// `mark` fills its eight bytes, and those of the answer.
    final func submitPing(_ mark: UInt8) {
        control.append(HTTP2FrameHead(length: 8, .ping, 0))
        control.append(repeatElement(mark, count: 8))
        requestFlush()
    }

    final func appendGoAway(_ last: Int32, _ code: HTTP2ErrorCode, _ text: String = "") {
        control.append(HTTP2FrameHead(length: 8 + text.utf8.count, .goAway, 0))
        control.append(UInt32(bitPattern: last))
        control.append(code.rawValue)
        control.append(text.utf8)
    }

    /// RST_STREAM for a stream that is none of ours any more, or never was.
    final func appendReset(_ streamID: Int32, _ code: HTTP2ErrorCode) {
        control.append(HTTP2FrameHead(length: 4, .resetStream, streamID))
        control.append(code.rawValue)
    }

    final func appendWindowUpdate(_ streamID: Int32, _ increment: Int) {
        if increment <= 0 { return }
        control.append(HTTP2FrameHead(length: 4, .windowUpdate, streamID))
        control.append(UInt32(increment))
    }
}
