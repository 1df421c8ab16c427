/// Frames that wait for the next write and that no window holds back: SETTINGS, PING, GOAWAY, RST_STREAM,
/// WINDOW_UPDATE, and header blocks that found no room.
struct ControlQueue {
    private var bytes: [UInt8] = []
    private var start = 0

    var isEmpty: Bool { start == bytes.count }
    var count: Int { bytes.count - start }

    mutating func append(_ head: HTTP2FrameHead) {
        bytes.append(UInt8(truncatingIfNeeded: head.length >> 16))
        bytes.append(UInt8(truncatingIfNeeded: head.length >> 8))
        bytes.append(UInt8(truncatingIfNeeded: head.length))
        bytes.append(head.type)
        bytes.append(head.flags)
        append(UInt32(bitPattern: head.streamID))
    }

    mutating func append(_ number: UInt32) {
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    mutating func append(_ number: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: number >> 8))
        bytes.append(UInt8(truncatingIfNeeded: number))
    }

    mutating func append(_ payload: some Collection<UInt8>) { bytes.append(contentsOf: payload) }

    /// Moves what fits to the write buffer.
    mutating func move(to output: inout OutputCursor) {
        let part = min(output.room, count)
        unsafe bytes.withUnsafeBytes { unsafe output.append(.init(rebasing: $0[start..<start + part])) }
        start += part
        if isEmpty {
            // Little memory for a connection that has nothing to say.
            bytes.removeAll(keepingCapacity: bytes.count <= 1024)
            start = 0
        }
    }
}
