import Glibc
import Terminal

/// An external program that decodes entries: one line of hexadecimal digits in, one line `STATUS|DATA` out.
final class StreamDecoder {
    private let process: pid_t
    private let input: Int32
    private let answers: Int32
    private var pending: [UInt8] = []

    /// Starts the program; words behind its name are its arguments.
    init(_ command: String) throws(Failure) {
        let words = command.split(separator: " ").map(String.init)
        guard let program = words.first else { throw Failure("-stream-decoder names no program") }
        var toChild: (Int32, Int32) = (0, 0), fromChild: (Int32, Int32) = (0, 0)
        guard Self.makePipe(&toChild), Self.makePipe(&fromChild) else {
            throw Failure("-stream-decoder: no pipe: errno \(errno)")
        }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawn_file_actions_adddup2(&actions, toChild.0, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, fromChild.1, 1)
        // The child must not hold our ends, or neither side would ever see the other's end.
        unsafe posix_spawn_file_actions_addclose(&actions, toChild.1)
        unsafe posix_spawn_file_actions_addclose(&actions, fromChild.0)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        // The copies live until the call has returned.
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        defer { for unsafe argument in unsafe arguments { unsafe free(argument) } }
        var child: pid_t = 0
        let code = unsafe posix_spawnp(&child, program, &actions, nil, &arguments, environ)
        close(toChild.0)
        close(fromChild.1)
        guard code == 0 else {
            close(toChild.1)
            close(fromChild.0)
            throw Failure("-stream-decoder: cannot start \(program): errno \(code)")
        }
        process = child
        input = toChild.1
        answers = fromChild.0
    }

    deinit {
        close(input)
        close(answers)
        var status: Int32 = 0
        unsafe waitpid(process, &status, 0)
    }

    private static func makePipe(_ ends: inout (Int32, Int32)) -> Bool {
        // A tuple of two Int32 is laid out like the array pipe fills.
        unsafe withUnsafeMutableBytes(of: &ends) { bytes in
            unsafe bytes.bindMemory(to: Int32.self).baseAddress.map { unsafe pipe($0) == 0 } ?? false
        }
    }

    /// The two last columns for an entry.
    func decode(_ data: [UInt8]) -> String {
        let line = Array((hexText(data) + "\n").utf8)
        var done = 0
        while done < line.count {
            let put = unsafe line.withUnsafeBytes { bytes in
                unsafe bytes.baseAddress.map { unsafe write(input, $0 + done, line.count - done) } ?? 0
            }
            if put > 0 { done += put } else if errno != EINTR { return "decoder has ended\t" }
        }
        guard let answer = readLine() else { return "decoder has ended\t" }
        let parts = answer.split(separator: "|", omittingEmptySubsequences: false)
        if parts.count == 1 { return "decoder output format is not right, print output anyway\t\(answer)" }
        if parts.count == 2 { return "\(parts[0])\t\(parts[1])" }
        return
            "\(parts[0])(*WARNING: data might contain deliminator used by etcd-dump-logs)\t"
            + parts.dropFirst().joined(separator: "|")
    }

    private func readLine() -> String? {
        while true {
            if let end = pending.firstIndex(of: 0x0a) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeFirst(end + 1)
                return line
            }
            var piece = [UInt8](repeating: 0, count: 4096)
            // read fills at most the array's bytes.
            let got = unsafe read(answers, &piece, piece.count)
            if got <= 0 {
                if got < 0, errno == EINTR { continue }
                return nil
            }
            pending += piece[..<got]
        }
    }
}
