import COpenSSL

/// A running SHA-256.
///
/// Safe: the pointer is made in `init`, freed in `deinit`, and never handed out.
@safe package struct Digest: ~Copyable {
    private let context: OpaquePointer

    /// Of no bytes yet.
    package init() {
        // Fails only without memory, or in a libcrypto built without SHA-256.
        guard let context = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
        else {
            preconditionFailure("libcrypto has no SHA-256")
        }
        unsafe self.context = unsafe context
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// Takes the next bytes.
    package func update(_ bytes: borrowing RawSpan) {
        let result = unsafe bytes.withUnsafeBytes {
            unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count)
        }
        precondition(result == 1)
    }

    /// The 32 bytes; the digest starts anew.
    package func finish() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: SnapshotFormat.digestSize)
        let result = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
        }
        precondition(result == 1)
        precondition(unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1)
        return bytes
    }
}
