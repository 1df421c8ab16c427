/// What all connections of a server have in common, on every loop.
package final class HTTPConfiguration: Sendable {
    package let limits: HTTPLimits
    package let routes: GRPCRoutes
    /// The request metadata that is kept for `GRPCCall.metadata`, in lower case; everything else is
    /// dropped as it arrives.
    package let metadataKeys: [StaticString]

    package init(limits: HTTPLimits = HTTPLimits(), routes: GRPCRoutes, metadataKeys: [StaticString] = []) {
        precondition(metadataKeys.count < 256, "a key's place fits a byte")
        precondition(limits.partialBytesMax >= limits.messageBytesMax, "one message always fits")
        precondition(limits.windowBytes >= 65_535, "a client may send as much before it has read SETTINGS")
        precondition(limits.headerListBytesMax <= 65_535, "a value's length fits two bytes")
        self.limits = limits
        self.routes = routes
        self.metadataKeys = metadataKeys
    }
}
