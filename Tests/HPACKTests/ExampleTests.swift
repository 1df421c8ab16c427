import Testing

@testable import HPACK

/// RFC 7541 appendix C. nghttp2 reads the same bytes, so that a slip of the pen here is none of ours.
@Suite struct `HPACK examples of the RFC` {
    private let decoder = Decoders()

    @Test func `C.1 integers`() throws {
        for (bytes, prefixBits, number) in [
            ([0x0a], 5, 10), ([0xea], 5, 10), ([0x1f, 0x9a, 0x0a], 5, 1337), ([0x2a], 8, 42),
        ] as [([UInt8], Int, Int)] {
            try unsafe bytes.withUnsafeBytes { bytes in
                var input = unsafe HeaderInput(bytes)
                let read = try input.integer(prefixBits: prefixBits)
                #expect(read == number)
                #expect(input.peek == nil)
            }
        }
        for (size, bytes) in [(10, [0x2a]), (1337, [0x3f, 0x9a, 0x0a])] as [(UInt32, [UInt8])] {
            var encoder = HeaderEncoder()
            encoder.resizeTable(to: size)
            var block: [UInt8] = []
            encoder.encodeOnce([], into: &block)
            #expect(block == bytes)
        }
    }

    @Test func `C.2.1 a literal field that is kept`() {
        let field = Field("custom-key", "custom-header")
        decoder.read("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", [field], [field])
    }

    @Test func `C.2.2 a literal field that is not kept`() {
        decoder.read("040c 2f73 616d 706c 652f 7061 7468", [Field(":path", "/sample/path")], [])
    }

    @Test func `C.2.3 a literal field that is never kept`() {
        decoder.read("1008 7061 7373 776f 7264 0673 6563 7265 74", [Field("password", "secret")], [])
    }

    @Test func `C.2.4 an indexed field`() {
        decoder.read("82", [Field(":method", "GET")], [])
    }

    @Test func `C.3 requests without Huffman's code`() {
        checkRequests(
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65")
    }

    @Test func `C.4 requests in Huffman's code`() {
        checkRequests(
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")
    }

    @Test func `C.5 responses without Huffman's code, with evictions`() {
        checkResponses(
            """
            4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133
            3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d
            """, "4803 3330 37c1 c0bf",
            """
            88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a
            6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d
            6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31
            """)
    }

    @Test func `C.6 responses in Huffman's code, with evictions`() {
        checkResponses(
            """
            4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d
            29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3
            """, "4883 640e ffc1 c0bf",
            """
            88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d
            d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106
            3d50 07
            """)
    }

    private func checkRequests(_ first: String, _ second: String, _ third: String) {
        let authority = Field(":authority", "www.example.com")
        let (cache, custom) = (Field("cache-control", "no-cache"), Field("custom-key", "custom-value"))
        let get = Field(":method", "GET")
        let (http, https) = (Field(":scheme", "http"), Field(":scheme", "https"))
        decoder.read(first, [get, http, Field(":path", "/"), authority], [authority], size: 57)
        decoder.read(
            second, [get, http, Field(":path", "/"), authority, cache], [cache, authority], size: 110)
        decoder.read(
            third, [get, https, Field(":path", "/index.html"), authority, custom],
            [custom, cache, authority], size: 164)
    }

    private func checkResponses(_ first: String, _ second: String, _ third: String) {
        let (found, moved) = (Field(":status", "302"), Field(":status", "307"))
        let cache = Field("cache-control", "private")
        let (date, later) = (
            Field("date", "Mon, 21 Oct 2013 20:13:21 GMT"), Field("date", "Mon, 21 Oct 2013 20:13:22 GMT")
        )
        let location = Field("location", "https://www.example.com")
        let coding = Field("content-encoding", "gzip")
        let cookie = Field("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")
        // The RFC sets the table's size of 256 outside of the blocks.
        decoder.read(
            "3fe1 01" + first, [found, cache, date, location], [location, date, cache, found], size: 222)
        decoder.read(second, [moved, cache, date, location], [moved, location, date, cache], size: 222)
        decoder.read(
            third, [Field(":status", "200"), cache, later, location, coding, cookie],
            [cookie, coding, later], size: 215)
    }
}

/// Ours and nghttp2's decoder, reading the same.
private final class Decoders {
    private var ours = HeaderDecoder()
    private let judge = Inflater()

    /// Reads a block and compares its fields and, newest first, those of the table.
    func read(
        _ block: String, _ fields: [Field], _ table: [Field], size: Int? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let block = Block.hex(block)
        #expect(judge.read(block) == Reading(fields: fields), sourceLocation: sourceLocation)
        #expect(judge.tableFields == table, sourceLocation: sourceLocation)
        #expect(ours.read(block).reading == Reading(fields: fields), sourceLocation: sourceLocation)
        #expect(ours.tableFields == table, sourceLocation: sourceLocation)
        if let size { #expect(judge.tableSize == size, sourceLocation: sourceLocation) }
    }
}
