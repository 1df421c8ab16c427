/// The fields of one response header block that mean something to a client, and the verdict on them.
struct GRPCResponseHeaders {
    private var httpStatus: Int?
    private var code: Int?
    private var message: [UInt8] = []
    private var listBytes = 0

    /// Adds a field; false when the list is larger than its bound.
    mutating func add(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, bytesMax: Int
    ) -> Bool {
        listBytes += name.count + value.count + 32
        guard listBytes <= bytesMax else { return false }
        switch name.count {
        case 7 where unsafe isEqual(name, ":status"): unsafe httpStatus = Self.number(value) ?? 0
        case 11 where unsafe isEqual(name, "grpc-status"): unsafe code = Self.number(value) ?? 2
        case 12 where unsafe isEqual(name, "grpc-message"): unsafe message = Array(value)
        default: break
        }
        return true
    }

    /// An interim response (1xx), which says nothing about the call.
    var isInterim: Bool { httpStatus.map { (100..<200).contains($0) } ?? false }

    /// How the call ended: nil while nothing says so. `isFirst`: the block that begins the response.
    func status(isFirst: Bool, endsStream: Bool) -> GRPCStatus? {
        if let code {
            if code == 0, message.isEmpty { return .ok }
            let known = UInt8(exactly: code).flatMap { GRPCCode(rawValue: $0) } ?? .unknown
            return GRPCStatus(known, GRPCStatus.decoded(message))
        }
        if isFirst, httpStatus != 200 {
            let text = "unexpected HTTP status code received from server: \(httpStatus ?? 0)"
            return GRPCStatus(Self.code(httpStatus: httpStatus ?? 0), text)
        }
        return endsStream ? GRPCStatus(.internal, "server closed the stream without sending trailers") : nil
    }

    private static func number(_ digits: UnsafeRawBufferPointer) -> Int? {
        var number = 0
        guard digits.count > 0, digits.count <= 4 else { return nil }
        for index in 0..<digits.count {
            let digit = unsafe digits[index]
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            number = number * 10 + Int(digit - 0x30)
        }
        return number
    }

    /// gRPC's "HTTP to gRPC Status Code Mapping".
    private static func code(httpStatus: Int) -> GRPCCode {
        switch httpStatus {
        case 400: .internal
        case 401: .unauthenticated
        case 403: .permissionDenied
        case 404: .unimplemented
        case 429, 502, 503, 504: .unavailable
        default: .unknown
        }
    }
}
