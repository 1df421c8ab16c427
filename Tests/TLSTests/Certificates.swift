import COpenSSL
import Glibc

/// A folder of its own with certificates made for one test; removed with its owner.
final class Certificates {
    let directory: String
    private(set) var authority: Pair
    private var serial = 1

    /// A certificate and its key, as PEM files.
    struct Pair {
        let certificate: String
        let key: String
        fileprivate let x509: OpaquePointer
        fileprivate let pkey: OpaquePointer
    }

    /// With an authority, self-signed, in `authority`.
    init() {
        var template = Array("\(Self.temporary)/tls.XXXXXX".utf8CString)
        // mkdtemp writes into the zero-terminated array and returns it.
        directory = unsafe template.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress, let made = unsafe mkdtemp(base) else {
                fatalError("mkdtemp failed: \(errno)")
            }
            return unsafe String(cString: made)
        }
        authority = Self.make("authority", in: directory, serial: 1, names: nil, days: 1, signer: nil)
    }

    deinit {
        if let entries = opendir(directory) {
            while let entry = readdir(entries) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink("\(directory)/\(name)")
            }
            closedir(entries)
        }
        rmdir(directory)
    }

    private static var temporary: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }

    /// A certificate that the authority signs; `names` as OpenSSL writes them: `DNS:a,IP:127.0.0.1`. A
    /// negative number of days makes one that is over.
    func pair(_ name: String, names: String?, days: Int = 1) -> Pair {
        serial += 1
        return Self.make(name, in: directory, serial: serial, names: names, days: days, signer: authority)
    }

    private static func make(
        _ name: String, in directory: String, serial: Int, names: String?, days: Int, signer: Pair?
    ) -> Pair {
        let key = makeKey()
        guard let certificate = X509_new() else { fatalError("no memory for a certificate") }
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial)
        X509_gmtime_adj(X509_getm_notBefore(certificate), -86_400 * 30)
        X509_gmtime_adj(X509_getm_notAfter(certificate), 86_400 * days)
        X509_set_pubkey(certificate, key)
        // Authorities of two tests are told apart by their names.
        let subject = "\(name) of \(directory)".suffix(60)
        X509_NAME_add_entry_by_txt(
            X509_get_subject_name(certificate), "CN", MBSTRING_ASC, Array(subject.utf8), -1, -1, 0)
        X509_set_issuer_name(certificate, X509_get_subject_name(signer?.x509 ?? certificate))
        if signer == nil { add(NID_basic_constraints, "critical,CA:TRUE", to: certificate) }
        if let names { add(NID_subject_alt_name, names, to: certificate) }
        guard X509_sign(certificate, signer?.pkey ?? key, nil) > 0 else { fatalError("not signed") }
        let (path, keyPath) = ("\(directory)/\(name).crt", "\(directory)/\(name).key")
        let file = BIO_new_file(path, "w")
        PEM_write_bio_X509(file, certificate)
        BIO_free(file)
        let keyFile = BIO_new_file(keyPath, "w")
        PEM_write_bio_PrivateKey(keyFile, key, nil, nil, 0, nil, nil)
        BIO_free(keyFile)
        return Pair(certificate: path, key: keyPath, x509: certificate, pkey: key)
    }

    /// The pair's key once more, encrypted: nobody must be asked for the password.
    func locked(_ pair: Pair, password: String) -> String {
        let path = "\(directory)/locked.key"
        let file = BIO_new_file(path, "w")
        let secret = Array(password.utf8)
        PEM_write_bio_PrivateKey(file, pair.pkey, EVP_aes_128_cbc(), secret, Int32(secret.count), nil, nil)
        BIO_free(file)
        return path
    }

    private static func makeKey() -> OpaquePointer {
        var key: OpaquePointer?
        let making = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil)
        EVP_PKEY_keygen_init(making)
        EVP_PKEY_keygen(making, &key)
        EVP_PKEY_CTX_free(making)
        guard let key else { fatalError("no key") }
        return key
    }

    private static func add(_ kind: Int32, _ value: String, to certificate: OpaquePointer) {
        guard let made = X509V3_EXT_conf_nid(nil, nil, kind, value) else { fatalError("bad extension") }
        X509_add_ext(certificate, made, -1)
        X509_EXTENSION_free(made)
    }
}
