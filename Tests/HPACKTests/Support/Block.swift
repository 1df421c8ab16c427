/// Header blocks written by hand, so that tests can send what no encoder would.
enum Block {
    static func indexed(_ index: Int) -> [UInt8] { integer(index, prefixBits: 7, 0x80) }
    static func size(_ bytes: Int) -> [UInt8] { integer(bytes, prefixBits: 5, 0x20) }

    /// What a literal asks of those that read it (RFC 7541 section 6.2).
    enum Keeping: CaseIterable {
        case kept, notKept, neverKept
    }

    /// The first bytes of a literal; its name follows if `index` is 0, then its value.
    static func literal(_ keeping: Keeping, _ index: Int = 0) -> [UInt8] {
        switch keeping {
        case .kept: integer(index, prefixBits: 6, 0x40)
        case .notKept: integer(index, prefixBits: 4, 0)
        case .neverKept: integer(index, prefixBits: 4, 0x10)
        }
    }

    static func string(_ bytes: [UInt8]) -> [UInt8] { integer(bytes.count, prefixBits: 7, 0) + bytes }
    static func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }

    /// Bits that say they are Huffman's code, true or not.
    static func coded(_ bits: [UInt8]) -> [UInt8] { integer(bits.count, prefixBits: 7, 0x80) + bits }

    static func integer(_ number: Int, prefixBits: Int, _ pattern: UInt8) -> [UInt8] {
        let mask = (1 << prefixBits) - 1
        if number < mask { return [pattern | UInt8(number)] }
        var bytes = [pattern | UInt8(mask)]
        var rest = number - mask
        while rest >= 128 {
            bytes.append(UInt8(rest % 128) | 0x80)
            rest /= 128
        }
        return bytes + [UInt8(rest)]
    }

    /// The bytes of hexadecimal digits as the RFC prints them, blanks between them or not.
    static func hex(_ text: String) -> [UInt8] {
        let digits = text.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
