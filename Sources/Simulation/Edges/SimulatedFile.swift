/// A file of a `SimulatedDisk`: what a reader sees, and what would be left of it after a power cut.
///
/// The durable content is `bytes` with the sectors of `undo` put back, at the durable size; so a write costs
/// its own size, and a sync forgets.
struct SimulatedFile {
    static let sectorSize = 512

    private(set) var bytes: [UInt8] = []
    private var durableSize = 0
    /// Sectors written or cut since the last sync, with what the disk surely holds of each; shorter than a
    /// sector where the durable size ends.
    private var undo: [Int: [UInt8]] = [:]

    init() {}

    private init(durable bytes: [UInt8]) {
        self.bytes = bytes
        durableSize = bytes.count
    }

    mutating func write(_ new: borrowing RawSpan, at offset: Int) {
        if new.byteCount == 0 { return }
        let end = offset + new.byteCount
        extend(to: end)
        remember(offset..<end)
        unsafe new.withUnsafeBytes { source in
            // Both ranges are `new.byteCount` long; `bytes` reaches to `end`.
            unsafe bytes.withUnsafeMutableBytes { target in
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset..<end]).copyMemory(from: source)
            }
        }
    }

    /// Adds zeros up to `size`; the new size is not durable before a sync.
    mutating func extend(to size: Int) {
        if size > bytes.count { bytes += [UInt8](repeating: 0, count: size - bytes.count) }
    }

    mutating func truncate(to size: Int) {
        guard size < bytes.count else { return }
        remember(size..<bytes.count)
        bytes.removeLast(bytes.count - size)
    }

    mutating func sync() {
        if !undo.isEmpty { undo.removeAll(keepingCapacity: true) }
        durableSize = bytes.count
    }

    /// Keeps what the disk holds of every sector of a range that is about to change.
    private mutating func remember(_ range: Range<Int>) {
        let size = Self.sectorSize
        for sector in range.lowerBound / size...(range.upperBound - 1) / size where undo[sector] == nil {
            let start = sector * size
            // Beyond the durable size, or where a cut went before, the disk holds nothing.
            let end = min(start + size, durableSize, bytes.count)
            undo[sector] = start < end ? Array(bytes[start..<end]) : []
        }
    }

    /// The file after a power cut: its size old or new, each unsynced sector old or new.
    func survivor(_ random: inout Chance) -> SimulatedFile {
        let size = Bool.random(using: &random) ? bytes.count : durableSize
        var left = Array(bytes.prefix(size))
        left += [UInt8](repeating: 0, count: size - left.count)
        for (sector, old) in undo.sorted(by: { $0.key < $1.key }) {
            let isWritten = Bool.random(using: &random)
            let start = sector * Self.sectorSize
            let end = min(start + Self.sectorSize, size)
            guard start < end else { continue }
            for position in start..<end {
                let durable = position - start < old.count ? old[position - start] : 0
                let isNew = isWritten && position < bytes.count
                left[position] = isNew ? bytes[position] : durable
            }
        }
        return SimulatedFile(durable: left)
    }
}
