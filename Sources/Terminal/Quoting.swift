/// A size as etcd's tools print it (humanize, SI units): "20 kB", "1.2 MB", "83 MB".
package func sizeText(_ bytes: UInt64) -> String {
    if bytes < 1000 { return "\(bytes) B" }
    var unit = 0
    var scaled = Double(bytes)
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    while scaled >= 1000, unit < units.count - 1 {
        scaled /= 1000
        unit += 1
    }
    // Below ten one digit behind the point, otherwise none.
    let tenths = Int((scaled * 10 + 0.5).rounded(.down))
    return tenths < 100
        ? "\(tenths / 10).\(tenths % 10) \(units[unit])" : "\(Int(scaled + 0.5)) \(units[unit])"
}

/// Protobuf's text form of bytes, with the quotes: printable ASCII as it is, the usual escapes, the rest in
/// three octal digits.
package func protoQuoted(_ bytes: some Collection<UInt8>) -> String {
    var text: [UInt8] = [UInt8(ascii: "\"")]
    for byte in bytes {
        switch byte {
        case 0x0a: text += Array("\\n".utf8)
        case 0x0d: text += Array("\\r".utf8)
        case 0x09: text += Array("\\t".utf8)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
        case 0x20..<0x7f: text.append(byte)
        default:
            text += [UInt8(ascii: "\\"), 0x30 + byte >> 6, 0x30 + byte >> 3 & 7, 0x30 + byte & 7]
        }
    }
    text.append(UInt8(ascii: "\""))
    return String(decoding: text, as: UTF8.self)
}

/// Go's `%q` of bytes: UTF-8 kept where printable, otherwise \xNN, with Go's short escapes.
package func goQuoted(_ bytes: some Collection<UInt8>) -> String {
    var text = "\""
    let bytes = Array(bytes)
    var position = 0
    while position < bytes.count {
        let length = utf8Length(bytes, at: position)
        let scalars = String(decoding: bytes[position..<(position + max(length, 1))], as: UTF8.self)
            .unicodeScalars
        if length > 0, let scalar = scalars.first {
            text += goQuoted(scalar)
            position += length
        } else {
            text += "\\x" + hexByte(bytes[position])
            position += 1
        }
    }
    return text + "\""
}

private func goQuoted(_ scalar: Unicode.Scalar) -> String {
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

/// A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD.
package func jsonQuoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": quoted += "\\\""
        case "\\": quoted += "\\\\"
        case "\n": quoted += "\\n"
        case "\r": quoted += "\\r"
        case "\t": quoted += "\\t"
        case "\u{0}"..<"\u{20}", "\u{7f}", "\u{2028}", "\u{2029}": quoted += unicodeEscape(scalar)
        default: quoted.unicodeScalars.append(scalar)
        }
    }
    return quoted + "\""
}

/// Base64 with padding, as protobuf's JSON has bytes.
package func base64(_ bytes: some Collection<UInt8>) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    let bytes = Array(bytes)
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        let word = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
        for place in 0..<4 {
            text.append(place <= group.count ? alphabet[word >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}

/// Lower-case hexadecimal, two digits a byte.
package func hexText(_ bytes: some Collection<UInt8>) -> String {
    bytes.reduce(into: "") { $0 += hexByte($1) }
}

/// `text`, with blanks before it up to `width` characters.
package func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.utf8.count)) + text
}
