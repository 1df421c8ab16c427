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

/// Of each byte the one to four letters of protobuf's text form, the first lowest, and in the bits from 32 up
/// how many there are.
private let protoLetters: [UInt64] = (UInt8.min...UInt8.max).map { byte in
    let letters: [UInt8] =
        switch byte {
        case 0x0a: Array("\\n".utf8)
        case 0x0d: Array("\\r".utf8)
        case 0x09: Array("\\t".utf8)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): [UInt8(ascii: "\\"), byte]
        case 0x20..<0x7f: [byte]
        default: [UInt8(ascii: "\\"), 0x30 + byte >> 6, 0x30 + byte >> 3 & 7, 0x30 + byte & 7]
        }
    return letters.reversed().reduce(0) { $0 << 8 | UInt64($1) } | UInt64(letters.count) << 32
}

/// Protobuf's text form of bytes, with the quotes: printable ASCII as it is, the usual escapes, the rest in
/// three octal digits.
///
/// A dump of a log is mostly this, so it takes no branch per byte: where values are noise, a processor
/// guesses half of them wrong.
package func appendProtoQuoted(_ bytes: [UInt8], to text: inout [UInt8]) {
    let table = protoLetters
    // Four bytes are stored for each byte, of which one to four count: the last store needs room for four.
    text.append(addingCapacity: 4 * bytes.count + 6) { output in
        // A byte is an index of the table's 256; `used` grows by at most four a byte and two for the quotes.
        unsafe output.withUnsafeMutableBufferPointer { buffer, used in
            unsafe table.withUnsafeBufferPointer { table in
                unsafe buffer[used] = UInt8(ascii: "\"")
                used += 1
                let start = UnsafeMutableRawBufferPointer(buffer)
                for byte in bytes {
                    let letters = unsafe table[Int(byte)]
                    let word = UInt32(truncatingIfNeeded: letters).littleEndian
                    unsafe start.storeBytes(of: word, toByteOffset: used, as: UInt32.self)
                    used += Int(letters >> 32)
                }
                unsafe buffer[used] = UInt8(ascii: "\"")
                used += 1
            }
        }
    }
}

/// The same as a text.
package func protoQuoted(_ bytes: some Collection<UInt8>) -> String {
    var text: [UInt8] = []
    appendProtoQuoted(Array(bytes), to: &text)
    return String(decoding: text, as: UTF8.self)
}

private func unicodeEscape(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16)
    let width = scalar.value > 0xffff ? 8 : 4
    return (width == 8 ? "\\U" : "\\u") + String(repeating: "0", count: width - digits.count) + digits
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
package func appendBase64(_ bytes: [UInt8], to text: inout [UInt8]) {
    let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    text.append(addingCapacity: (bytes.count + 2) / 3 * 4) { output in
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var word = 0
            for place in 0..<3 { word = word << 8 | (place < count ? Int(bytes[start + place]) : 0) }
            for place in 0..<4 {
                // The index has six bits, the text 64 letters.
                let letter = unsafe alphabet.utf8Start[word >> (18 - 6 * place) & 63]
                output.append(place <= count ? letter : UInt8(ascii: "="))
            }
        }
    }
}

/// The same as a text.
package func base64(_ bytes: some Collection<UInt8>) -> String {
    var text: [UInt8] = []
    appendBase64(Array(bytes), to: &text)
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
