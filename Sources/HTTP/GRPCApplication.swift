/// The application behind the gRPC calls of one event loop; every call comes on that loop's thread.
package protocol GRPCApplication: AnyObject {
    /// The headers of a call are complete and method, content-type, grpc-timeout and grpc-encoding are
    /// in order. Set `call.handler`, or finish the call here (`call.unknownMethodStatus` when
    /// `call.route` is nil).
    func opened(_ call: GRPCCall)
}

/// What a call tells the code that answers it. After `finish` nothing more is told.
package protocol GRPCHandler: AnyObject {
    /// One whole message, decompressed. The bytes are borrowed from the network buffer: what must
    /// survive the call is copied.
    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan)
    /// The client will send no more messages. It may never come for a call that is answered first.
    func halfClosed(_ call: GRPCCall)
    /// Reset by the client, connection lost, deadline passed or reader too slow. The call is closed
    /// already (`finish` and `send` do nothing); the last callback.
    func cancelled(_ call: GRPCCall)
    /// `call.queuedBytes` fell below `HTTPLimits.lowWaterBytes`, having been at or above it: send more.
    func drained(_ call: GRPCCall)
}

extension GRPCHandler {
    package func halfClosed(_ call: GRPCCall) {}
    package func drained(_ call: GRPCCall) {}
}

/// A message of known size whose bytes are made as the client's window takes them.
package protocol MessageSource: AnyObject {
    /// Bytes of the whole message, without gRPC's prefix; fixed from `send` on, below 2^32.
    var size: Int { get }
    /// Writes the next bytes of the message at the start of `buffer`, which is not empty and never
    /// reaches beyond the message, and answers how many. Less than asked is no error; 0 is: the stream
    /// is then reset with INTERNAL_ERROR.
    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int
    /// All bytes are taken, or the call has ended before; called once: let go of what is pinned.
    func released()
}
