/// The head of every frame (RFC 9113 section 4.1):
///
///     offset  size  field
///     0       3     length of the payload, big-endian
///     3       1     type
///     4       1     flags
///     5       4     stream, big-endian; the first bit is reserved
struct HTTP2FrameHead: Equatable {
    static let size = 9
    /// SETTINGS_MAX_FRAME_SIZE as long as nobody says otherwise, which we do not; what we send keeps to it.
    static let payloadBytesMax = 16_384

    var length: Int
    var type: UInt8
    var flags: UInt8
    var streamID: Int32

    init(length: Int, _ type: HTTP2FrameType, flags: UInt8 = 0, _ streamID: Int32) {
        self.length = length
        self.type = type.rawValue
        self.flags = flags
        self.streamID = streamID
    }

    /// Reads the first nine bytes.
    init(_ bytes: UnsafeRawBufferPointer) {
        let start = unsafe UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        length = Int(start >> 40)
        type = UInt8(truncatingIfNeeded: start >> 32)
        flags = UInt8(truncatingIfNeeded: start >> 24)
        let stream = unsafe UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 5, as: UInt32.self))
        streamID = Int32(bitPattern: stream & 0x7fff_ffff)
    }

    /// Writes nine bytes.
    func write(to place: UnsafeMutableRawBufferPointer) {
        let start = UInt64(length) << 40 | UInt64(type) << 32 | UInt64(flags) << 24
        unsafe place.storeBytes(of: start.bigEndian, as: UInt64.self)
        unsafe place.storeBytes(of: UInt32(bitPattern: streamID).bigEndian, toByteOffset: 5, as: UInt32.self)
    }

    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
}

/// RFC 9113 section 6; frames of other types are passed over (section 4.1).
enum HTTP2FrameType: UInt8 {
    case data = 0
    case headers = 1
    case priority = 2
    case resetStream = 3
    case settings = 4
    case pushPromise = 5
    case ping = 6
    case goAway = 7
    case windowUpdate = 8
    case continuation = 9
}

enum HTTP2Flag {
    static let endStream: UInt8 = 0x1
    /// Of SETTINGS and PING.
    static let acknowledgement: UInt8 = 0x1
    static let endHeaders: UInt8 = 0x4
    static let padded: UInt8 = 0x8
    static let priority: UInt8 = 0x20
}

/// RFC 9113 section 6.5.2.
enum HTTP2Setting: UInt16 {
    case headerTableSize = 1
    case enablePush = 2
    case concurrentStreamsMax = 3
    case initialWindowSize = 4
    case frameSizeMax = 5
    case headerListSizeMax = 6
}

/// Why a stream or a connection ended: RFC 9113 section 7.
enum HTTP2ErrorCode: UInt32 {
    case noError = 0
    case protocolError = 1
    case internalError = 2
    case flowControlError = 3
    case settingsTimeout = 4
    case streamClosed = 5
    case frameSizeError = 6
    case refusedStream = 7
    case cancel = 8
    case compressionError = 9
    case connectError = 10
    case enhanceYourCalm = 11
    case inadequateSecurity = 12
    case http11Required = 13

    /// As the RFC writes it, and grpc-go in its texts.
    var name: String {
        switch self {
        case .noError: "NO_ERROR"
        case .protocolError: "PROTOCOL_ERROR"
        case .internalError: "INTERNAL_ERROR"
        case .flowControlError: "FLOW_CONTROL_ERROR"
        case .settingsTimeout: "SETTINGS_TIMEOUT"
        case .streamClosed: "STREAM_CLOSED"
        case .frameSizeError: "FRAME_SIZE_ERROR"
        case .refusedStream: "REFUSED_STREAM"
        case .cancel: "CANCEL"
        case .compressionError: "COMPRESSION_ERROR"
        case .connectError: "CONNECT_ERROR"
        case .enhanceYourCalm: "ENHANCE_YOUR_CALM"
        case .inadequateSecurity: "INADEQUATE_SECURITY"
        case .http11Required: "HTTP_1_1_REQUIRED"
        }
    }
}

/// What the other side did that ends the connection (RFC 9113 section 5.4.1): it gets GOAWAY with the code.
struct HTTP2ConnectionError: Error, Equatable {
    let code: HTTP2ErrorCode
    init(_ code: HTTP2ErrorCode) { self.code = code }
}
