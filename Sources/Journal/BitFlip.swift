/// Finds the one bit that would make a checksum right.
///
/// CRC-32C is linear: flipping bit b of byte i of n changes the checksum by a constant that depends on b and
/// on n - i alone, and these constants differ for all places of any record (the code detects every two-bit
/// error up to 2^31 bits). So the difference between the stored and the computed checksum names the bit, if
/// one it was.
package enum BitFlip {
    /// Reflected Castagnoli polynomial.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
    }
    /// Where in `table` an entry with that top byte is: all 256 differ.
    private static let indexOfTop: [UInt8] = {
        var indexes = [UInt8](repeating: 0, count: 256)
        for (index, entry) in table.enumerated() { indexes[Int(entry >> 24)] = UInt8(index) }
        return indexes
    }()

    /// The byte and bit of `count` checked bytes whose flip explains the difference; nil when none does.
    package static func locate(stored: UInt32, computed: UInt32, count: Int) -> (byte: Int, bit: Int)? {
        var difference = stored ^ computed
        guard difference != 0 else { return nil }
        for byte in stride(from: count - 1, through: 0, by: -1) {
            for bit in 0..<8 where table[1 << bit] == difference { return (byte, bit) }
            // Undo the effect of one zero byte behind the flip.
            let index = indexOfTop[Int(difference >> 24)]
            difference = (difference ^ table[Int(index)]) << 8 | UInt32(index)
        }
        return nil
    }
}
