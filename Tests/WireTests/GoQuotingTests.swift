import Testing
import Wire

/// What Go's strconv.Quote answers, by its documentation and tests of our own against its rules.
@Suite struct GoQuotingTests {
    @Test(arguments: [
        ("", #""""#), ("plain é 日本", #""plain é 日本""#), ("a\"b\\c", #""a\"b\\c""#),
        ("\u{7}\u{8}\u{c}\n\r\t\u{b}", #""\a\b\f\n\r\t\v""#), ("\0\u{1f}\u{7f}", #""\x00\x1f\x7f""#),
        ("\u{85}\u{a0}\u{ad}\u{200b}\u{2028}\u{feff}", #""\u0085\u00a0\u00ad\u200b\u2028\ufeff""#),
        ("\u{e000}\u{e0001}😀", #""\ue000\U000e0001😀""#),
    ]) func `a text is quoted as strconv does`(text: String, expected: String) {
        #expect(goQuoted(text) == expected)
    }

    @Test func `bytes that are no UTF-8 are shown one by one`() {
        #expect(goQuoted([0x61, 0xff, 0xc3, 0xa9, 0xc3, 0x62]) == #""a\xffé\xc3b""#)
        #expect(goQuoted([0xed, 0xa0, 0x80, 0xc0, 0x80]) == #""\xed\xa0\x80\xc0\x80""#)
        #expect(goQuoted([0xf4, 0x90, 0x80, 0x80, 0xf0, 0x9f]) == #""\xf4\x90\x80\x80\xf0\x9f""#)
    }
}
