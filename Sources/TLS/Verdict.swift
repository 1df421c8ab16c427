import COpenSSL
import CPlatform

/// What OpenSSL found wrong with the other side's certificate, in the words of Go's crypto/x509.
enum Verdict {
    /// The text behind `x509: `, while a check runs that has failed; `host` is the name that was asked for.
    static func text(_ check: OpaquePointer, host: String) -> String {
        let result = unsafe X509_STORE_CTX_get_error(check)
        switch result {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_SIGNATURE_FAILURE:
            return "certificate signed by unknown authority"
        case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID:
            return "certificate has expired or is not yet valid"
        case X509_V_ERR_INVALID_PURPOSE: return "certificate specifies an incompatible key usage"
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            return unsafe mismatch(X509_STORE_CTX_get0_cert(check), host)
        default: return unsafe String(cString: X509_verify_cert_error_string(Int(result)))
        }
    }

    private static func mismatch(_ certificate: OpaquePointer?, _ host: String) -> String {
        let (names, addresses) = unsafe Self.names(certificate)
        if isAddress(host) {
            if addresses.isEmpty {
                return "cannot validate certificate for \(host) because it doesn't contain any IP SANs"
            }
            return "certificate is valid for \(addresses.joined(separator: ", ")), not \(host)"
        }
        if names.isEmpty {
            return "certificate is not valid for any names, but wanted to match \(host)"
        }
        return "certificate is valid for \(names.joined(separator: ", ")), not \(host)"
    }

    static func isAddress(_ host: String) -> Bool {
        guard let parsed = unsafe a2i_IPADDRESS(host) else { return false }
        unsafe ASN1_OCTET_STRING_free(parsed)
        return true
    }

    /// Host names and addresses a certificate is for.
    private static func names(_ certificate: OpaquePointer?) -> (names: [String], addresses: [String]) {
        var (names, addresses): ([String], [String]) = ([], [])
        guard let list = unsafe openssl_names(certificate) else { return ([], []) }
        defer { unsafe GENERAL_NAMES_free(list) }
        for place in 0..<(unsafe openssl_name_count(list)) {
            var start: UnsafePointer<UInt8>?
            var count: Int32 = 0
            let kind = unsafe openssl_name(list, place, &start, &count)
            let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: Int(count)))
            if kind == GEN_DNS { names.append(String(decoding: bytes, as: UTF8.self)) }
            if kind == GEN_IPADD { addresses.append(address(bytes)) }
        }
        return (names, addresses)
    }

    /// `10.0.0.1`, or an IPv6 address in groups.
    private static func address(_ bytes: [UInt8]) -> String {
        if bytes.count == 4 { return bytes.map { String($0) }.joined(separator: ".") }
        if bytes == Array(repeating: 0, count: 15) + [1] { return "::1" }
        return stride(from: 0, to: bytes.count - 1, by: 2)
            .map { String(Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]), radix: 16) }.joined(separator: ":")
    }
}
