import Raft

/// The keys of a load, as etcd's benchmark makes them: a buffer of zeroes of the key's size that begins
/// with the key's number as Go writes a signed varint (zig-zag), behind `prefix`. A number has one key: where
/// sizes differ, its size follows from the seed and the number.
package struct KeySpace {
    /// Keys in all, at least 1.
    package var size: UInt64 = 1
    /// Numbers ascend and begin again at `size`; else they are drawn.
    package var isSequential = false
    package var keySize = SizeDistribution.fixed(8)
    package var prefix: [UInt8] = []
    var chance: SeededGenerator
    private let seed: UInt64
    private var next: UInt64 = 0

    package init(seed: UInt64) {
        chance = SeededGenerator(seed: seed)
        self.seed = seed
    }

    /// Appends the next key.
    mutating func append(to bytes: inout [UInt8]) {
        append(number(), to: &bytes)
    }

    mutating func number() -> UInt64 {
        defer { next += 1 }
        return isSequential ? next % size : chance.below(size)
    }

    /// The key of a number.
    package func key(_ number: UInt64) -> [UInt8] {
        var key: [UInt8] = []
        append(number, to: &key)
        return key
    }

    /// Appends the key of a number.
    func append(_ number: UInt64, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes += prefix
        var rest = number << 1  // zig-zag of a number that is not negative
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
        let end = start + prefix.count + size(of: number)
        while bytes.count < end { bytes.append(0) }
    }

    private func size(of number: UInt64) -> Int {
        if case .fixed(let size) = keySize { return size }
        var chance = SeededGenerator(seed: seed ^ (number &* 0x9E37_79B9_7F4A_7C15))
        return keySize.draw(&chance)
    }
}

/// The values of a load: pieces of one random text, so that a value costs a copy.
package struct Values {
    package var size = SizeDistribution.fixed(8)
    private let text: [UInt8]
    private var chance: SeededGenerator

    package init(size: SizeDistribution, seed: UInt64) {
        self.size = size
        chance = SeededGenerator(seed: seed &+ 1)
        let count = size.largest + 4096
        var text: [UInt8] = []
        text.reserveCapacity(count + 8)
        while text.count < count {
            unsafe withUnsafeBytes(of: chance.next()) { unsafe text.append(contentsOf: $0) }
        }
        self.text = text
    }

    /// A value: a slice of the text.
    package mutating func draw() -> ArraySlice<UInt8> {
        let size = size.draw(&chance)
        let start = Int(chance.below(UInt64(text.count - size)))
        return text[start..<start + size]
    }
}
