import Wire

/// An address to listen on or to tell others: `http://127.0.0.1:2379`, `unix://localhost:2379`.
///
/// http and https carry host and port and nothing else; unix and unixs name a socket file, which is
/// host, port and path together, as in etcd. Source: etcd client/pkg/types/urls.go.
package struct ListenURL: Sendable, Hashable {
    package enum Scheme: String, Sendable {
        case http, https, unix, unixs

        package var isSecure: Bool { self == .https || self == .unixs }
        package var isSocketFile: Bool { self == .unix || self == .unixs }
    }

    package let scheme: Scheme
    /// Without brackets for IPv6; may be empty (`http://:2379`).
    package let host: String
    /// Decimal digits as written; nil where a socket file has none.
    package let port: UInt16?
    /// Only of socket files.
    package let path: String

    package init(scheme: Scheme, host: String, port: UInt16?, path: String = "") {
        precondition(scheme.isSocketFile || (port != nil && path.isEmpty))
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path
    }

    package static let defaultPeer = ListenURL(scheme: .http, host: "localhost", port: 2380)
    package static let defaultClient = ListenURL(scheme: .http, host: "localhost", port: 2379)

    /// `host:port`, IPv6 in brackets; for a socket file also its path: the file's name.
    package var address: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return name + (port.map { ":\($0)" } ?? "") + path
    }

    /// Whether the host is an IP address or exactly `localhost` (what etcd lets one bind to).
    package var isBindable: Bool {
        scheme.isSocketFile || host == "localhost" || IPAddress.isLiteral(host)
    }
}

extension ListenURL: CustomStringConvertible {
    package var description: String { "\(scheme.rawValue)://\(address)" }
}

extension ListenURL: Comparable {
    package static func < (a: Self, b: Self) -> Bool { a.description < b.description }
}

extension ListenURL {
    /// Reads one URL; the error is the sentence etcd gives for it.
    init(_ text: String) throws(ValueError) {
        let text = GoValue.trimmed(text)
        let (name, rest) = try ListenURL.splitScheme(text)
        guard let rest, let scheme = Scheme(rawValue: name) else {
            throw ValueError("URL scheme must be http, https, unix, or unixs: \(text)")
        }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let authority = rest[..<end].split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        let (host, port) = try ListenURL.splitPort(String(authority), of: text)
        try ListenURL.checkHost(host, of: text)
        let path = String(rest[end...])
        if !scheme.isSocketFile {
            guard let port else {
                throw ValueError("URL address does not have the form \"host:port\": \(text)")
            }
            if path.hasPrefix("/") { throw ValueError("URL must not contain a path: \(text)") }
            self.init(scheme: scheme, host: host, port: port)
        } else {
            self.init(scheme: scheme, host: host, port: port, path: path)
        }
    }

    /// Comma-separated; sorted by text.
    static func list(_ text: String) throws(ValueError) -> [ListenURL] {
        var urls: [ListenURL] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            urls.append(try ListenURL(String(part)))
        }
        return urls.sorted()
    }

    /// The scheme, lower case, and what follows `://`; no rest for `scheme:opaque` and plain paths.
    private static func splitScheme(_ text: String) throws(ValueError) -> (String, Substring?) {
        let quoted = goQuoted(text)
        if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
            throw ValueError("parse \(quoted): net/url: invalid control character in URL")
        }
        guard let colon = text.firstIndex(of: ":") else { return ("", nil) }
        let name = text[..<colon]
        if name.isEmpty { throw ValueError("parse \(quoted): missing protocol scheme") }
        guard name.utf8.allSatisfy(isSchemeByte), name.first?.isLetter == true else {
            if !name.contains("/") {
                throw ValueError("parse \(quoted): first path segment in URL cannot contain colon")
            }
            return ("", nil)
        }
        let rest = text[text.index(after: colon)...]
        return (name.lowercased(), rest.hasPrefix("//") ? rest.dropFirst(2) : nil)
    }

    private static func isSchemeByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: false
        }
    }

    /// The bytes Go's net/url takes in a host. Escapes may stand for bytes beyond ASCII only.
    private static func checkHost(_ host: String, of text: String) throws(ValueError) {
        let bytes = Array(host.utf8)
        for (index, byte) in bytes.enumerated() where byte < 0x80 {
            if byte == UInt8(ascii: "%") {
                let escape = bytes[index..<min(index + 3, bytes.count)]
                let value = UInt8(String(decoding: escape.dropFirst(), as: UTF8.self), radix: 16)
                if escape.count == 3, let value, value >= 0x80 || value == UInt8(ascii: "%") { continue }
                let quoted = goQuoted(String(decoding: escape, as: UTF8.self))
                throw ValueError("parse \(goQuoted(text)): invalid URL escape \(quoted)")
            }
            if " \\^`{|}".utf8.contains(byte) {
                let quoted = goQuoted(String(UnicodeScalar(byte)))
                throw ValueError("parse \(goQuoted(text)): invalid character \(quoted) in host name")
            }
        }
    }

    /// Splits `host:port`; a port that is no number from 0 to 65535 is refused.
    private static func splitPort(_ authority: String, of text: String) throws(ValueError)
        -> (host: String, port: UInt16?)
    {
        var host = Substring(authority)
        var digits: Substring?
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else {
                throw ValueError("parse \(goQuoted(text)): missing ']' in host")
            }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let tail = authority[authority.index(after: end)...]
            if tail.hasPrefix(":") {
                digits = tail.dropFirst()
            } else if !tail.isEmpty {
                throw portError(tail, text)
            }
        } else if let colon = authority.lastIndex(of: ":") {
            host = authority[..<colon]
            digits = authority[authority.index(after: colon)...]
            if host.contains(":") {
                throw ValueError("URL address does not have the form \"host:port\": \(text)")
            }
        }
        guard let digits, !digits.isEmpty else { return (String(host), nil) }
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits) else {
            throw portError(":" + digits, text)
        }
        return (String(host), port)
    }

    private static func portError(_ port: Substring, _ text: String) -> ValueError {
        let quoted = goQuoted(String(port))
        return ValueError("parse \(goQuoted(text)): invalid port \(quoted) after host")
    }
}
