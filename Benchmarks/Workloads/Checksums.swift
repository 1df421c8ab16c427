import CPlatform

extension Workload {
    /// CRC-32C of a log record's size and of a block of a snapshot's.
    static var checksums: [Workload] {
        [
            Workload("crc32c.300") { ChecksumOperation(size: 300) },
            Workload("crc32c.65536") { ChecksumOperation(size: 65_536) },
        ]
    }
}

private final class ChecksumOperation: Operation {
    private let bytes: [UInt8]
    private var checksum: UInt32 = 0

    init(size: Int) { bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) } }

    func run(_ count: Int) {
        for _ in 0..<count {
            checksum = unsafe bytes.withUnsafeBytes {
                unsafe platform_crc32c(checksum, $0.baseAddress, $0.count)
            }
        }
    }
}
