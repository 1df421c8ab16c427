/// Bytes in double quotes as Go's `%q` has them (strconv.Quote): UTF-8 kept where it is printable, otherwise
/// `\xNN`, `\uNNNN` and `\UNNNNNNNN`, with Go's short escapes.
package func goQuoted(_ bytes: some Collection<UInt8>) -> String {
    let bytes = Array(bytes)
    var text = "\""
    var position = 0
    while position < bytes.count {
        let length = utf8Length(bytes, at: position)
        let scalars = String(decoding: bytes[position..<(position + max(length, 1))], as: UTF8.self)
            .unicodeScalars
        if length > 0, let scalar = scalars.first {
            text += goEscaped(scalar)
            position += length
        } else {
            text += "\\x" + hexByte(bytes[position])
            position += 1
        }
    }
    return text + "\""
}

/// The same of a text.
package func goQuoted(_ text: String) -> String { goQuoted(text.utf8) }

private func goEscaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\"": "\\\""
    case "\\": "\\\\"
    case "\u{7}": "\\a"
    case "\u{8}": "\\b"
    case "\u{c}": "\\f"
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    case "\u{b}": "\\v"
    case "\u{0}"..<"\u{20}", "\u{7f}": "\\x" + hexByte(UInt8(scalar.value))
    default: isPrintable(scalar) ? String(scalar) : unicodeEscape(scalar)
    }
}

private func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .spaceSeparator: scalar == " "
    default: true
    }
}

/// `\uNNNN`, or `\UNNNNNNNN` beyond the basic plane.
private func unicodeEscape(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16)
    let width = scalar.value > 0xffff ? 8 : 4
    return (width == 8 ? "\\U" : "\\u") + String(repeating: "0", count: width - digits.count) + digits
}

/// Bytes of the valid UTF-8 sequence at `position`; 0 when there is none.
private func utf8Length(_ bytes: [UInt8], at position: Int) -> Int {
    let length: Int
    switch bytes[position] {
    case ..<0x80: return 1
    case 0xc2..<0xe0: length = 2
    case 0xe0..<0xf0: length = 3
    case 0xf0..<0xf5: length = 4
    default: return 0
    }
    guard position + length <= bytes.count else { return 0 }
    let slice = bytes[position..<(position + length)]
    return String(validating: slice, as: UTF8.self) == nil ? 0 : length
}

private func hexByte(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return byte < 16 ? "0" + digits : digits
}
