import CPlatform

/// Same length and bytes.
func isEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard left.count == right.count else { return false }
    guard let first = left.baseAddress, let second = right.baseAddress else { return true }
    return unsafe platform_bytes_equal(first, second, left.count) != 0
}

/// Same length and bytes as a literal.
func isEqual(_ bytes: UnsafeRawBufferPointer, _ literal: StaticString) -> Bool {
    unsafe isEqual(
        bytes, UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
}

/// Begins with a literal.
func hasPrefix(_ bytes: UnsafeRawBufferPointer, _ literal: StaticString) -> Bool {
    let count = literal.utf8CodeUnitCount
    return unsafe bytes.count >= count
        && isEqual(UnsafeRawBufferPointer(rebasing: bytes[..<count]), literal)
}
