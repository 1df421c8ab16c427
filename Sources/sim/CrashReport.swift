import Glibc
import Synchronization

/// Names the seed when a precondition of the code under test ends the process.
enum CrashReport {
    private static let current = Atomic<UInt64>(0)

    static func seed(_ seed: UInt64) { current.store(seed, ordering: .relaxed) }

    static func install() {
        for signal in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS] {
            Glibc.signal(signal) { number in
                CrashReport.say()
                Glibc.signal(number, SIG_DFL)
                raise(number)
            }
        }
    }

    /// Only what a signal handler may do: no allocation, one write.
    private static func say() {
        unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            var end = 64
            func put(_ byte: UInt8) {
                end -= 1
                unsafe buffer[end] = byte
            }
            put(UInt8(ascii: "\n"))
            var rest = current.load(ordering: .relaxed)
            repeat {
                put(UInt8(ascii: "0") + UInt8(rest % 10))
                rest /= 10
            } while rest > 0
            for byte in "seed trapped: ".utf8.reversed() { put(byte) }
            unsafe write(2, buffer.baseAddress?.advanced(by: end), 64 - end)
        }
    }
}
