import Wire

/// What is kept of a request's headers while they arrive, and the verdict a Go gRPC server gives on
/// them. Only what is asked for later is kept; names are compared as bytes.
///
/// Source: grpc-go internal/transport/http2_server.go operateHeaders (order of the checks, codes, texts).
///
/// A class because HPACK hands on every field while the session is being changed: it is not part of that.
final class RequestHeaders {
    enum Encoding { case identity, gzip, other }
    enum ContentType { case missing, grpc, other }

    private(set) var route: Int?
    private(set) var unknownPath: [UInt8] = []
    private(set) var timeout: Duration?
    private(set) var encoding = Encoding.identity
    private var metadata: MetadataBlock
    private var contentType = ContentType.missing
    private var isPost = false
    private var hasConnection = false
    private var authorityCount = 0
    private var hostCount = 0
    private var listBytes = 0
    private var malformedTimeout: String?
    /// The values of the refusals' texts: a method that is not POST, a foreign content-type or encoding.
    private var oddMethod: [UInt8] = []
    private var oddContentType: [UInt8] = []
    private var oddEncoding: [UInt8] = []

    init(_ configuration: HTTPConfiguration) { metadata = MetadataBlock(keys: configuration.metadataKeys) }

    /// How a request is turned away.
    enum Refusal: Equatable {
        /// Trailers-only with this `:status`.
        case response(httpStatus: Int, GRPCStatus)
        /// RST_STREAM PROTOCOL_ERROR.
        case reset
    }

    /// Adds a field; false when the list is larger than its bound.
    func add(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ configuration: HTTPConfiguration
    ) -> Bool {
        listBytes += name.count + value.count + 32
        guard listBytes <= configuration.limits.headerListBytesMax else { return false }
        switch name.count {
        case 4 where unsafe isEqual(name, "host"): hostCount += 1
        case 5 where unsafe isEqual(name, ":path"): unsafe setPath(value, configuration.routes)
        case 7 where unsafe isEqual(name, ":method"): unsafe setMethod(value)
        case 10 where unsafe isEqual(name, ":authority"): authorityCount += 1
        case 10 where unsafe isEqual(name, "connection"): hasConnection = true
        case 12 where unsafe isEqual(name, "content-type"): unsafe setContentType(value)
        case 12 where unsafe isEqual(name, "grpc-timeout"): unsafe setTimeout(value)
        case 13 where unsafe isEqual(name, "grpc-encoding"): unsafe setEncoding(value)
        default: unsafe keepIfWanted(name, value)
        }
        return true
    }

    /// The verdict once the list is complete; nil lets the call through.
    var refusal: Refusal? {
        if authorityCount > 1 || hostCount > 1 {
            let text =
                "num values of :authority: \(authorityCount), num values of host: \(hostCount), "
                + "both must only have 1 value as per HTTP/2 spec"
            return .response(httpStatus: 400, GRPCStatus(.internal, text))
        }
        if hasConnection { return .reset }
        if contentType != .grpc {
            let text = "invalid gRPC request content-type \(goQuoted(oddContentType))"
            return .response(httpStatus: 415, GRPCStatus(.invalidArgument, text))
        }
        if let malformedTimeout {
            return .response(
                httpStatus: 400, GRPCStatus(.internal, "malformed grpc-timeout: \(malformedTimeout)"))
        }
        if !isPost {
            let method = goQuoted(String(decoding: oddMethod, as: UTF8.self))
            let text = "Received a HEADERS frame with :method \(method) which should be POST"
            return .response(httpStatus: 405, GRPCStatus(.internal, text))
        }
        if encoding == .other {
            let name = goQuoted(String(decoding: oddEncoding, as: UTF8.self))
            let text = "grpc: Decompressor is not installed for grpc-encoding \(name)"
            return .response(httpStatus: 200, GRPCStatus(.unimplemented, text))
        }
        return nil
    }

    /// The metadata for the call's life. `earlier` is the array of the call before, which is used again
    /// when its bytes are the same; ours stays unshared, so that it can be filled anew without a copy.
    func metadata(sharing earlier: inout [UInt8]) -> MetadataBlock {
        if metadata.bytes != earlier { earlier = Array(metadata.bytes[...]) }
        return MetadataBlock(bytes: earlier, keys: metadata.keys)
    }

    /// Empties the list for the next request and keeps the storage.
    func reset() {
        route = nil
        timeout = nil
        encoding = .identity
        contentType = .missing
        isPost = false
        hasConnection = false
        authorityCount = 0
        hostCount = 0
        listBytes = 0
        malformedTimeout = nil
        metadata.bytes.removeAll(keepingCapacity: true)
        if !oddMethod.isEmpty { oddMethod = [] }
        if !oddContentType.isEmpty { oddContentType = [] }
        if !oddEncoding.isEmpty { oddEncoding = [] }
        if !unknownPath.isEmpty { unknownPath = [] }
    }

    private func setPath(_ value: UnsafeRawBufferPointer, _ routes: GRPCRoutes) {
        route = unsafe routes.find(value)
        if route == nil { unsafe unknownPath = Array(value) }
    }

    private func setMethod(_ value: UnsafeRawBufferPointer) {
        isPost = unsafe isEqual(value, "POST")
        if !isPost { unsafe oddMethod = Array(value) }
    }

    /// `application/grpc`, alone or followed by `+` or `;`.
    private func setContentType(_ value: UnsafeRawBufferPointer) {
        let base = 16
        let isBase = unsafe hasPrefix(value, "application/grpc")
        if isBase, value.count == base {
            contentType = .grpc
            return
        }
        if isBase, unsafe value[base] == UInt8(ascii: "+") || value[base] == UInt8(ascii: ";") {
            contentType = .grpc
            return
        }
        if contentType == .missing { contentType = .other }
        unsafe oddContentType = Array(value)
    }

    private func setTimeout(_ value: UnsafeRawBufferPointer) {
        do throws(GRPCTimeout.Malformed) {
            unsafe timeout = try GRPCTimeout.parse(value)
        } catch {
            malformedTimeout = error.text
        }
    }

    private func setEncoding(_ value: UnsafeRawBufferPointer) {
        if unsafe isEqual(value, "identity") || value.isEmpty {
            encoding = .identity
        } else if unsafe isEqual(value, "gzip") {
            encoding = .gzip
        } else {
            encoding = .other
            unsafe oddEncoding = Array(value)
        }
    }

    private func keepIfWanted(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        for (place, key) in metadata.keys.enumerated() where unsafe isEqual(name, key) {
            unsafe metadata.append(place, value)
        }
    }
}
