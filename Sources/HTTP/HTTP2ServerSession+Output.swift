import HPACK

/// What calls have to say.
extension HTTP2ServerSession {
    static let responseHeaders = HeaderList([(":status", "200"), ("content-type", "application/grpc")])
    static let okTrailers = HeaderList([("grpc-status", "0")])

    /// The response begins: its headers leave with the next write.
    func begin(_ call: GRPCCall) {
        call.owesHead = true
        resume(call)
    }

    /// A message was queued: the response begins, or its stream is woken.
    func queued(_ call: GRPCCall, bytes: Int) {
        count(call, bytes: bytes)
        if call.hasBegun { resume(call) } else { call.begin() }
    }

    /// The status follows what is queued.
    func finish(_ call: GRPCCall, _ status: GRPCStatus) {
        call.status = status
        call.isOutputWhole = true
        resume(call)
    }

    /// Trailers behind a response that has begun, else all of it in one block.
    func writeStatus(_ call: GRPCCall) {
        let status = call.status ?? GRPCStatus(.unknown)
        if !call.hasBegun {
            writeHeaders(call.streamID, Self.fields(200, status), endsStream: true)
        } else if status == .ok {
            writeHeaders(call.streamID, Self.okTrailers, endsStream: true)
        } else {
            writeHeaders(call.streamID, Self.fields(status), endsStream: true)
        }
    }

    /// Answers a request that becomes no call.
    func refuse(_ streamID: Int32, _ httpStatus: Int, _ status: GRPCStatus, hasEnded: Bool) {
        writeHeaders(streamID, Self.fields(httpStatus, status), endsStream: true)
        if !hasEnded { appendReset(streamID, .noError) }
    }

    private static func fields(_ httpStatus: Int, _ status: GRPCStatus) -> [(String, [UInt8])] {
        [(":status", Array(String(httpStatus).utf8)), ("content-type", Array("application/grpc".utf8))]
            + fields(status)
    }

    private static func fields(_ status: GRPCStatus) -> [(String, [UInt8])] {
        let code = ("grpc-status", Array(String(status.code.rawValue).utf8))
        let message = status.encodedMessage
        return message.isEmpty ? [code] : [code, ("grpc-message", message)]
    }
}
