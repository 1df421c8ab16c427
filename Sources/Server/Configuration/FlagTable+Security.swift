extension FlagTable {
    private static func client(_ key: String) -> [String] { ["client-transport-security", key] }
    private static func peer(_ key: String) -> [String] { ["peer-transport-security", key] }

    static let clientSecurity: [Flag] = [
        Flag(
            "cert-file", .string(\.configuration.security.client.certificateFile),
            "Certificate shown to clients.", file: client("cert-file")),
        Flag(
            "key-file", .string(\.configuration.security.client.keyFile), "Key of that certificate.",
            file: client("key-file")),
        Flag(
            "client-cert-file", .string(\.configuration.security.client.clientCertificateFile),
            "Certificate the server shows when it calls itself.", file: client("client-cert-file")),
        Flag(
            "client-key-file", .string(\.configuration.security.client.clientKeyFile),
            "Key of that certificate.", file: client("client-key-file")),
        Flag(
            "client-cert-auth", .boolean(\.configuration.security.client.clientCertificateAuth),
            "Require certificates of clients.", file: client("client-cert-auth")),
        Flag(
            "trusted-ca-file", .string(\.configuration.security.client.trustedCAFile),
            "CA that signs clients.", file: client("trusted-ca-file")),
        Flag(
            "client-crl-file", .string(\.configuration.security.client.revocationListFile),
            "Revoked certificates of clients.", file: []),
        Flag(
            "client-cert-allowed-hostname", .strings(\.configuration.security.client.allowedHostnames),
            "Host names a client's certificate must carry.", file: client("allowed-hostname")),
        Flag(
            "auto-tls", .boolean(\.configuration.security.client.automatic),
            "Make a certificate for clients at start.", file: client("auto-tls")),
        Flag(
            "self-signed-cert-validity", .unsigned(\.configuration.security.selfSignedValidityYears),
            "Years for which made certificates hold."),
        Flag(
            "cipher-suites", .strings(\.configuration.security.cipherSuites),
            "TLS cipher suites offered (empty: the usual)."),
        Flag("tls-min-version", .string(\.tlsMinVersion), "Oldest TLS accepted: TLS1.2 or TLS1.3."),
        Flag("tls-max-version", .string(\.tlsMaxVersion), "Newest TLS accepted (empty: the newest)."),
        Flag("cors", .origins(\.configuration.web.allowedOrigins), "Web origins allowed (*: all)."),
        Flag(
            "host-whitelist", .strings(\.configuration.web.allowedHosts),
            "Host names allowed in plain HTTP requests (*: all)."),
    ]

    static let peerSecurity: [Flag] = [
        Flag(
            "peer-cert-file", .string(\.configuration.security.peer.certificateFile),
            "Certificate shown to members.", file: peer("cert-file")),
        Flag(
            "peer-key-file", .string(\.configuration.security.peer.keyFile), "Key of that certificate.",
            file: peer("key-file")),
        Flag(
            "peer-client-cert-file", .string(\.configuration.security.peer.clientCertificateFile),
            "Certificate shown when calling members.", file: peer("client-cert-file")),
        Flag(
            "peer-client-key-file", .string(\.configuration.security.peer.clientKeyFile),
            "Key of that certificate.", file: peer("client-key-file")),
        Flag(
            "peer-client-cert-auth", .boolean(\.configuration.security.peer.clientCertificateAuth),
            "Require certificates of members.", file: peer("client-cert-auth")),
        Flag(
            "peer-trusted-ca-file", .string(\.configuration.security.peer.trustedCAFile),
            "CA that signs members.", file: peer("trusted-ca-file")),
        Flag(
            "peer-crl-file", .string(\.configuration.security.peer.revocationListFile),
            "Revoked certificates of members.", file: []),
        Flag(
            "peer-cert-allowed-cn", .strings(\.configuration.security.peer.allowedCommonNames),
            "Common names a member's certificate must carry.", file: peer("allowed-cn")),
        Flag(
            "peer-cert-allowed-hostname", .strings(\.configuration.security.peer.allowedHostnames),
            "Host names a member's certificate must carry.", file: peer("allowed-hostname")),
        Flag(
            "peer-auto-tls", .boolean(\.configuration.security.peer.automatic),
            "Make a certificate for members at start.", file: peer("auto-tls")),
        Flag(
            "peer-skip-client-san-verification",
            .boolean(\.configuration.security.peer.skipClientSANVerification),
            "Do not compare a member's certificate with its address.",
            file: peer("skip-client-san-verification"), experimental: true),
    ]
}
