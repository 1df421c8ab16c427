import Net

/// Requests of a stream whose token this member has not heard of yet, in their order. They wait until it has
/// caught up with the token's entry, or for as long as a request may take.
struct HeldRequests {
    /// What one stream may leave waiting; beyond it the stream ends.
    static let bytesMax = 1 << 20

    private var requests: [[UInt8]] = []
    private var size = 0
    private var deadline: MonotonicTime?

    var isEmpty: Bool { requests.isEmpty }

    /// False when it is one too many.
    mutating func hold(_ request: [UInt8], until deadline: MonotonicTime) -> Bool {
        size += request.count
        guard size <= Self.bytesMax else { return false }
        if self.deadline == nil { self.deadline = deadline }
        requests.append(request)
        return true
    }

    func isOverdue(at now: MonotonicTime) -> Bool { deadline.map { $0 <= now } ?? false }

    mutating func takeAll() -> [[UInt8]] {
        defer { self = HeldRequests() }
        return requests
    }
}
