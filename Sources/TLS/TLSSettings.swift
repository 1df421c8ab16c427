/// What one side of TLS brings along and asks of the other.
package struct TLSSettings {
    /// What the other side must be.
    package enum Peer: Equatable {
        /// Nobody in particular: a server that knows its clients otherwise, or a client that skips the check.
        case anyone
        /// Signed by one of the certificates in a file (PEM), or by one that the system trusts (nil).
        case signed(by: String?)
    }

    /// The own certificate, those that signed it behind it, and its key: PEM files, both or none.
    package var certificateFile: String?
    package var keyFile: String?
    package var peer: Peer
    /// What is spoken inside, the preferred one first (ALPN, RFC 7301).
    package var protocols: [String]

    package init(
        certificateFile: String? = nil, keyFile: String? = nil, peer: Peer, protocols: [String] = ["h2"]
    ) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.peer = peer
        self.protocols = protocols
    }
}
