/// The metadata of a call that the application wants to see, as pieces of one byte array:
///
///     offset  size  field
///     0       1     key: its place in the configured list
///     1       2     length of the value, little-endian
///     3       n     value
///
/// Clients send the same metadata on every call; a session hands equal blocks on as the same array, so
/// a call allocates nothing for it.
struct MetadataBlock {
    var bytes: [UInt8] = []
    let keys: [StaticString]

    func value(_ key: StaticString) -> [UInt8]? {
        var offset = 0
        while offset < bytes.count {
            let length = Int(bytes[offset + 1]) | Int(bytes[offset + 2]) << 8
            let start = offset + 3
            if isEqual(keys[Int(bytes[offset])], key) { return Array(bytes[start..<start + length]) }
            offset = start + length
        }
        return nil
    }

    /// Adds a value under the key at `place` of the list; values over 64 KiB cannot come this far.
    mutating func append(_ place: Int, _ value: UnsafeRawBufferPointer) {
        precondition(value.count <= UInt16.max, "the header list is bounded below this")
        bytes.append(UInt8(place))
        bytes.append(UInt8(truncatingIfNeeded: value.count))
        bytes.append(UInt8(truncatingIfNeeded: value.count >> 8))
        unsafe bytes.append(contentsOf: value)
    }
}

/// Same length and bytes.
func isEqual(_ left: StaticString, _ right: StaticString) -> Bool {
    unsafe isEqual(
        UnsafeRawBufferPointer(start: left.utf8Start, count: left.utf8CodeUnitCount),
        UnsafeRawBufferPointer(start: right.utf8Start, count: right.utf8CodeUnitCount))
}
