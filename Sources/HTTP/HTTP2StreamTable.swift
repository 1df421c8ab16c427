/// The open streams of a connection by their numbers: open addressing with linear probing.
///
/// The other side chooses the numbers, so where one belongs depends on a secret: no numbers are known to
/// share a place.
struct HTTP2StreamTable {
    /// Odd, so that different numbers stay different (multiplicative hashing).
    private static let secret = UInt64.random(in: .min ... .max) | 1

    private let secret = HTTP2StreamTable.secret
    private var slots: [HTTP2Stream?] = []
    private(set) var count = 0

    /// The stream; nil for numbers that are idle or closed.
    func find(_ streamID: Int32) -> HTTP2Stream? {
        if count == 0 { return nil }
        var slot = home(streamID)
        while let stream = slots[slot] {
            if stream.streamID == streamID { return stream }
            slot = next(slot)
        }
        return nil
    }

    /// Adds a stream whose number is not there yet.
    mutating func insert(_ stream: HTTP2Stream) {
        if 2 * (count + 1) > slots.count { grow() }
        place(stream)
        count += 1
    }

    mutating func remove(_ streamID: Int32) {
        if count == 0 { return }
        var hole = home(streamID)
        while let stream = slots[hole], stream.streamID != streamID { hole = next(hole) }
        guard slots[hole] != nil else { return }
        count -= 1
        // Whoever was pushed behind the hole moves up, or a search would end before it.
        var slot = next(hole)
        while let stream = slots[slot] {
            let distance = (slot - home(stream.streamID)) & (slots.count - 1)
            if distance >= (slot - hole) & (slots.count - 1) {
                slots[hole] = stream
                hole = slot
            }
            slot = next(slot)
        }
        slots[hole] = nil
    }

    mutating func removeAll() {
        slots = []
        count = 0
    }

    /// The upper bits of the product, which depend on all bits of the number.
    private func home(_ streamID: Int32) -> Int {
        Int(truncatingIfNeeded: (UInt64(UInt32(bitPattern: streamID)) &* secret) >> 32) & (slots.count - 1)
    }

    private func next(_ slot: Int) -> Int { (slot + 1) & (slots.count - 1) }

    private mutating func place(_ stream: HTTP2Stream) {
        var slot = home(stream.streamID)
        while slots[slot] != nil { slot = next(slot) }
        slots[slot] = stream
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: nil, count: max(4, 2 * old.count))
        for case let stream? in old { place(stream) }
    }
}
