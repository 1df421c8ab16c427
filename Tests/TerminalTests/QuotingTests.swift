import Terminal
import Testing

@Suite struct QuotingTests {
    @Test func `protobuf's text escapes every byte that is not printable ASCII`() {
        #expect(protoQuoted(Array("a\"b\\c\n\r\t".utf8)) == #""a\"b\\c\n\r\t""#)
        #expect(protoQuoted([0, 7, 0x1f, 0x7f, 0x80, 0xff]) == #""\000\007\037\177\200\377""#)
        for byte in UInt8.min...UInt8.max {
            let text = protoQuoted([byte])
            #expect(text.utf8.allSatisfy { (0x20..<0x7f).contains($0) } && text.hasPrefix("\""))
        }
    }

    @Test func `JSON strings escape quotes, control characters and the line ends of JavaScript`() {
        #expect(jsonQuoted("a\"\\\n\u{1}\u{2028}é") == #""a\"\\\n\u0001\u2028é""#)
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ]) func `base64 is that of RFC 4648`(text: String, expected: String) {
        #expect(base64(Array(text.utf8)) == expected)
    }

    @Test func `bytes above 127 are base64 too`() { #expect(base64([0xff, 0, 0xfe, 0x80]) == "/wD+gA==") }

    @Test(
        arguments: [
            (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9949, "9.9 kB"), (9950, "10 kB"),
            (20_480, "20 kB"),
            (82_854_982, "83 MB"), (UInt64.max, "18 EB"),
        ] as [(UInt64, String)]) func `sizes have SI units`(bytes: UInt64, expected: String)
    {
        #expect(sizeText(bytes) == expected)
    }

    @Test func `hexadecimal digits come in pairs and numbers are padded`() {
        #expect(hexText([0, 0x0f, 0xff]) == "000fff")
        #expect(padded("7", 4) == "   7" && padded("12345", 4) == "12345")
    }
}
