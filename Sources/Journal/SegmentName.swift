import Raft

/// `<seq>-<index>.wal`, both sixteen lower-case hexadecimal digits.
package struct SegmentName: Hashable, Comparable, Sendable {
    /// 0 for the first segment, then one more each.
    package var sequence: UInt64
    /// The index after the last one saved when the segment was begun; 0 for the first.
    package var firstIndex: LogIndex

    package init(sequence: UInt64, firstIndex: LogIndex) {
        self.sequence = sequence
        self.firstIndex = firstIndex
    }

    /// Nil for any other file.
    package init?(_ name: String) {
        guard let (sequence, index) = hexPair(name, suffix: ".wal") else { return nil }
        self.init(sequence: sequence, firstIndex: LogIndex(index))
    }

    package var text: String { hex16(sequence) + "-" + hex16(firstIndex.rawValue) + ".wal" }

    package static func < (a: SegmentName, b: SegmentName) -> Bool {
        (a.sequence, a.firstIndex) < (b.sequence, b.firstIndex)
    }
}

/// Sixteen lower-case hexadecimal digits.
func hex16(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}

/// The two numbers of `<16 digits>-<16 digits><suffix>`; nil when `name` is anything else.
func hexPair(_ name: String, suffix: String) -> (UInt64, UInt64)? {
    let bytes = Array(name.utf8)
    guard bytes.count == 33 + suffix.utf8.count, bytes[16] == UInt8(ascii: "-"),
        bytes[33...].elementsEqual(suffix.utf8)
    else { return nil }
    func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"):
                value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
    guard let first = number(bytes[..<16]), let second = number(bytes[17..<33]) else { return nil }
    return (first, second)
}
