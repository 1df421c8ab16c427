/// Why a value was not taken, in the words Go's parsers use for it.
struct ValueError: Error, Equatable {
    let text: String
    init(_ text: String) { self.text = text }

    static let syntax = ValueError("parse error")
    static let range = ValueError("value out of range")
}

/// Go's reading of numbers, booleans, durations and its quoting of strings: scripts written for etcd
/// depend on `0x10`, `1h30m` and `T`. Source: the documentation of Go's strconv, time and flag.
enum GoValue {
    /// `1 t T TRUE true True` and `0 f F FALSE false False`; anything else is nil.
    static func boolean(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "TRUE", "true", "True": true
        case "0", "f", "F", "FALSE", "false", "False": false
        default: nil
        }
    }

    /// An unsigned literal: decimal, `0x`, `0o`, `0b`, or a leading `0` for octal; `_` only between
    /// digits of a number with a base prefix (a leading zero counts) as in Go source.
    static func unsigned<T: FixedWidthInteger>(_ text: String, as: T.Type) throws(ValueError) -> T {
        let (digits, radix) = try base(of: text)
        var value: T = 0
        var isTooLarge = false
        for byte in digits {
            guard let digit = hexDigit(byte), digit < radix else { throw .syntax }
            let (scaled, over) = value.multipliedReportingOverflow(by: T(radix))
            let (sum, carry) = scaled.addingReportingOverflow(T(digit))
            value = sum
            isTooLarge = isTooLarge || over || carry
        }
        if isTooLarge { throw .range }
        return value
    }

    /// A signed literal: an optional `+` or `-` before an unsigned one.
    static func signed(_ text: String) throws(ValueError) -> Int {
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        let isSigned = isNegative || text.utf8.first == UInt8(ascii: "+")
        let magnitude = try unsigned(isSigned ? String(text.dropFirst()) : text, as: UInt.self)
        if isNegative {
            guard magnitude <= UInt(Int.max) + 1 else { throw .range }
            return Int(truncatingIfNeeded: 0 &- magnitude)
        }
        guard let value = Int(exactly: magnitude) else { throw .range }
        return value
    }

    /// Splits the base prefix off and checks the underscores.
    private static func base(of text: String) throws(ValueError) -> (digits: [UInt8], radix: Int) {
        var digits = Array(text.utf8)
        var radix = 10
        if digits.count > 1, digits[0] == UInt8(ascii: "0") {
            let prefix: Int
            switch digits[1] | 0x20 {
            case UInt8(ascii: "x"): (radix, prefix) = (16, 2)
            case UInt8(ascii: "o"): (radix, prefix) = (8, 2)
            case UInt8(ascii: "b"): (radix, prefix) = (2, 2)
            default: (radix, prefix) = (8, 1)
            }
            digits.removeFirst(prefix)
            digits = try withoutUnderscores(digits)
        }
        if digits.isEmpty { throw .syntax }
        return (digits, radix)
    }

    /// Drops underscores; each must stand before a digit (one directly after the prefix is allowed).
    private static func withoutUnderscores(_ digits: [UInt8]) throws(ValueError) -> [UInt8] {
        let underscore = UInt8(ascii: "_")
        let isDoubled = zip(digits, digits.dropFirst()).contains { $0 == underscore && $1 == underscore }
        if digits.last == underscore || isDoubled { throw .syntax }
        return digits.filter { $0 != underscore }
    }

    static func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte) - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte) - 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte) - 55
        default: nil
        }
    }

    /// Without spaces, tabs and line ends at both sides.
    static func trimmed(_ text: String) -> String {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0d).contains($0) }
        var bytes = Substring(text).utf8
        while let first = bytes.first, isSpace(first) { bytes.removeFirst() }
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return String(Substring(bytes))
    }
}
