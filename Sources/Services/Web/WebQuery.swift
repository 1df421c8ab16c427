/// The parameters behind `?`, decoded as Go's `url.ParseQuery` does.
struct WebQuery: Equatable {
    private var pairs: [(name: String, value: String)] = []

    init(_ text: String) {
        for part in text.split(separator: "&") {
            // Go drops parts with a semicolon since 1.17.
            if part.contains(";") { continue }
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = WebQuery.decode(sides[0]) else { continue }
            guard let value = sides.count > 1 ? WebQuery.decode(sides[1]) : "" else { continue }
            pairs.append((name, value))
        }
    }

    /// All values of a name, in order.
    func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

    func first(_ name: String) -> String? { pairs.first { $0.name == name }?.value }

    func has(_ name: String) -> Bool { pairs.contains { $0.name == name } }

    /// `+` is a blank, `%41` a byte; nil where a percent sign lacks its two digits.
    private static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                let digits = Substring(rest.prefix(2))
                guard digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else { return nil }
                bytes.append(value)
                rest = rest.dropFirst(2)
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func == (a: Self, b: Self) -> Bool { a.pairs.elementsEqual(b.pairs) { $0 == $1 } }
}
