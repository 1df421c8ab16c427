import EtcdAPI
import Store
import SwiftProtobuf
import Wire

extension Workload {
    /// Requests read from their bytes: by hand, as the hot paths do it, and by the generated messages; and a
    /// log entry made of a request.
    static var messages: [Workload] {
        [
            Workload("protobuf.put") {
                MessageOperation(Sample.put) { (bytes) throws in
                    let command = try unsafe PutCommand(decoding: bytes.span.bytes)
                    return command.value.count
                }
            },
            Workload("protobuf.range") {
                MessageOperation(Sample.range(keys: 2)) { (bytes) throws in
                    let query = try unsafe RangeQuery(decoding: bytes.span.bytes)
                    return query.rangeEnd.count
                }
            },
            Workload("protobuf.txn") {
                MessageOperation(Sample.txn) { (bytes) throws in
                    let transaction = try unsafe Transaction(decoding: bytes.span.bytes)
                    return transaction.success.count
                }
            },
            Workload("protobuf.put.generated") {
                MessageOperation(Sample.put) { (bytes) throws in
                    try PutRequest(serializedBytes: bytes).value.count
                }
            },
            Workload("protobuf.entry") {
                MessageOperation(Sample.put) { (bytes) throws in
                    var data: [UInt8] = []
                    data.reserveCapacity(bytes.count + 32)
                    unsafe data.appendInternalRaftRequest(.put, bytes.span.bytes, id: 1 << 50)
                    return data.count
                }
            },
        ]
    }
}

/// Something done to the bytes of one message; what it answers is never 0, so that nothing of it can be left
/// out.
private final class MessageOperation: Operation {
    private let bytes: [UInt8]
    private let body: ([UInt8]) throws -> Int

    init(_ bytes: [UInt8], _ body: @escaping ([UInt8]) throws -> Int) {
        self.bytes = bytes
        self.body = body
    }

    func run(_ count: Int) throws {
        for _ in 0..<count {
            let result = try body(bytes)
            precondition(result != 0, "read")
        }
    }
}
