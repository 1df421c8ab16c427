import CPlatform

/// A thread of the operating system, joined exactly once.
package struct Thread: ~Copyable, Sendable {
    private let handle: UInt64

    /// Starts a thread (8 MiB stack) that runs `body` once; `name` is cut to 15 bytes.
    package init(name: String, _ body: @escaping @Sendable () -> Void) throws(NetError) {
        let context = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
        var handle: UInt64 = 0
        let result = unsafe platform_thread_start(
            name, { unsafe Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run() }, context, &handle)
        if result < 0 {
            unsafe Unmanaged<Body>.fromOpaque(context).release()
            throw .system(call: "pthread_create", errno: -result)
        }
        self.handle = handle
    }

    /// Waits until the body has returned.
    package consuming func join() { platform_thread_join(handle) }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
