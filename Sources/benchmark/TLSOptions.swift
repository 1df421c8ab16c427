import ArgumentParser
import EtcdClient
import TLS
import Terminal

/// etcd's flags of a client's TLS.
struct TLSOptions: ParsableArguments {
    @Option(help: "Certificate to show to the server (PEM); with --key.")
    var cert: String?
    @Option(help: "Key of that certificate (PEM).")
    var key: String?
    @Option(help: "Certificates that may have signed the server's (PEM); else those the system trusts.")
    var cacert: String?
    @Flag(
        name: .customLong("insecure-skip-tls-verify"),
        help: "Takes any certificate of the server; for tests only.")
    var skipsVerification = false
    @Flag(
        name: .customLong("insecure-transport"), inversion: .prefixedNo,
        help: "=false: TLS also where an endpoint has no scheme and no certificate is named.")
    var isTransportInsecure = true

    /// Go's `--flag=false` as ArgumentParser has it.
    static func arranged(_ argument: String) -> String? {
        switch argument {
        case "--insecure-transport=false": "--no-insecure-transport"
        case "--insecure-skip-tls-verify=false": nil
        default: argument
        }
    }

    /// What connections to these endpoints need; nil where all of them are plain.
    func context(_ endpoints: [Endpoint]) throws -> TLSContext? {
        let isGiven = [cert, key, cacert].contains { $0 != nil } || skipsVerification || !isTransportInsecure
        guard endpoints.contains(where: { $0.security == .secure || $0.security == .asGiven && isGiven })
        else { return nil }
        do throws(TLSError) {
            return try TLSContext(
                .client,
                TLSSettings(
                    certificateFile: cert, keyFile: key,
                    peer: skipsVerification ? .anyone : .signed(by: cacert)))
        } catch {
            throw Failure(error.description)
        }
    }
}
