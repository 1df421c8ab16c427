/// The journal's bounds, and what happens at each.
enum Limits {
    /// A segment filled to this share (1/n) has its successor prepared in the background. Preparing takes
    /// about 0.5 s at the throttle below; at 100 MB/s of log the other three quarters last about as long,
    /// and a cut that comes earlier tells the filler to hurry and waits for it.
    static let prepareAtOneIn: UInt64 = 4

    /// Zeros written between two pauses of the filler, and the pause. Together at most 250 MB/s.
    static let fillChunkSize = 1 << 20
    static let fillPauseNanoseconds = 4_000_000

    /// What writes past the page cache are multiples of: no disk in use has larger blocks.
    static let blockSize = 4096

    /// The sector a disk writes whole or not at all; torn writes are recognised by it.
    static let sectorSize: UInt64 = 512

    /// Terms at or above it are damage: a term grows by one per election, a member id read in a term's
    /// place is a 64-bit hash.
    static let termEnd: UInt64 = 1 << 48

    /// Bytes read ahead from a segment or a snapshot.
    static let readChunkSize = 1 << 20

    /// Capacity the batch buffer keeps between saves; a larger batch gives its memory back. A power of two
    /// times `blockSize`.
    static let batchBufferKept = 8 << 20

    /// Raw bytes after which a snapshot block is closed; a block exceeds it by at most one record.
    /// One costs some 0.3 ms of CPU (256 KiB: 2 ms and more): the grain of the throttle, for which an event
    /// loop on the same core may have to wait. Such independent streams take 4 % more than ones of 256 KiB.
    static let snapshotBlockSize = 32 << 10

    /// Written snapshot bytes after which writeback is started, so that the final sync is short.
    static let snapshotWritebackSize: UInt64 = 4 << 20

    /// After a block that did not shrink by 1/16, so many are stored without trying.
    static let snapshotBlocksStoredUntried = 7

    /// Deflate cannot shrink more than this (1032:1), so a block that promises more is damaged.
    static let inflateRatioMax = 1032
}
