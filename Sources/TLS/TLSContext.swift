import COpenSSL
import CPlatform
import Glibc

/// What the connections of one side have in common: certificates, keys, rules. It belongs to one loop's
/// thread.
///
/// TLS 1.2 is the oldest that is spoken. A server asks every client for a certificate where
/// `TLSSettings.peer` says by whom it must be signed.
@safe package final class TLSContext {
    package enum Side: Sendable { case client, server }

    let side: Side
    let verifiesPeer: Bool
    /// OpenSSL's SSL_CTX; ours from init to deinit.
    let context: OpaquePointer
    /// The kind of the BIOs of this context's sessions.
    let wireMethod = unsafe makeWireMethod()
    /// Names of protocols, each behind its length, as ALPN has them.
    private let protocols: UnsafeMutableBufferPointer<UInt8>
    /// Where connections of this loop decrypt to and encrypt from, one at a time, within one call.
    let plain: UnsafeMutableRawBufferPointer

    /// Plain bytes handled at a time: several records, of at most 16 KiB each.
    static let plainBytes = 64 * 1024

    /// Reads the files now. Throws `material` with Go's words where they are no good.
    package init(_ side: Side, _ settings: TLSSettings) throws(TLSError) {
        self.side = side
        verifiesPeer = settings.peer != .anyone
        let method = side == .client ? unsafe TLS_client_method() : unsafe TLS_server_method()
        guard let made = unsafe SSL_CTX_new(method) else { throw .library("no memory for a context") }
        unsafe context = made
        let listed = settings.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        unsafe protocols = .allocate(capacity: listed.count)
        _ = unsafe protocols.initialize(from: listed)
        unsafe plain = .allocate(byteCount: Self.plainBytes, alignment: 64)
        configure()
        try own(settings)
        try trust(settings.peer)
    }

    deinit {
        unsafe SSL_CTX_free(context)
        unsafe BIO_meth_free(wireMethod)
        unsafe protocols.deallocate()
        unsafe plain.deallocate()
    }

    private func configure() {
        unsafe openssl_configure(context)
        switch side {
        case .client:
            _ = unsafe SSL_CTX_set_alpn_protos(context, protocols.baseAddress, UInt32(protocols.count))
        case .server:
            unsafe SSL_CTX_set_alpn_select_cb(
                context, onSelectProtocol, Unmanaged.passUnretained(self).toOpaque())
        }
    }

    /// The own certificate and key.
    private func own(_ settings: TLSSettings) throws(TLSError) {
        let (certificate, key) = (settings.certificateFile ?? "", settings.keyFile ?? "")
        if certificate.isEmpty && key.isEmpty { return }
        if certificate.isEmpty || key.isEmpty {
            throw .material("KeyFile and CertFile must both be present[key: \(key), cert: \(certificate)]")
        }
        for file in [certificate, key] { try Self.check(readable: file) }
        ERR_clear_error()
        if unsafe SSL_CTX_use_certificate_chain_file(context, certificate) != 1 {
            throw .material("tls: failed to find any PEM data in certificate input (\(certificate))")
        }
        if unsafe SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 {
            // OpenSSL compares the key with the certificate as it reads it.
            let isOther = ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH
            throw .material(
                isOther
                    ? "tls: private key does not match public key"
                    : "tls: failed to find any PEM data in key input (\(key))")
        }
    }

    /// Whom to believe.
    private func trust(_ peer: TLSSettings.Peer) throws(TLSError) {
        guard case .signed(let file) = peer else { return }
        let mode = SSL_VERIFY_PEER | (side == .server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0)
        unsafe SSL_CTX_set_verify(context, mode, onVerified)
        // Like Go, every certificate in the file is a root, also one that another has signed.
        _ = unsafe X509_VERIFY_PARAM_set_flags(
            SSL_CTX_get0_param(context), UInt(X509_V_FLAG_PARTIAL_CHAIN))
        guard let file else {
            _ = unsafe SSL_CTX_set_default_verify_paths(context)
            return
        }
        try Self.check(readable: file)
        if unsafe SSL_CTX_load_verify_file(context, file) != 1 {
            throw .material("tls: failed to find any PEM data in certificate authority input (\(file))")
        }
        if side == .server { unsafe SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(file)) }
    }

    private static func check(readable file: String) throws(TLSError) {
        if unsafe access(file, R_OK) == 0 { return }
        throw .material("open \(file): \(unsafe String(cString: platform_error_text(errno)))")
    }

    /// The first of our protocols that the client offers; no protocol where it offers none of them.
    func select(
        _ offered: UnsafeBufferPointer<UInt8>, _ chosen: inout UnsafePointer<UInt8>?, _ count: inout UInt8
    ) -> Bool {
        var found: UnsafeMutablePointer<UInt8>?
        let result = unsafe SSL_select_next_proto(
            &found, &count, protocols.baseAddress, UInt32(protocols.count), offered.baseAddress,
            UInt32(offered.count))
        unsafe chosen = UnsafePointer(found)
        return result == OPENSSL_NPN_NEGOTIATED
    }
}

/// A certificate of the other side's chain was looked at: keeps what is wrong with it, as long as it can
/// be told.
private func onVerified(_ isGood: Int32, _ check: OpaquePointer?) -> Int32 {
    let place = SSL_get_ex_data_X509_STORE_CTX_idx()
    guard isGood == 0, let check = unsafe check, let ssl = unsafe X509_STORE_CTX_get_ex_data(check, place)
    else {
        return isGood
    }
    unsafe session(SSL_get_rbio(OpaquePointer(ssl))).refused(check)
    return isGood
}

/// Go's server ends a connection on whose protocol both cannot agree.
private func onSelectProtocol(
    _: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredCount: UInt32,
    _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let user = unsafe user, let chosen = unsafe chosen, let chosenCount = unsafe chosenCount else {
        preconditionFailure("a context is its own user pointer")
    }
    let context = unsafe Unmanaged<TLSContext>.fromOpaque(user).takeUnretainedValue()
    let list = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredCount))
    return unsafe context.select(list, &chosen.pointee, &chosenCount.pointee)
        ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL
}
