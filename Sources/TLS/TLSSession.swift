import COpenSSL
import Net

/// TLS on one connection: between the bytes on the wire and the machine that speaks inside.
///
///     greeting ──handshake done──▶ secure ──close_notify, end of input──▶ ended
///        └──refused, alert, lost──▶ failed ◀──alert──┘
///
/// It never waits: OpenSSL reads what has come and says when that is not enough. Nothing is held while a
/// connection is idle but OpenSSL's own state; records are decrypted into, and encrypted from, a buffer
/// all connections of the context share, and are written straight into the connection's write buffer.
@safe package final class TLSSession: ByteCarrier {
    private enum State { case greeting, secure, over }

    private let connection: Connection
    private let context: TLSContext
    /// OpenSSL's SSL and its way to the wire; ours from init to deinit.
    private let ssl: OpaquePointer
    private let host: String
    private var state = State.greeting
    private var machine: (any ByteMachine)?
    /// The other side will send no more, as it said itself.
    private var isInputEnded = false
    private var whenGreeted: ((TLSError?) -> Void)?
    package private(set) var failure: String?
    /// What is wrong with the other side's certificate.
    private var verdict: String?

    /// What came in and OpenSSL has not read yet; only there during `received`.
    private var input = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    /// What OpenSSL wrote while nobody asked for output: greetings, alerts, and what a full buffer leaves.
    private var unsent: [UInt8] = []
    /// The buffer of the `produce` that is running, and how far it is filled.
    private var output = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var outputCount = 0

    /// More than a record has beside its plain bytes (RFC 8446 section 5.2: 5 + 1 + 255), for every
    /// record of a piece.
    private static let overheadBytes = 5 * 300

    /// Begins to speak TLS on a connection, to the server called `host`, or as the server (then `host` is
    /// empty).
    ///
    /// `whenGreeted` is called once, on the loop: without an error when the connection is secure and
    /// waits for its machine, or with why it never will be. After it has failed the connection is closed.
    @discardableResult
    package init(
        _ connection: Connection, _ context: TLSContext, host: String = "",
        whenGreeted: @escaping (TLSError?) -> Void
    ) {
        precondition(context.side == .server || !host.isEmpty, "a client knows whom it asks")
        self.connection = connection
        self.context = context
        self.host = host
        self.whenGreeted = whenGreeted
        guard let made = unsafe SSL_new(context.context) else { preconditionFailure("no memory for TLS") }
        unsafe ssl = made
        let bio = unsafe makeWireBIO(context.wireMethod, self)
        unsafe SSL_set_bio(made, bio, bio)
        switch context.side {
        case .client:
            unsafe SSL_set_connect_state(ssl)
            expect(host)
        case .server: unsafe SSL_set_accept_state(ssl)
        }
        do throws(NetError) {
            try connection.attach(carrier: self)
            connection.requestFlush()
        } catch {}  // closed, which `closed` has told
    }

    deinit { unsafe SSL_free(ssl) }

    /// The certificate must be for this name or address.
    private func expect(_ host: String) {
        let isAddress = Verdict.isAddress(host)
        if !isAddress { unsafe openssl_ask_for_host(ssl, host) }
        guard context.verifiesPeer else { return }
        let rules = unsafe SSL_get0_param(ssl)
        // As Go: names of the subject do not count, and a wildcard is a whole label.
        unsafe X509_VERIFY_PARAM_set_hostflags(
            rules, UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        let result =
            isAddress
            ? unsafe X509_VERIFY_PARAM_set1_ip_asc(rules, host)
            : unsafe X509_VERIFY_PARAM_set1_host(rules, host, 0)
        precondition(result == 1, "a name and an address are always taken")
    }

    /// What is spoken inside, as both have agreed (ALPN); nil where the other side does not know ALPN.
    package var agreedProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &count)
        let bytes = unsafe UnsafeBufferPointer(start: name, count: Int(count))
        return unsafe bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    package func carry(_ machine: any ByteMachine) {
        precondition(self.machine == nil, "a connection has one machine")
        self.machine = machine
    }

    // The connection's side.

    package func received(_ bytes: UnsafeRawBufferPointer) {
        unsafe input = bytes
        if state == .greeting { greet() }
        if state == .secure { read() }
        unsafe input = UnsafeRawBufferPointer(start: nil, count: 0)
        if !unsent.isEmpty { connection.requestFlush() }
    }

    package func inputEnded() {
        switch state {
        case .greeting: fail(.ended)
        case .secure: if !isInputEnded { endInput() }
        case .over: connection.close()
        }
    }

    private func endInput() {
        isInputEnded = true
        if let machine { machine.inputEnded() } else { connection.close() }
    }

    package func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        unsafe output = buffer
        outputCount = 0
        if state == .greeting { greet() }
        takeUnsent()
        while state == .secure, buffer.count - outputCount >= TLSContext.plainBytes + Self.overheadBytes,
            let count = unsafe machine?.produce(into: context.plain), count > 0
        {
            guard write(count) else { break }
        }
        unsafe output = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        return outputCount
    }

    /// Says that nothing follows (close_notify), so that the other side does not take the end for a cut.
    package func lastWords(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard state == .secure else { return 0 }
        state = .over
        unsafe output = buffer
        outputCount = 0
        ERR_clear_error()
        _ = unsafe SSL_shutdown(ssl)
        takeUnsent()
        unsafe output = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        return outputCount
    }

    package func closed() {
        if state == .greeting { tell(.ended) }
        state = .over
        machine?.closed()
        machine = nil
    }

    // OpenSSL.

    private func greet() {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(ssl)
        if result == 1 {
            state = .secure
            let whenGreeted = whenGreeted
            self.whenGreeted = nil
            whenGreeted?(nil)
            connection.requestFlush()  // what the machine had to say in vain until now
        } else {
            let code = unsafe SSL_get_error(ssl, result)
            if code != SSL_ERROR_WANT_READ { fail(error()) }
        }
    }

    /// Decrypts what has come, as much as there is in one piece, and hands it on.
    private func read() {
        let plain = unsafe context.plain
        var count = 0
        while state == .secure {
            ERR_clear_error()
            let room = Int32(plain.count - count)
            let result = unsafe SSL_read(ssl, plain.baseAddress?.advanced(by: count), room)
            if result > 0 {
                count += Int(result)
                if count < plain.count { continue }
            }
            let code = result > 0 ? SSL_ERROR_NONE : unsafe SSL_get_error(ssl, result)
            let failure = code == SSL_ERROR_SSL || code == SSL_ERROR_SYSCALL ? error() : nil
            if count > 0 { unsafe machine?.received(UnsafeRawBufferPointer(rebasing: plain[..<count])) }
            count = 0
            switch code {
            case SSL_ERROR_NONE: continue
            case SSL_ERROR_WANT_READ: return
            case SSL_ERROR_ZERO_RETURN: return endInput()
            default: return fail(failure ?? .ended)
            }
        }
    }

    private func write(_ count: Int) -> Bool {
        ERR_clear_error()
        let result = unsafe SSL_write(ssl, context.plain.baseAddress, Int32(count))
        if result == Int32(count) { return true }
        fail(error())  // the wire takes everything, so this is no lack of room
        return false
    }

    private func fail(_ error: TLSError) {
        if state == .over { return }
        let wasGreeting = state == .greeting
        state = .over
        failure = error.description
        if wasGreeting { tell(error) }
        // An alert may have to leave first.
        if unsent.isEmpty { connection.close() } else { connection.closeWhenFlushed() }
    }

    private func tell(_ error: TLSError) {
        let whenGreeted = whenGreeted
        self.whenGreeted = nil
        whenGreeted?(error)
    }

    /// Why the last call failed.
    private func error() -> TLSError {
        // First of all what the check said: the errors of its cryptography stand before its own.
        if let verdict { return .untrusted(verdict) }
        let code = ERR_peek_error()
        let reason = ERR_GET_REASON(code)
        switch reason {
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return .library("client didn't provide a certificate")
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST,
            SSL_R_PACKET_LENGTH_TOO_LONG:
            return .notTLS
        case SSL_AD_REASON_OFFSET...SSL_AD_REASON_OFFSET + 255:
            return .alert(UInt8(reason - SSL_AD_REASON_OFFSET))
        default:
            if code == 0 { return .ended }
            return .library(
                unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) } ?? "error \(code)")
        }
    }

    /// The check of the other side's certificate has failed.
    func refused(_ check: OpaquePointer) { verdict = unsafe Verdict.text(check, host: host) }

    // The wire, as OpenSSL sees it.

    /// Hands OpenSSL what has come; 0 when all of it is taken.
    func takeInput(into room: UnsafeMutableRawBufferPointer) -> Int {
        let count = unsafe min(room.count, input.count)
        unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
        unsafe input = UnsafeRawBufferPointer(rebasing: input[count...])
        return count
    }

    /// Takes what OpenSSL writes: into the write buffer where there is one with room, else it waits for one.
    func addOutput(_ bytes: UnsafeRawBufferPointer) {
        if unsent.isEmpty, unsafe output.count - outputCount >= bytes.count {
            unsafe UnsafeMutableRawBufferPointer(rebasing: output[outputCount...]).copyMemory(from: bytes)
            outputCount += bytes.count
        } else {
            unsafe unsent.append(contentsOf: bytes)
        }
    }

    private func takeUnsent() {
        let count = unsafe min(unsent.count, output.count - outputCount)
        if count == 0 { return }
        unsafe unsent.withUnsafeBytes {
            unsafe UnsafeMutableRawBufferPointer(rebasing: output[outputCount...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count]))
        }
        outputCount += count
        unsent.removeFirst(count)
        if unsent.isEmpty { unsent = [] }
    }
}
