import Journal

/// A disk that takes everything and keeps nothing: what is left of a save is the journal's own work.
final class DiscardingDisk: Disk {
    func open(_ path: String, _ access: FileAccess) -> OpenFile { OpenFile(descriptor: 0, path: path) }
    func close(_ file: OpenFile) {}
    func size(_ file: OpenFile) -> UInt64 { 0 }
    func read(_ file: OpenFile, at offset: UInt64, count: Int, into buffer: inout [UInt8]) {}
    func bypassCache(_ file: OpenFile) {}
    func write(_ file: OpenFile, at offset: UInt64, _ bytes: borrowing RawSpan) {}
    func allocate(_ file: OpenFile, size: UInt64) {}
    func truncate(_ file: OpenFile, size: UInt64) {}
    func sync(_ file: OpenFile) {}
    func startWriteback(_ file: OpenFile, offset: UInt64, size: UInt64) {}
    func lock(_ file: OpenFile) -> Bool { true }
    func list(_ directory: String) -> [String]? { nil }
    func createDirectory(_ path: String) {}
    func rename(_ from: String, to: String) {}
    func remove(_ path: String) {}
    func removeDirectory(_ path: String) {}
    func syncDirectory(_ path: String) {}
}
