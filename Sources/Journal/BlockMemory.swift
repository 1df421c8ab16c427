/// Bytes at an address that is a multiple of `Limits.blockSize`, as writes past the page cache need them.
///
/// Owns its memory, which is not initialized. `Sendable`: one owner, and nothing else points there.
@safe struct BlockMemory: ~Copyable, @unchecked Sendable {
    /// Whole blocks.
    private(set) var bytes: UnsafeMutableRawBufferPointer

    /// Room for at least `capacity` bytes, and for one block.
    init(capacity: Int) {
        let blocks = max((capacity + Limits.blockSize - 1) / Limits.blockSize, 1)
        unsafe bytes = .allocate(byteCount: blocks * Limits.blockSize, alignment: Limits.blockSize)
    }

    deinit { unsafe bytes.deallocate() }

    var capacity: Int { unsafe bytes.count }

    /// Grows to at least `needed` bytes and keeps the first `count`. Up to `Limits.batchBufferKept` the sizes
    /// are powers of two, so that what is kept between saves is not outgrown by each; beyond, there is room
    /// for a quarter more.
    mutating func grow(to needed: Int, keeping count: Int) {
        guard needed > capacity else { return }
        var size = capacity
        while size < needed, size < Limits.batchBufferKept { size *= 2 }
        replace(capacity: size < needed ? needed + needed / 4 : size, keeping: count)
    }

    /// Gives the memory back but for one block, which keeps the first `count` bytes.
    mutating func shrink(keeping count: Int) { replace(capacity: Limits.blockSize, keeping: count) }

    private mutating func replace(capacity: Int, keeping count: Int) {
        let other = BlockMemory(capacity: capacity)
        unsafe other.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        self = other
    }
}
