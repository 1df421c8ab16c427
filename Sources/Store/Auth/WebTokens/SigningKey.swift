import COpenSSL

/// A key that signs or checks, in libcrypto's hands.
///
/// Safe: the pointer is made in `init`, freed in `deinit`, never handed out, and only read after: libcrypto
/// lets any number of threads use a key whose parameters nobody changes.
@safe final class SigningKey: @unchecked Sendable {
    // @unchecked: `key` is constant, and what it points to is not changed after `init`.
    private let key: OpaquePointer?
    /// Of an HMAC, which has no key in libcrypto's sense.
    private let secret: [UInt8]
    private let method: SigningMethod

    /// What a key is read from.
    enum Source { case privatePEM, publicPEM, secret }

    /// Nil for bytes that hold no key, or one of another kind than the method signs with.
    init?(_ source: Source, _ bytes: [UInt8], for method: SigningMethod) {
        self.method = method
        if source == .secret {
            // Anybody could sign with none.
            if bytes.isEmpty { return nil }
            (unsafe key, secret) = (nil, bytes)
            return
        }
        secret = []
        guard let file = unsafe BIO_new_mem_buf(bytes, Int32(bytes.count)) else { return nil }
        defer { unsafe BIO_free(file) }
        let made =
            source == .privatePEM
            ? unsafe PEM_read_bio_PrivateKey(file, nil, nil, nil)
            : unsafe PEM_read_bio_PUBKEY(file, nil, nil, nil)
        guard let made = unsafe made, unsafe EVP_PKEY_get_base_id(made) == Self.kind(of: method) else {
            unsafe EVP_PKEY_free(made)
            ERR_clear_error()
            return nil
        }
        unsafe key = unsafe made
    }

    deinit { unsafe EVP_PKEY_free(key) }

    private static func kind(of method: SigningMethod) -> Int32 {
        switch method.family {
        case .rsa, .rsaPSS: EVP_PKEY_RSA
        case .ecdsa: EVP_PKEY_EC
        case .hmac: NID_undef
        case .ed25519: EVP_PKEY_ED25519
        }
    }

    /// The signature in the form of RFC 7518; nil when the key cannot sign.
    func sign(_ bytes: [UInt8]) -> [UInt8]? {
        if method.family == .hmac { return code(over: bytes) }
        guard let context = unsafe EVP_MD_CTX_new() else { return nil }
        defer { unsafe EVP_MD_CTX_free(context) }
        var parameters: OpaquePointer?
        var size = 0
        guard unsafe EVP_DigestSignInit(context, &parameters, method.digest, nil, key) == 1,
            unsafe prepare(parameters, isSigning: true),
            unsafe EVP_DigestSign(context, nil, &size, bytes, bytes.count) == 1
        else { return failed() }
        var signature = [UInt8](repeating: 0, count: size)
        guard unsafe EVP_DigestSign(context, &signature, &size, bytes, bytes.count) == 1 else {
            return failed()
        }
        signature.removeLast(signature.count - size)
        return method.family == .ecdsa ? numbers(of: signature) : signature
    }

    /// Whether the signature is this key's over these bytes.
    func verify(_ signature: [UInt8], over bytes: [UInt8]) -> Bool {
        if method.family == .hmac {
            guard let own = code(over: bytes), own.count == signature.count else { return false }
            return unsafe CRYPTO_memcmp(own, signature, own.count) == 0
        }
        guard let encoded = method.family == .ecdsa ? sequence(of: signature) : signature,
            let context = unsafe EVP_MD_CTX_new()
        else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        var parameters: OpaquePointer?
        guard unsafe EVP_DigestVerifyInit(context, &parameters, method.digest, nil, key) == 1,
            unsafe prepare(parameters, isSigning: false),
            unsafe EVP_DigestVerify(context, encoded, encoded.count, bytes, bytes.count) == 1
        else { return failed() != nil }
        return true
    }

    private func code(over bytes: [UInt8]) -> [UInt8]? {
        var code = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var size: UInt32 = 0
        let made = unsafe HMAC(
            method.digest, secret, Int32(secret.count), bytes, bytes.count, &code, &size)
        return unsafe made == nil ? nil : Array(code.prefix(Int(size)))
    }

    /// PSS salts are as long as the digest; of others any length is taken, as Go's library does.
    private func prepare(_ parameters: OpaquePointer?, isSigning: Bool) -> Bool {
        guard method.family == .rsaPSS else { return true }
        return unsafe EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(
                parameters, isSigning ? RSA_PSS_SALTLEN_DIGEST : RSA_PSS_SALTLEN_AUTO) == 1
    }

    /// libcrypto queues its complaints per thread; what is nobody's bug is not left there.
    private func failed() -> [UInt8]? {
        ERR_clear_error()
        return nil
    }

    // ECDSA: libcrypto has an ASN.1 sequence of the two numbers, JSON Web Signatures have them side by side.

    private func numbers(of sequence: [UInt8]) -> [UInt8]? {
        unsafe sequence.withUnsafeBufferPointer { bytes in
            var start = bytes.baseAddress
            guard let pair = unsafe d2i_ECDSA_SIG(nil, &start, bytes.count) else { return failed() }
            defer { unsafe ECDSA_SIG_free(pair) }
            let size = method.numberSize
            var joined = [UInt8](repeating: 0, count: 2 * size)
            let isDone = unsafe joined.withUnsafeMutableBufferPointer { joined in
                guard let base = joined.baseAddress else { return false }
                return unsafe BN_bn2binpad(ECDSA_SIG_get0_r(pair), base, Int32(size)) == size
                    && BN_bn2binpad(ECDSA_SIG_get0_s(pair), base + size, Int32(size)) == size
            }
            return isDone ? joined : nil
        }
    }

    private func sequence(of numbers: [UInt8]) -> [UInt8]? {
        let size = method.numberSize
        guard numbers.count == 2 * size, let pair = unsafe ECDSA_SIG_new() else { return nil }
        defer { unsafe ECDSA_SIG_free(pair) }
        let r = unsafe BN_bin2bn(Array(numbers.prefix(size)), Int32(size), nil)
        let s = unsafe BN_bin2bn(Array(numbers.suffix(size)), Int32(size), nil)
        // Takes the two over.
        guard unsafe ECDSA_SIG_set0(pair, r, s) == 1 else { return failed() }
        var encoded = [UInt8](repeating: 0, count: 2 * size + 16)
        let count = unsafe encoded.withUnsafeMutableBufferPointer { buffer in
            var start = buffer.baseAddress
            return unsafe i2d_ECDSA_SIG(pair, &start)
        }
        return count > 0 ? Array(encoded.prefix(Int(count))) : failed()
    }
}
