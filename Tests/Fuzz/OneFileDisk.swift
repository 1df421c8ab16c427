import Journal

/// A disk with one file in memory, for readers: half of a run would go into system calls otherwise.
final class OneFileDisk: Disk {
    private let name: String
    private let content: [UInt8]

    init(_ name: String, _ content: [UInt8]) {
        self.name = name
        self.content = content
    }

    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> OpenFile {
        precondition(access == .read, "a reader writes")
        guard path.hasSuffix("/" + name) else { throw DiskError(.open, path: path, errno: 2) }
        return OpenFile(descriptor: 3, path: path)
    }

    func close(_ file: OpenFile) {}
    func size(_ file: OpenFile) throws(DiskError) -> UInt64 { UInt64(content.count) }

    func read(_ file: OpenFile, at offset: UInt64, count: Int, into buffer: inout [UInt8]) throws(DiskError) {
        // As the system's disk does: room for what was asked, so that the limit on memory sees it.
        buffer.reserveCapacity(buffer.count + count)
        guard offset < UInt64(content.count) else { return }
        buffer += content[Int(offset)..<Int(min(offset + UInt64(count), UInt64(content.count)))]
    }

    func list(_ directory: String) throws(DiskError) -> [String]? { [name] }

    func bypassCache(_ file: OpenFile) { refuse() }
    func write(_ file: OpenFile, at offset: UInt64, _ bytes: borrowing RawSpan) throws(DiskError) { refuse() }
    func allocate(_ file: OpenFile, size: UInt64) throws(DiskError) { refuse() }
    func truncate(_ file: OpenFile, size: UInt64) throws(DiskError) { refuse() }
    func sync(_ file: OpenFile) throws(DiskError) { refuse() }
    func startWriteback(_ file: OpenFile, offset: UInt64, size: UInt64) { refuse() }
    func lock(_ file: OpenFile) throws(DiskError) -> Bool { refuse() }
    func createDirectory(_ path: String) throws(DiskError) { refuse() }
    func rename(_ from: String, to: String) throws(DiskError) { refuse() }
    func remove(_ path: String) throws(DiskError) { refuse() }
    func removeDirectory(_ path: String) throws(DiskError) { refuse() }
    func syncDirectory(_ path: String) throws(DiskError) { refuse() }

    private func refuse() -> Never { fatalError("a reader changes the disk") }
}
