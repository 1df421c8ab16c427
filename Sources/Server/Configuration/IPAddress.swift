/// Recognises IP literals without asking the system.
enum IPAddress {
    /// Four decimal numbers, or a valid IPv6 text (with an optional zone).
    static func isLiteral(_ text: String) -> Bool {
        isVersion4(text) || isVersion6(text)
    }

    static func isVersion4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                part.utf8.count <= 3 && part.utf8.allSatisfy { (48...57).contains($0) }
                    && UInt8(part) != nil && (part.utf8.count == 1 || part.first != "0")
            }
    }

    /// RFC 4291 section 2.2: eight groups, one run of them replaced by `::`, the last two as IPv4.
    static func isVersion6(_ text: String) -> Bool {
        let address = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)[0]
        guard address.contains(":") else { return false }
        guard let gap = doubleColon(in: address) else {
            return groupCount(address, mayEndInVersion4: true) == 8
        }
        let head = address[..<gap]
        let tail = address[address.index(gap, offsetBy: 2)...]
        guard let before = head.isEmpty ? 0 : groupCount(head, mayEndInVersion4: false),
            let after = tail.isEmpty ? 0 : groupCount(tail, mayEndInVersion4: true)
        else { return false }
        return before + after < 8
    }

    private static func doubleColon(in text: Substring) -> Substring.Index? {
        var index = text.startIndex
        while index < text.endIndex {
            if text[index...].hasPrefix("::") { return index }
            index = text.index(after: index)
        }
        return nil
    }

    /// Number of 16-bit groups; nil if one is malformed.
    private static func groupCount(_ text: Substring, mayEndInVersion4: Bool) -> Int? {
        let groups = text.split(separator: ":", omittingEmptySubsequences: false)
        var count = 0
        for (index, group) in groups.enumerated() {
            if mayEndInVersion4, index == groups.count - 1, isVersion4(String(group)) {
                count += 2
                continue
            }
            guard (1...4).contains(group.utf8.count),
                group.utf8.allSatisfy({ GoValue.hexDigit($0) != nil })
            else { return nil }
            count += 1
        }
        return count
    }
}
