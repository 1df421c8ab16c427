/// The static code of RFC 7541 appendix B.
///
/// The code is canonical: ordered by length and then by symbol, each code is the one before plus one, shifted
/// to its own length. So the lengths say all of it. EOS, 30 ones, is what is left over at the end.
struct HuffmanCode {
    static let shared = HuffmanCode()

    /// The shortest codes, which nearly all text consists of, are found in one step.
    private static let shortBits = 8
    private static let longestBits = 30

    /// By the next 8 bits: the symbol in the low byte, the length of its code above; 0 for longer codes.
    private let short: [UInt16]
    /// By length: the first code of that length, and the place of its symbol in `symbols`.
    private let firstCode: [UInt32]
    private let firstPlace: [Int]
    /// All symbols, by length and value.
    private let symbols: [UInt8]

    private init() {
        let lengths = Self.lengths
        symbols = (0...255).map { UInt8($0) }.sorted {
            (lengths[Int($0)], $0) < (lengths[Int($1)], $1)
        }
        var short = [UInt16](repeating: 0, count: 1 << Self.shortBits)
        var firstCode = [UInt32](repeating: 0, count: Self.longestBits + 2)
        var firstPlace = [Int](repeating: 0, count: Self.longestBits + 2)
        var code: UInt32 = 0
        var place = 0
        for length in 1...Self.longestBits {
            firstCode[length] = code
            firstPlace[length] = place
            while place < symbols.count, Int(lengths[Int(symbols[place])]) == length {
                if length <= Self.shortBits {
                    let start = Int(code) << (Self.shortBits - length)
                    for index in start..<start + 1 << (Self.shortBits - length) {
                        short[index] = UInt16(length) << 8 | UInt16(symbols[place])
                    }
                }
                code += 1
                place += 1
            }
            code <<= 1
        }
        firstPlace[Self.longestBits + 1] = place
        (self.short, self.firstCode, self.firstPlace) = (short, firstCode, firstPlace)
    }

    /// Appends the text behind `coded`.
    func decode(_ coded: UnsafeRawBufferPointer, into text: inout [UInt8]) throws(HPACKError) {
        var bits: UInt64 = 0  // the next ones at the top
        var count = 0
        var offset = 0
        while true {
            while count <= 56, offset < coded.count {
                unsafe bits |= UInt64(coded[offset]) << UInt64(56 - count)
                count += 8
                offset += 1
            }
            let entry = short[Int(bits >> UInt64(64 - Self.shortBits))]
            let length = Int(entry >> 8)
            if length > 0, length <= count {
                text.append(UInt8(truncatingIfNeeded: entry))
                bits <<= UInt64(length)
                count -= length
            } else if let (symbol, length) = long(bits, count) {
                text.append(symbol)
                bits <<= UInt64(length)
                count -= length
            } else {
                // What is left is padding: the beginning of EOS, less than a byte.
                guard count < 8, bits == ~(UInt64.max >> UInt64(count)) else { throw .huffman }
                return
            }
        }
    }

    /// The symbol of a code of more than 8 bits at the top of `bits`, of which `count` are there.
    private func long(_ bits: UInt64, _ count: Int) -> (symbol: UInt8, length: Int)? {
        var length = Self.shortBits + 1
        while length <= Self.longestBits, length <= count {
            let code = UInt32(truncatingIfNeeded: bits >> UInt64(64 - length))
            let known = firstPlace[length + 1] - firstPlace[length]
            if code >= firstCode[length], Int(code - firstCode[length]) < known {
                return (symbols[firstPlace[length] + Int(code - firstCode[length])], length)
            }
            length += 1
        }
        return nil
    }

    /// The length in bits of each byte's code.
    private static let lengths: [UInt8] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
        6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    ]
}
