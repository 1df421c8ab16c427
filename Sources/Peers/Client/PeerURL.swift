/// Scheme and authority of a peer URL: `http://10.0.0.1:2380`, `http://[::1]:2380`.
struct PeerURL: Hashable, Sendable {
    let host: String
    let port: UInt16
    /// As the Host header names it.
    let authority: String

    /// Nil for anything but plain HTTP to a host with a port; TLS is `Net`'s to add.
    init?(_ text: String) {
        guard text.hasPrefix("http://") else { return nil }
        var rest = text.dropFirst(7)
        while rest.hasSuffix("/") { rest = rest.dropLast() }
        let authority = rest
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]),
            port > 0
        else { return nil }
        rest = rest[..<colon]
        if rest.hasPrefix("["), rest.hasSuffix("]") { rest = rest.dropFirst().dropLast() }
        guard !rest.isEmpty, !authority.utf8.contains(where: { $0 <= 0x20 || $0 == 0x2f || $0 == 0x7f })
        else { return nil }
        host = String(rest)
        self.port = port
        self.authority = String(authority)
    }
}

/// The URLs of one peer and the one that is used now.
struct URLPicker {
    private(set) var urls: [String]
    private var place = 0

    init(_ urls: [String]) { self.urls = urls }

    /// Nil when there are none.
    var current: String? { urls.isEmpty ? nil : urls[place] }

    /// Moves on from a URL that failed. One that is not in use any more changes nothing: two streams that
    /// lose the same URL together must not step over the next.
    mutating func leave(_ url: String) {
        if url == current { place = (place + 1) % urls.count }
    }

    /// Takes other URLs; the one in use stays in use where it is among them.
    mutating func change(to urls: [String]) {
        let used = current
        self.urls = urls
        place = urls.firstIndex { $0 == used } ?? 0
    }
}
