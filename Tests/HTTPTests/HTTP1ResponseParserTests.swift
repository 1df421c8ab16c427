import Testing

@testable import HTTP

@Suite struct `HTTP/1_1 responses` {
    private struct Answer: Equatable {
        var status: Int
        var body = ""
        var isWhole = false
        var keepsAlive: Bool
    }

    /// Reads `text`, cut at `cuts`, as the answers of one connection that then ends.
    private func read(_ text: String, cuts: [Int] = []) throws -> [Answer] {
        var parser = HTTP1ResponseParser()
        var answers: [Answer] = []
        let bytes = Array(text.utf8)
        let ends = cuts + [bytes.count]
        var start = 0
        for end in ends {
            let piece = Array(bytes[start..<end])
            start = end
            try unsafe piece.withUnsafeBytes { buffer in
                var offset = 0
                while let event = unsafe try parser.next(buffer, from: &offset) {
                    switch event {
                    case .head(let head):
                        answers.append(Answer(status: head.status, keepsAlive: head.keepsAlive))
                    case .body(let range):
                        answers[answers.count - 1].body += String(decoding: piece[range], as: UTF8.self)
                    case .ended: answers[answers.count - 1].isWhole = true
                    }
                }
            }
        }
        if try parser.inputEnded() { answers[answers.count - 1].isWhole = true }
        return answers
    }

    private let several =
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        + "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
        + "HTTP/1.1 412 Precondition Failed\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n"
        + "3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n"
        + "HTTP/1.1 204 No Content\r\n\r\n"
        + "HTTP/1.1 200 OK\nContent-Length: 0\nConnection: close\n\n"

    private let expected = [
        Answer(status: 200, body: "hello", isWhole: true, keepsAlive: true),
        Answer(status: 412, body: "abc0123456789", isWhole: true, keepsAlive: true),
        Answer(status: 204, isWhole: true, keepsAlive: true),
        Answer(status: 200, isWhole: true, keepsAlive: false),
    ]

    @Test func `responses are read wherever the bytes are split`() throws {
        for cut in 0...several.utf8.count { #expect(try read(several, cuts: [cut]) == expected) }
        #expect(try read(several, cuts: Array(1..<several.utf8.count)) == expected)
    }

    @Test func `a body without a length lasts until the connection ends`() throws {
        let answers = try read("HTTP/1.0 200 OK\r\n\r\nabc\r\n\r\n", cuts: [21])
        #expect(answers == [Answer(status: 200, body: "abc\r\n\r\n", isWhole: true, keepsAlive: false)])
    }

    @Test func `a response that is cut short is no response`() {
        for text in ["HT", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"] {
            #expect(throws: HTTP1ResponseError.truncated) { try read(text) }
        }
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for text in ["", "3", "3\r\n", "3\r\nab", "3\r\nabc", "3\r\nabc\r\n", "0\r\n"] {
            #expect(throws: HTTP1ResponseError.truncated) { try read(chunked + text) }
        }
    }

    @Test(arguments: [
        "SSH-2.0-x\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
    ])
    func `junk is refused`(text: String) {
        #expect(throws: HTTP1ResponseError.self) { try read(text) }
    }

    @Test func `a head without an end is refused at 64 KiB`() {
        #expect(throws: HTTP1ResponseError.headersTooLarge) {
            try read("HTTP/1.1 200 OK\r\n" + String(repeating: "a", count: 70_000))
        }
        #expect(throws: HTTP1ResponseError.headersTooLarge) {
            try read("HTTP/1.1 200 OK\r\n" + String(repeating: "a: b\r\n", count: 20_000))
        }
        #expect(throws: HTTP1ResponseError.headersTooLarge) {
            try read(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
                    + String(repeating: "a: b\r\n", count: 20_000))
        }
    }
}
