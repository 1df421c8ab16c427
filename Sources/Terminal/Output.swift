import Glibc

/// Where a tool's result goes: standard output in large writes, or memory.
package final class Output {
    private let descriptor: Int32?
    private var pending: [UInt8] = []
    private static let bufferSize = 1 << 16

    /// Standard output.
    package static func standard() -> Output { Output(descriptor: 1) }

    /// Collects everything in `bytes`.
    package init() { descriptor = nil }

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { flush() }

    /// What was collected, or not written yet.
    package var bytes: [UInt8] { pending }
    package var text: String { String(decoding: pending, as: UTF8.self) }

    package func write(_ text: String) {
        pending.append(contentsOf: text.utf8)
        flushIfFull()
    }

    package func write(_ bytes: [UInt8]) {
        pending.append(contentsOf: bytes)
        flushIfFull()
    }

    /// A line that `body` appends where it is kept until it is written: without a text in between.
    package func line(_ body: (inout [UInt8]) -> Void) {
        body(&pending)
        pending.append(0x0a)
        flushIfFull()
    }

    /// The text and a line feed.
    package func line(_ text: String = "") {
        pending.append(contentsOf: text.utf8)
        pending.append(0x0a)
        flushIfFull()
    }

    private func flushIfFull() {
        if descriptor != nil, pending.count >= Self.bufferSize { flush() }
    }

    /// Writes what is pending; ends the program quietly when nobody reads any more.
    package func flush() {
        guard let descriptor, !pending.isEmpty else { return }
        var done = 0
        // done never passes the count of the buffer.
        unsafe pending.withUnsafeBytes { buffer in
            while done < buffer.count, let base = buffer.baseAddress {
                let put = unsafe Glibc.write(descriptor, base + done, buffer.count - done)
                if put > 0 { done += put } else if errno != EINTR { exit(1) }
            }
        }
        pending.removeAll(keepingCapacity: true)
    }
}

/// Writes a line to standard error at once.
package func report(_ text: String) { writeError(text + "\n") }

/// Writes a text to standard error as it is, for an answer behind it.
package func prompt(_ text: String) { writeError(text) }

func writeError(_ text: String) {
    let bytes = Array(text.utf8)
    // write reads bytes.count bytes of the array.
    _ = unsafe write(2, bytes, bytes.count)
}
