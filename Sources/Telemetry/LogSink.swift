import Glibc
import Logging
import Synchronization

/// Takes finished lines from any thread and writes them on a thread of its own, each with one write(2)
/// to each output, so that a full disk or a stopped reader of a pipe never holds up the server.
///
/// At most `pendingBytesMax` wait; lines beyond are dropped and their number is told by the next line
/// that fits. A write that fails is not repeated: there is nobody left to tell.
package final class LogSink: Sendable {
    private enum Item {
        case line(String, priority: Int)
        /// Everything before has been written: close this end of a pipe.
        case barrier(Int32)
    }

    private struct Queue {
        var items: [Item] = []
        var bytes = 0
        var dropped = 0
    }

    private static let pendingBytesMax = 4 << 20

    private let outputs: [LogOutput]
    private let queue = Mutex(Queue())
    /// One byte in it for each time the queue became non-empty; never more than two.
    private let doorbell: Pipe

    private struct Pipe {
        var reading: Int32
        var writing: Int32

        /// nil with errno set.
        init?() {
            var ends: [Int32] = [-1, -1]
            let result = unsafe ends.withUnsafeMutableBufferPointer { buffer in
                unsafe buffer.baseAddress.map { unsafe pipe($0) } ?? -1
            }
            if result != 0 { return nil }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            (reading, writing) = (ends[0], ends[1])
        }
    }

    /// Opens the outputs and starts the writing thread, which lives as long as the process.
    package init(_ names: [String]) throws(LogOutputError) {
        var outputs: [LogOutput] = []
        for name in names { outputs.append(try LogOutput(name)) }
        self.outputs = outputs
        guard let doorbell = Pipe() else { throw LogOutputError(name: "pipe", number: errno) }
        self.doorbell = doorbell
        try start()
    }

    /// Queues one line that ends with a line feed.
    package func write(_ line: String, _ level: Logger.Level) {
        let mustRing = queue.withLock { queue in
            let size = line.utf8.count
            if queue.bytes + size > LogSink.pendingBytesMax {
                queue.dropped += 1
                return false
            }
            queue.bytes += size
            queue.items.append(.line(line, priority: LogLevel.priority(level)))
            return queue.items.count == 1
        }
        if mustRing { ring() }
    }

    /// Waits until everything queued so far is written, at most this many milliseconds: before exit.
    package func flush(timeoutMilliseconds: Int32 = 1000) {
        guard let done = Pipe() else { return }
        defer { close(done.reading) }
        let mustRing = queue.withLock { queue in
            queue.items.append(.barrier(done.writing))
            return queue.items.count == 1
        }
        if mustRing { ring() }
        var wait = pollfd(fd: done.reading, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&wait, 1, timeoutMilliseconds)
    }

    private func ring() {
        var byte: UInt8 = 1
        _ = unsafe Glibc.write(doorbell.writing, &byte, 1)
    }

    private func start() throws(LogOutputError) {
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(self)
        let result = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { preconditionFailure("the thread got its sink") }
                unsafe Unmanaged<LogSink>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard result == 0 else {
            unsafe context.release()
            throw LogOutputError(name: "thread", number: result)
        }
        pthread_detach(thread)
    }

    /// The writing thread.
    private func run() {
        while true {
            var byte: UInt8 = 0
            if unsafe Glibc.read(doorbell.reading, &byte, 1) < 0 {
                precondition(errno == EINTR, "the doorbell of the log is a valid descriptor")
            }
            while true {
                let (items, dropped) = queue.withLock { queue in
                    defer { queue = Queue() }
                    return (queue.items, queue.dropped)
                }
                if items.isEmpty { break }
                for item in items { perform(item) }
                if dropped > 0 { tell(dropped) }
            }
        }
    }

    private func perform(_ item: Item) {
        switch item {
        case .line(let line, let priority):
            for output in outputs { output.write(line, priority: priority) }
        case .barrier(let descriptor):
            close(descriptor)
        }
    }

    private func tell(_ dropped: Int) {
        let line = LogLine(
            level: .warning, time: .now(), caller: "Telemetry/LogSink.swift:\(#line)",
            message: "log lines were dropped because the output is too slow",
            fields: ["dropped-lines": .stringConvertible(dropped)])
        for output in outputs {
            output.write(LogFormat.json.line(line), priority: LogLevel.priority(.warning))
        }
    }
}
