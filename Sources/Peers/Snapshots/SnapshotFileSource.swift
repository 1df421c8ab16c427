import Journal
import Net

/// A `.snap` file that is read to be sent, no faster than it may.
struct SnapshotFileSource: Sendable {
    private let path: String
    private let disk: any Disk

    init(path: String, disk: any Disk = SystemDisk()) {
        self.path = path
        self.disk = disk
    }

    /// Bytes of the file; nil when it cannot be read.
    var size: Int? {
        do throws(DiskError) {
            let file = try disk.open(path, .read)
            defer { disk.close(file) }
            return Int(try disk.size(file))
        } catch {
            return nil
        }
    }

    /// Reads it all into `pipe`; answers why it could not. Blocks: for a thread of its own.
    func read(into pipe: BytePipe, pieceBytes: Int, bytesPerSecond: Int) -> String? {
        do throws(DiskError) {
            let file = try disk.open(path, .read)
            defer { disk.close(file) }
            let start = MonotonicTime.now()
            var offset = 0
            while true {
                var piece: [UInt8] = []
                try disk.read(file, at: UInt64(offset), count: pieceBytes, into: &piece)
                if piece.isEmpty { return nil }
                offset += piece.count
                guard pipe.writeFromThread(piece) else { return nil }
                // When so many bytes may have been read at the earliest.
                let due = Duration.seconds(Double(offset) / Double(bytesPerSecond))
                let early = due - (MonotonicTime.now() - start)
                if early > .milliseconds(1), !pipe.pauseThread(early) { return nil }
            }
        } catch {
            return "\(error.operation) \(error.path): errno \(error.errno)"
        }
    }
}
