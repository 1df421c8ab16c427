import Raft
import Wire

/// Header and footer of a `.snap` file, read and checked; the open file is the caller's.
struct SnapshotEnds {
    var file: OpenFile
    var metadata: SnapshotMetadata
    var header: [UInt8]
    var footer: SnapshotFooter

    init(path: String, disk: any Disk) throws(JournalError) {
        do throws(DiskError) { file = try disk.open(path, .read) } catch { throw .disk(error) }
        do throws(JournalError) {
            (header, metadata, footer) = try Self.read(file, disk: disk)
        } catch {
            disk.close(file)
            throw error
        }
    }

    private static func read(
        _ file: OpenFile, disk: any Disk
    ) throws(JournalError) -> ([UInt8], SnapshotMetadata, SnapshotFooter) {
        func corrupt(_ offset: UInt64, _ fault: SnapshotFault) -> JournalError {
            .snapshotCorrupt(path: file.path, offset: offset, fault)
        }
        func load(_ count: Int, at offset: UInt64) throws(JournalError) -> [UInt8] {
            var bytes: [UInt8] = []
            do throws(DiskError) {
                try disk.read(file, at: offset, count: count, into: &bytes)
            } catch {
                throw .disk(error)
            }
            return bytes
        }
        let size: UInt64
        do throws(DiskError) { size = try disk.size(file) } catch { throw .disk(error) }
        let fixed = try load(SnapshotFormat.fixedHeaderSize, at: 0)
        guard fixed.starts(with: SnapshotFormat.magic), fixed.count == SnapshotFormat.fixedHeaderSize else {
            // Memory for the file there is, not for the largest one.
            let count = Int(min(size, UInt64(EtcdSnapshotFile.sizeMax)))
            if let metadata = EtcdSnapshotFile.metadata(of: try load(count, at: 0)) {
                throw .etcdSnapshot(path: file.path, metadata)
            }
            throw corrupt(0, fixed.starts(with: SnapshotFormat.magic) ? .length : .unknownFormat)
        }
        let version = unsafe fixed.span.bytes.littleEndianHalf(at: 8)
        guard version == SnapshotFormat.version else { throw corrupt(8, .unknownVersion(version)) }
        let metadataSize = Int(unsafe fixed.span.bytes.littleEndianHalf(at: 12))
        let headerSize = SnapshotFormat.fixedHeaderSize + metadataSize + 4
        guard metadataSize <= SnapshotFormat.metadataSizeMax,
            UInt64(headerSize + SnapshotFormat.footerSize) <= size
        else { throw corrupt(12, .length) }
        let header = try load(headerSize, at: 0)
        guard header.count == headerSize else { throw corrupt(12, .length) }
        let stored = unsafe header.span.bytes.littleEndianHalf(at: headerSize - 4)
        let computed = unsafe crc32c(0, header.span.bytes.extracting(first: headerSize - 4))
        guard stored == computed else { throw corrupt(0, .checksum(stored: stored, computed: computed)) }
        let metadata: SnapshotMetadata
        do throws(MessageError) {
            metadata = try unsafe SnapshotMetadata(
                decoding: header.span.bytes.extracting(SnapshotFormat.fixedHeaderSize..<(headerSize - 4)))
        } catch {
            throw corrupt(16, .encoding)
        }
        let footerOffset = size - UInt64(SnapshotFormat.footerSize)
        let bytes = try load(SnapshotFormat.footerSize, at: footerOffset)
        guard bytes.count == SnapshotFormat.footerSize else { throw corrupt(footerOffset, .length) }
        let footer: SnapshotFooter
        do throws(SnapshotFault) {
            footer = try SnapshotFooter(decoding: bytes)
        } catch {
            throw corrupt(footerOffset, error)
        }
        guard footer.fileSize == size else { throw corrupt(footerOffset, .length) }
        return (header, metadata, footer)
    }
}

/// etcd's own `.snap`: snappb.snapshot {1 CRC-32C of field 2, 2 raftpb.Snapshot}, its data a v2 store in JSON
/// (spec/wal-snap.md 4).
enum EtcdSnapshotFile {
    /// Larger files are not looked at: a v2 store of membership alone is some kilobytes.
    static let sizeMax = 64 << 20

    /// The position and configuration it stands for; nil when it is no such file or a damaged one.
    static func metadata(of file: [UInt8]) -> SnapshotMetadata? {
        guard !file.isEmpty else { return nil }
        var checksum: UInt64?, data = 0..<0
        do throws(MessageError) {
            try unsafe forEachField(file.span.bytes) { field throws(MessageError) in
                switch field.number {
                case 1: checksum = try field.varint
                case 2: data = try field.payload
                default: throw .field(field.number)
                }
            }
            guard let checksum, !data.isEmpty,
                checksum == UInt64(unsafe crc32c(0, file.span.bytes.extracting(data)))
            else { return nil }
            return try unsafe SnapshotMetadata.ofSnapshot(file.span.bytes.extracting(data)).metadata
        } catch {
            return nil
        }
    }
}
