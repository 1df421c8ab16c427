import HPACK

/// The header fields of a method's calls to one server. Calls share them, and their block on each connection.
package final class GRPCRequestHeaders {
    package let path: String
    let list: HeaderList

    /// `metadata`: more fields, names in lower case; a token belongs here (`token`).
    package init(
        path: String, scheme: String = "http", authority: String,
        metadata: [(name: String, value: String)] = []
    ) {
        self.path = path
        list = HeaderList(
            [
                (":method", "POST"), (":scheme", scheme), (":path", path), (":authority", authority),
                ("content-type", "application/grpc"), ("te", "trailers"),
            ] + metadata)
    }
}
