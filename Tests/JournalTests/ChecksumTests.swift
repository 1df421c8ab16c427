import Testing

@testable import Journal

@Suite struct ChecksumTests {
    /// The definition, bit by bit (0x82f63b78 is the reflected Castagnoli polynomial).
    private func reference(_ start: UInt32, _ bytes: ArraySlice<UInt8>) -> UInt32 {
        var state = ~start
        for byte in bytes {
            state ^= UInt32(byte)
            for _ in 0..<8 { state = state >> 1 ^ (state & 1 == 1 ? 0x82f6_3b78 : 0) }
        }
        return ~state
    }

    @Test func `the checksum is CRC-32C, at any length and address`() {
        // RFC 3720, B.4.
        #expect(unsafe crc32c(0, [UInt8](repeating: 0, count: 32).span.bytes) == 0x8a91_36aa)
        #expect(unsafe crc32c(0, [UInt8](repeating: 255, count: 32).span.bytes) == 0x62a8_ab43)
        var random = Seeded(3)
        let bytes = (0..<6000).map { _ in UInt8.random(in: 0...255, using: &random) }
        for length in Array(0...40) + [255, 256, 767, 768, 769, 775, 776, 1535, 1536, 1544, 2304, 4095, 5900]
        {
            let (from, start) = (length % 13, UInt32(truncatingIfNeeded: random.next()))
            let computed = unsafe crc32c(start, bytes.span.bytes.extracting(from..<(from + length)))
            #expect(computed == reference(start, bytes[from..<(from + length)]), "\(length)")
        }
    }
}
