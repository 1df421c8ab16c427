import COpenSSL
import HTTP
import Wire

/// Sends a copy of the database in blobs of 32 KiB, then one message whose blob is the SHA-256 of all
/// of them (api.md 16).
///
/// At most a few blobs are queued: more are read when the connection has room, so a slow client costs
/// one descriptor and no memory.
final class SnapshotStream: GRPCHandler {
    static let blobBytes = 32_768
    private static let queuedBytesMax = 8 * blobBytes

    private let services: LoopServices
    private let call: GRPCCall
    private let copy: SnapshotCopy
    private let version: [UInt8]
    private var digest = SHA256Digest()
    private var offset: UInt64 = 0
    private var isOver = false

    init(_ services: LoopServices, _ call: GRPCCall, _ copy: SnapshotCopy, version: String) {
        self.services = services
        self.call = call
        self.copy = copy
        self.version = Array(version.utf8)
    }

    /// The call owns the stream from here on.
    func start() {
        call.handler = self
        fill()
    }

    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {}
    func halfClosed(_ call: GRPCCall) {}
    func drained(_ call: GRPCCall) { fill() }

    func cancelled(_ call: GRPCCall) {
        isOver = true
        services.cancelled(call, .snapshot)
    }

    private func fill() {
        while !isOver, call.isOpen, call.queuedBytes < Self.queuedBytesMax {
            guard offset < copy.size else { return sendDigest() }
            guard let blob = copy.read(at: offset, count: Self.blobBytes) else {
                isOver = true
                return services.finish(
                    call, .snapshot, GRPCStatus(.unknown, "reading the snapshot failed"))
            }
            offset += UInt64(blob.count)
            digest.update(blob)
            send(blob)
        }
    }

    private func send(_ blob: [UInt8]) {
        var message: [UInt8] = []
        message.reserveCapacity(blob.count + 32)
        message.appendField(2, copy.size - offset)
        message.appendField(3, blob)
        message.appendField(4, version)
        services.send(call, .snapshot, message)
    }

    private func sendDigest() {
        isOver = true
        send(digest.finish())
        services.finish(call, .snapshot, .ok)
    }
}

/// SHA-256 over bytes that come in pieces.
///
/// Safe to use: the context is its own from init to deinit, and OpenSSL is given whole arrays.
@safe struct SHA256Digest: ~Copyable {
    private let context: OpaquePointer

    init() {
        // OpenSSL fails here only without memory; then the process cannot go on anyway.
        guard let context = unsafe EVP_MD_CTX_new(),
            unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
        else { preconditionFailure("OpenSSL has no SHA-256") }
        unsafe self.context = context
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    func update(_ bytes: [UInt8]) {
        // OpenSSL reads exactly bytes.count bytes during the call.
        let result = unsafe EVP_DigestUpdate(context, bytes, bytes.count)
        precondition(result == 1)
    }

    /// The 32 bytes; call once.
    func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        // A SHA-256 is 32 bytes, what the array holds.
        let result = unsafe EVP_DigestFinal_ex(context, &digest, nil)
        precondition(result == 1)
        return digest
    }
}
