/// The bounds of this module and what happens at each.
package enum NetLimits {
    /// Bytes read from one socket at a time, into a buffer all connections of a loop share.
    package static let readBytes = 64 * 1024
    /// Reads of one connection in one pass; beyond them it waits for its turn in the next pass.
    static let readsPerPass = 4
    /// Output gathered for one write, and the most a connection keeps while its socket is full: what a
    /// machine could still say stays unsaid until the peer reads (backpressure by pull).
    package static let writeBytes = 256 * 1024
    /// Writes of one connection in one pass; beyond them it waits for its turn in the next pass.
    static let writesPerPass = 4
    /// Readiness reports taken from the kernel at a time.
    static let eventsPerPass = 256
    /// After so many passes with the same lone socket a loop takes it that there is one client only.
    static let lonePasses = 8
    /// After so long without a ready socket a loop takes it that the next one stays alone for a moment.
    static let quietTime: Duration = .milliseconds(2)
    /// How long a listener rests when descriptors or connections have run out.
    static let acceptPause: Duration = .milliseconds(100)
    /// How long a connection we end tries to get its last bytes to a peer that does not read.
    static let lastWords: Duration = .seconds(60)
    /// How long a connection we end waits for the other side to end it too.
    static let linger: Duration = .seconds(1)
    /// Addresses of one name that are tried.
    static let addressesMax = 16
    /// Names being looked up at once by one resolver, a thread each; more fail with EAI_AGAIN.
    static let lookupsMax = 16
    /// Descriptors kept for files and our own use; etcd server/embed keeps the same 150.
    package static let reservedDescriptors = 150
}
