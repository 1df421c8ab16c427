import Glibc
import LoadGeneration
import Terminal

/// `--user name[:password]`.
struct UserOption {
    let name: String
    let password: String

    /// Asks for a password that is not given: on the terminal, else it is the next line of standard input.
    init(_ text: String) throws {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        name = String(parts[0])
        password = try parts.count > 1 ? String(parts[1]) : Self.asked.get()
    }

    /// Asked once, whoever needs it.
    private static let asked = Result<String, Failure> { () throws(Failure) in
        try isatty(0) == 1 ? silently { () throws(Failure) in try readLine() } : readLine()
    }

    /// With the terminal's echo off, which comes back also after Ctrl-C.
    private static func silently(_ read: () throws(Failure) -> String) throws(Failure) -> String {
        Terminal.prompt("Password: ")
        var settings = termios()
        // tcgetattr fills the struct, tcsetattr reads it.
        unsafe tcgetattr(0, &settings)
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        unsafe tcsetattr(0, TCSAFLUSH, &silent)
        for signal in [SIGINT, SIGTERM] { siginterrupt(signal, 1) }
        defer {
            unsafe tcsetattr(0, TCSAFLUSH, &settings)
            for signal in [SIGINT, SIGTERM] { siginterrupt(signal, 0) }
            Terminal.prompt("\n")
        }
        return try read()
    }

    private static func readLine() throws(Failure) -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            // One byte into one byte.
            switch unsafe read(0, &byte, 1) {
            case 1 where byte == UInt8(ascii: "\n"): return text(line)
            case 1: line.append(byte)
            case 0 where !line.isEmpty: return text(line)
            case 0: throw Failure("--user: no password on standard input")
            default:
                if errno == EINTR, !Interruption.hasCome { continue }
                throw Failure(errno == EINTR ? "interrupted" : "--user: the password cannot be read")
            }
        }
    }

    private static func text(_ line: [UInt8]) -> String {
        String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line[...], as: UTF8.self)
    }
}
