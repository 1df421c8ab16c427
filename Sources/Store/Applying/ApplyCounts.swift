import EtcdAPI

/// What the state machine did since somebody last looked: plain numbers of the apply thread, for the
/// metrics.
package struct ApplyCounts: Sendable {
    /// How many requests of one kind were applied.
    package struct Requests: Sendable {
        package var kind: InternalRaftRequest.Kind
        package var succeeded = 0
        package var failed = 0

        var isEmpty: Bool { succeeded == 0 && failed == 0 }
    }

    package var puts = 0
    /// Keys and values of the puts.
    package var putBytes = 0
    /// DeleteRange operations, however many keys they found; for a revoked lease one per key.
    package var deletes = 0
    package var ranges = 0
    /// Txns of more than one operation.
    package var txns = 0
    package var leasesRevoked = 0
    /// One for each lease granted, in seconds.
    package var grantedTTLs: [Int64] = []
    /// In the order of the kinds.
    package private(set) var requests = InternalRaftRequest.Kind.allCases.map { Requests(kind: $0) }
    /// The places in `requests` where something was counted.
    package private(set) var counted: [Int] = []

    /// Operations on keys.
    var operations: Int { puts + deletes + ranges }

    package init() {}

    mutating func count(_ kind: InternalRaftRequest.Kind, _ outcome: Outcome?) {
        // The frequent kinds have the numbers 2 to 11 and stand in this order at the front.
        let front = kind.rawValue - InternalRaftRequest.Kind.v2.rawValue
        let isFront = requests.indices.contains(front) && requests[front].kind == kind
        guard let place = isFront ? front : requests.firstIndex(where: { $0.kind == kind }) else { return }
        if requests[place].isEmpty { counted.append(place) }
        if case .failure = outcome {
            requests[place].failed += 1
        } else {
            requests[place].succeeded += 1
        }
    }

    package mutating func removeAll() {
        (puts, putBytes, deletes, ranges, txns, leasesRevoked) = (0, 0, 0, 0, 0, 0)
        if !grantedTTLs.isEmpty { grantedTTLs.removeAll(keepingCapacity: true) }
        for place in counted {
            requests[place].succeeded = 0
            requests[place].failed = 0
        }
        counted.removeAll(keepingCapacity: true)
    }
}
