import CPlatform

/// The one owner of a file descriptor; it is closed when its owner goes.
///
/// A socket has nothing to report at close (files do, and have owners of their own in Journal), so the
/// end of the owner's life is the close, and no path can forget it.
package struct Descriptor: ~Copyable, Sendable {
    package let number: Int32

    /// Takes over an open descriptor.
    package init(owning number: Int32) {
        precondition(number >= 0, "a descriptor is not negative")
        self.number = number
    }

    deinit { platform_close(number) }

    /// Reads what is there; nil when nothing is (EAGAIN), 0 at the end of the stream.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(NetError) -> Int? {
        let count = unsafe platform_read(number, buffer.baseAddress, buffer.count)
        return try outcome("read", count)
    }

    /// Writes what the kernel takes; nil when it takes nothing now (EAGAIN).
    func write(_ bytes: UnsafeRawBufferPointer) throws(NetError) -> Int? {
        let count = unsafe platform_write(number, bytes.baseAddress, bytes.count)
        return try outcome("write", count)
    }

    private func outcome(_ call: String, _ count: Int64) throws(NetError) -> Int? {
        if count >= 0 { return Int(count) }
        let errno = Int32(truncatingIfNeeded: -count)
        if errno == PlatformError.wouldBlock { return nil }
        throw .system(call: call, errno: errno)
    }
}
