@testable import HTTP
import Testing

@Suite struct OutboundMessagesTests {
    /// However the copies are cut, also inside a prefix, and however little a source gives at once.
    @Test func `messages come out behind their prefixes, in pieces of any size`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            var queue = OutboundMessages()
            var expected: [UInt8] = []
            var taken: [UInt8] = []
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                if Bool.random(using: &random) {
                    queue.append(bytes)
                } else {
                    queue.append(Sips(bytes, atOnce: Int.random(in: 1...9, using: &random)))
                }
                expected += [0, 0, 0, 0, UInt8(bytes.count)] + bytes
                while Bool.random(using: &random) { take(&taken, of: &queue, &random) }
                try #require(queue.byteCount == expected.count - taken.count, "seed \(seed)")
            }
            while queue.byteCount > 0 { take(&taken, of: &queue, &random) }
            try #require(taken == expected, "seed \(seed)")
            #expect(queue.isEmpty && queue.heldBytes == 0 && queue.sourceCount == 0, "seed \(seed)")
        }
    }

    @Test func `a source that gives nothing fails the copy, and is released with the rest`() {
        var queue = OutboundMessages()
        let source = Sips([1, 2, 3], atOnce: 0)
        queue.append([9])
        queue.append(source)
        var bytes = [UInt8](repeating: 0, count: 14)
        let isCopied = unsafe bytes.withUnsafeMutableBytes { unsafe queue.copy(into: $0) }
        #expect(!isCopied && source.releases == 0)
        queue.removeAll()
        #expect(source.releases == 1 && queue.byteCount == 0)
    }

    private func take(
        _ taken: inout [UInt8], of queue: inout OutboundMessages, _ random: inout SeededGenerator
    ) {
        let count = Int.random(in: 0...min(60, queue.byteCount), using: &random)
        var piece = [UInt8](repeating: 0xee, count: count)
        let isCopied = unsafe piece.withUnsafeMutableBytes { unsafe queue.copy(into: $0) }
        #expect(isCopied)
        taken += piece
    }
}

/// Gives at most so many of its bytes at once.
private final class Sips: MessageSource {
    private var rest: ArraySlice<UInt8>
    private let atOnce: Int
    let size: Int
    private(set) var releases = 0

    init(_ bytes: [UInt8], atOnce: Int) {
        rest = bytes[...]
        size = bytes.count
        self.atOnce = atOnce
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        let sip = rest.prefix(min(atOnce, buffer.count))
        unsafe buffer.copyBytes(from: sip)
        rest = rest.dropFirst(sip.count)
        return sip.count
    }

    func released() { releases += 1 }
}
