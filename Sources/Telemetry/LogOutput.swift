import Glibc

/// An output that cannot be opened.
package struct LogOutputError: Error, Sendable, Equatable, CustomStringConvertible {
    package var name: String
    /// An errno.
    package var number: Int32

    package var description: String { "open \(name): " + (unsafe String(cString: strerror(number))) }
}

/// Where lines go: a descriptor, or the socket of systemd's journal. Lives as long as the process, so
/// nothing closes it.
struct LogOutput: Sendable {
    private let descriptor: Int32
    private let isJournal: Bool

    /// `default` and `stderr`, `stdout`, `systemd/journal`, or the path of a file to append to (0644).
    init(_ name: String) throws(LogOutputError) {
        switch name {
        case "default", "stderr": (descriptor, isJournal) = (STDERR_FILENO, false)
        case "stdout": (descriptor, isJournal) = (STDOUT_FILENO, false)
        case "systemd/journal":
            guard let socket = UnixDatagram.connect(to: "/run/systemd/journal/socket") else {
                throw LogOutputError(name: name, number: errno)
            }
            (descriptor, isJournal) = (socket, true)
        default:
            let file = unsafe open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
            guard file >= 0 else { throw LogOutputError(name: name, number: errno) }
            (descriptor, isJournal) = (file, false)
        }
    }

    /// One write(2), continued only where the kernel took a part of the line.
    func write(_ line: String, priority: Int) {
        var bytes = Array(line.utf8)
        if isJournal {
            if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
            bytes = Array("PRIORITY=\(priority)\nSYSLOG_IDENTIFIER=etcd\nMESSAGE=".utf8) + bytes
            bytes.append(UInt8(ascii: "\n"))
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count)
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }
}
