import Raft

/// Draws the ids of one event loop's requests, unique in the cluster and over restarts.
///
///     bits  63…48  low 16 bits of the member id
///           47…4   microseconds since 1970 when the member started, plus one per id drawn
///            3…0   the event loop that waits for the answer
///
/// A loop would have to draw a million ids a second to outrun the clock, so ids of an earlier start
/// of the same member lie below those of this one. (etcd counts 256 per millisecond without the loop's
/// share; a busy loop with stride 16 would pass that, and a replayed entry could then meet a waiter.)
package struct RequestIDs: Sendable {
    /// Event loops are numbered 0…15.
    package static let loopsMax = 16

    /// What all loops of one start of the member share.
    package struct Boot: Sendable {
        fileprivate let base: UInt64

        /// `microseconds`: since 1970, now.
        package init(member: MemberID, microseconds: UInt64) {
            base = (member.rawValue << 48) | ((microseconds << 4) & 0xffff_ffff_fff0)
        }

        /// Whether this start of this member drew `id`, so that somebody may wait for it.
        package func issued(_ id: UInt64) -> Bool {
            guard id >> 48 == base >> 48 else { return false }
            // The 44-bit counter wraps every 203 days: "not before the start" is the nearer half.
            return (id &- base) & 0xffff_ffff_ffff < 1 << 47
        }

        /// Ids for event loop `loop` (0…15).
        package func ids(loop: Int) -> RequestIDs {
            precondition((0..<RequestIDs.loopsMax).contains(loop))
            return RequestIDs(member: (base >> 48) << 48, next: base & 0xffff_ffff_fff0, loop: UInt64(loop))
        }
    }

    private let member: UInt64
    private var next: UInt64
    private let loop: UInt64

    private init(member: UInt64, next: UInt64, loop: UInt64) {
        self.member = member
        self.next = next
        self.loop = loop
    }

    /// A fresh id; never 0.
    package mutating func draw() -> UInt64 {
        defer { next = (next &+ 16) & 0xffff_ffff_fff0 }
        let id = member | next | loop
        return id == 0 ? 16 : id
    }

    /// The event loop that waits for the answer to `id`.
    package static func loop(of id: UInt64) -> Int { Int(id & 15) }
}
