import Net

/// Passes on what one connection says to another, a few bytes at a time: records come in pieces.
final class Relay {
    private let socket: ListeningSocket
    private var listener: Listener?
    private var connections: [Connection] = []
    var port: UInt16 { socket.port }

    /// One side of it: says what the other hears.
    private final class Mouth: ByteMachine {
        let connection: Connection
        private let piece: Int
        private var unsaid: [UInt8] = []
        weak var other: Mouth?

        init(_ connection: Connection, _ piece: Int) {
            self.connection = connection
            self.piece = piece
        }

        func say(_ bytes: UnsafeRawBufferPointer) {
            unsaid.append(contentsOf: bytes)
            connection.requestFlush()
        }

        func received(_ bytes: UnsafeRawBufferPointer) { other?.say(bytes) }
        func inputEnded() { connection.close() }
        func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
            let count = min(piece, unsaid.count)
            unsaid.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[..<count])) }
            unsaid.removeFirst(count)
            return count
        }
        func closed() { other?.connection.closeWhenFlushed() }
    }

    init(loop: EventLoop, to port: UInt16, _ budget: ConnectionBudget, _ piece: Int) throws {
        socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let connector = Connector(loop: loop, budget: budget)
        listener = try Listener(loop: loop, socket: socket, budget: budget) {
            [unowned self] (descriptor: consuming Descriptor, peer) in
            let near = Connection(loop: loop, descriptor: descriptor, peer: peer, budget: budget)
            connections.append(near)
            _ = connector.connect(host: "127.0.0.1", port: port, timeout: .seconds(10)) {
                [unowned self] result in
                guard let far = try? result.get() else { return near.close() }
                connections.append(far)
                let (nearMouth, farMouth) = (Mouth(near, piece), Mouth(far, piece))
                (nearMouth.other, farMouth.other) = (farMouth, nearMouth)
                try? far.attach(farMouth)
                try? near.attach(nearMouth)
            }
        }
    }

    func close() {
        listener?.close()
        for connection in connections { connection.close() }
    }
}
