/// A few varint fields in place: at most three scalars and the tag of a bytes field (44 bytes).
struct FieldBytes {
    /// Meaningful up to `count`.
    private(set) var storage = InlineArray<48, UInt8>(repeating: 0)
    private(set) var count = 0

    mutating func append(_ number: UInt8, _ value: UInt64) {
        appendVarint(UInt64(number) << 3)
        appendVarint(value)
    }

    mutating func appendTag(_ number: UInt8, length: Int) {
        appendVarint(UInt64(number) << 3 | 2)
        appendVarint(UInt64(length))
    }

    private mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            storage[count] = UInt8(truncatingIfNeeded: rest) | 0x80
            count += 1
            rest >>= 7
        }
        storage[count] = UInt8(truncatingIfNeeded: rest)
        count += 1
    }
}
