/// The peer URLs of a MemberAdd, checked as etcd checks them: at least one, scheme http, https, unix or
/// unixs, a host with a port (but for unix sockets), and no path (api.md 15).
struct PeerURLs {
    /// Ascending, white space around them dropped.
    let sorted: [String]

    /// Nil when any of them is wrong.
    init?(_ texts: [String]) {
        guard !texts.isEmpty else { return nil }
        var urls: [String] = []
        for text in texts {
            guard let url = Self.checked(text) else { return nil }
            urls.append(url)
        }
        sorted = urls.sorted()
    }

    private static func checked(_ text: String) -> String? {
        let spaces: Set<Character> = [" ", "\t", "\n", "\r", "\r\n", "\u{b}", "\u{c}"]
        var url = Substring(text)
        while let first = url.first, spaces.contains(first) { url.removeFirst() }
        while let last = url.last, spaces.contains(last) { url.removeLast() }
        guard let scheme = url.firstRange(of: "://").map({ url[..<$0.lowerBound] }) else { return nil }
        let rest = url.dropFirst(scheme.count + 3)
        switch scheme.lowercased() {
        case "unix", "unixs": return rest.isEmpty ? nil : String(url)
        case "http", "https": break
        default: return nil
        }
        let authority = rest.prefix { !"/?#".contains($0) }
        guard rest.dropFirst(authority.count).first != "/", hasPort(authority) else { return nil }
        return String(url)
    }

    /// Go's net.SplitHostPort accepts it: one colon outside of brackets, and digits (or nothing, as the
    /// URL parser allows) behind it.
    private static func hasPort(_ authority: Substring) -> Bool {
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? authority
        guard let colon = host.lastIndex(of: ":") else { return false }
        let name = host[..<colon]
        let port = host[host.index(after: colon)...]
        guard port.allSatisfy({ $0.isASCII && $0.isNumber }) else { return false }
        if name.hasPrefix("[") { return name.hasSuffix("]") }
        return !name.contains(":") && !name.contains("[") && !name.contains("]")
    }
}
