import Testing
import Wire

@Suite struct WireTests {
    @Test(arguments: [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, UInt64(Int64.max), UInt64.max])
    func `a varint comes back as it was written, in as many bytes as foretold`(value: UInt64) throws {
        var bytes: [UInt8] = []
        bytes.appendField(5, always: value)
        #expect(bytes.count == 1 + varintSize(value))
        var cursor = WireCursor()
        #expect(try cursor.next(in: bytes.span.bytes) == WireField(number: 5, value: .varint(value)))
        #expect(try cursor.next(in: bytes.span.bytes) == nil)
    }

    @Test func `an embedded message is read inside its own range only`() throws {
        let inner: [UInt8] = [0x08, 0x01]
        var bytes: [UInt8] = []
        bytes.appendField(1, always: inner.span.bytes)
        bytes.appendField(2, 7 as UInt64)
        var cursor = WireCursor()
        guard case .bytes(let range) = try cursor.next(in: bytes.span.bytes)?.value else {
            Issue.record("no message")
            return
        }
        var embedded = WireCursor(range: range)
        #expect(try embedded.next(in: bytes.span.bytes) == WireField(number: 1, value: .varint(1)))
        #expect(try embedded.next(in: bytes.span.bytes) == nil)
        #expect(try cursor.next(in: bytes.span.bytes) == WireField(number: 2, value: .varint(7)))
    }

    @Test func `every cut of a message is either a shorter message or named as truncated`() throws {
        var bytes: [UInt8] = []
        bytes.appendField(1, 300 as UInt64)
        bytes.appendField(2, always: ([1, 2, 3] as [UInt8]).span.bytes)
        for length in 0..<bytes.count {
            let cut = Array(bytes[..<length])
            var cursor = WireCursor()
            if length == 0 || length == 3 {
                while try cursor.next(in: cut.span.bytes) != nil {}
            } else {
                #expect(throws: WireError.truncated(offset: length < 3 ? 0 : 3)) {
                    while try cursor.next(in: cut.span.bytes) != nil {}
                }
            }
        }
    }

    @Test func `groups, field number zero and endless varints are malformed`() {
        for bytes: [UInt8] in [[0x0b], [0x00, 0x01], [0x08] + Array(repeating: 0xff, count: 11)] {
            var cursor = WireCursor()
            #expect(throws: WireError.malformed(offset: 0)) { try cursor.next(in: bytes.span.bytes) }
        }
    }
}
