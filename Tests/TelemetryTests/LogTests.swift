import Glibc
import Logging
import Testing

@testable import Telemetry

/// A directory of its own for one test, removed at the end.
private func withTemporaryFile(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/telemetry-XXXXXX".utf8CString)
    let directory = try #require(
        unsafe template.withUnsafeMutableBufferPointer { buffer -> String? in
            guard let base = buffer.baseAddress, let made = unsafe mkdtemp(base) else { return nil }
            return unsafe String(cString: made)
        })
    let path = directory + "/file"
    defer {
        unlink(path)
        rmdir(directory)
    }
    try body(path)
}

private func contents(of path: String) -> String {
    let descriptor = unsafe open(path, O_RDONLY)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var text = ""
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        if count <= 0 { return text }
        text += String(decoding: chunk[..<count], as: UTF8.self)
    }
}

@Suite struct LogTests {
    private let moment = LogTime(seconds: 1_795_338_354, milliseconds: 312, offsetMinutes: 0)

    private func line(_ format: LogFormat, _ fields: Logger.Metadata, _ message: String = "ready") -> String {
        format.line(
            LogLine(
                level: .warning, time: moment, caller: "Server/Daemon.swift:7", message: message,
                fields: fields))
    }

    @Test func `a JSON line is zap's`() {
        let fields: Logger.Metadata = [
            "took": .stringConvertible(Duration.milliseconds(1500)), "count": .stringConvertible(3),
            "ok": .stringConvertible(true), "address": "127.0.0.1:2379", "ratio": .stringConvertible(0.5),
            "urls": .array(["http://a:1", "http://b:2"]), "map": .dictionary(["b": "2", "a": "1"]),
        ]
        #expect(
            line(.json, fields)
                == #"{"level":"warn","ts":"2026-11-22T09:05:54.312Z","caller":"Server/Daemon.swift:7","#
                + #""msg":"ready","address":"127.0.0.1:2379","count":3,"map":{"a":"1","b":"2"},"ok":true,"#
                + #""ratio":0.5,"took":"1.5s","urls":["http://a:1","http://b:2"]}"# + "\n")
    }

    @Test func `text from outside cannot break a line`() {
        #expect(
            line(.json, ["k\"": "a\nb\u{01}\u{7f}\u{1b}[0m\\"], "\"\t\r").hasSuffix(
                #""msg":"\"\t\r","k\"":"a\nb\u0001\#u{7f}\u001b[0m\\"}"# + "\n"))
    }

    @Test func `a console line has tabs and its fields as JSON`() {
        #expect(
            line(.console, ["b": .stringConvertible(1), "a": "x"])
                == "2026-11-22T09:05:54.312Z\twarn\tServer/Daemon.swift:7\tready\t{\"a\": \"x\", \"b\": 1}\n")
        #expect(line(.console, [:]) == "2026-11-22T09:05:54.312Z\twarn\tServer/Daemon.swift:7\tready\n")
    }

    @Test(arguments: [
        (0, 0, "1970-01-01T00:00:00.000Z"), (951_782_400, 0, "2000-02-29T00:00:00.000Z"),
        (1_795_338_354, 60, "2026-11-22T10:05:54.000+0100"),
        (1_795_338_354, -570, "2026-11-21T23:35:54.000-0930"), (-1, 0, "1969-12-31T23:59:59.000Z"),
        (4_107_542_399, 0, "2100-02-28T23:59:59.000Z"), (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
    ])
    func `a moment prints in its zone`(seconds: Int, offset: Int, text: String) {
        #expect(LogTime(seconds: seconds, milliseconds: 0, offsetMinutes: offset).text == text)
    }

    @Test func `lines of many threads arrive whole and above the threshold only`() async throws {
        try withTemporaryFile { path in
            let sink = try LogSink([path])
            var logger = Logger(label: "test") { _ in
                ZapLogHandler(sink: sink, format: .json, level: LogLevel.threshold("info") ?? .info)
            }
            logger[metadataKey: "member"] = "m"
            logger.debug("never seen")
            for number in 0..<500 { logger.info("line", metadata: ["n": .stringConvertible(number)]) }
            logger.error("last", metadata: ["member": "other"])
            sink.flush()
            let lines = contents(of: path).split(separator: "\n")
            #expect(lines.count == 501)
            #expect(lines.allSatisfy { $0.hasPrefix("{\"level\":") && $0.hasSuffix("}") })
            #expect(lines[499].hasSuffix(#""msg":"line","member":"m","n":499}"#))
            #expect(lines[499].contains(#""caller":"TelemetryTests/LogTests.swift:"#))
            #expect(lines[500].hasSuffix(#""msg":"last","member":"other"}"#))
        }
    }

    @Test func `an output that cannot be opened is named`() {
        #expect(throws: LogOutputError(name: "/nonexistent/log", number: ENOENT)) {
            try LogSink(["/nonexistent/log"])
        }
    }

    @Test func `zap's level names have thresholds`() {
        #expect(LogLevel.threshold("debug") == .trace)
        #expect(LogLevel.threshold("WARN") == .warning)
        #expect(LogLevel.threshold("panic") == .critical)
        #expect(LogLevel.threshold("loud") == nil)
    }
}

@Suite struct ServiceNotifierTests {
    /// A bound datagram socket that plays systemd.
    private func receive(at name: String, _ act: () -> Void) -> String? {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        let isAbstract = bytes[0] == UInt8(ascii: "@")
        if isAbstract { bytes[0] = 0 }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let length = socklen_t(2 + bytes.count + (isAbstract ? 0 : 1))
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, length)
            }
        }
        guard result == 0 else { return nil }
        act()
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = unsafe buffer.withUnsafeMutableBytes {
            unsafe recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
        }
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }

    @Test func `readiness reaches a socket file and an abstract socket`() throws {
        try withTemporaryFile { path in
            var outcome = ServiceNotifier.Outcome.notAsked
            let received = receive(at: path) { outcome = ServiceNotifier.ready(socket: path) }
            #expect(outcome == .sent)
            #expect(received == "READY=1")
        }
        let name = "@telemetry-test-\(getpid())"
        var outcome = ServiceNotifier.Outcome.notAsked
        let received = receive(at: name) { outcome = ServiceNotifier.stopping(socket: name) }
        #expect(outcome == .sent)
        #expect(received == "STOPPING=1")
    }

    @Test func `without a socket nothing is sent, a dead one is told`() {
        #expect(ServiceNotifier.ready(socket: nil) == .notAsked)
        #expect(ServiceNotifier.ready(socket: "") == .notAsked)
        #expect(ServiceNotifier.ready(socket: "/nonexistent/notify") == .failed(ENOENT))
        #expect(ServiceNotifier.ready(socket: "relative") == .failed(EINVAL))
    }
}
