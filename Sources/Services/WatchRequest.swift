import MVCC
import Wire

/// One message of a watch stream, read by hand: the key bytes are copied once, into the watcher.
enum WatchMessage: Equatable {
    case create(WatchCreation)
    case cancel(Int64)
    case progress
    /// No field of the oneof that this server knows; ignored (api.md 13.5).
    case unknown

    init(decoding bytes: borrowing RawSpan) throws(WireError) {
        self = .unknown
        var cursor = WireCursor()
        while let field = try cursor.next(in: bytes) {
            guard case .bytes(let at) = field.value else { continue }
            switch field.number {
            case 1: self = .create(try WatchCreation(decoding: bytes, at: at))
            case 2: self = .cancel(try Self.watchID(in: bytes, at: at))
            case 3: self = .progress
            default: break
            }
        }
    }

    private static func watchID(
        in bytes: borrowing RawSpan, at range: Range<Int>
    ) throws(WireError) -> Int64 {
        var id: Int64 = 0
        var cursor = WireCursor(range: range)
        while let field = try cursor.next(in: bytes) {
            if field.number == 1, case .varint(let value) = field.value { id = Int64(bitPattern: value) }
        }
        return id
    }
}

/// A WatchCreateRequest.
struct WatchCreation: Equatable {
    var key: [UInt8] = []
    var rangeEnd: [UInt8] = []
    var startRevision: Int64 = 0
    var notifiesProgress = false
    var wantsPuts = true
    var wantsDeletes = true
    var wantsPrevious = false
    /// 0: the server chooses.
    var watchID: Int64 = 0
    var mayFragment = false

    init(decoding bytes: borrowing RawSpan, at range: Range<Int>) throws(WireError) {
        var cursor = WireCursor(range: range)
        while let field = try cursor.next(in: bytes) {
            switch (field.number, field.value) {
            case (1, .bytes(let at)): key = bytes.extracting(at).copied()
            case (2, .bytes(let at)): rangeEnd = bytes.extracting(at).copied()
            case (3, .varint(let value)): startRevision = Int64(bitPattern: value)
            case (4, .varint(let value)): notifiesProgress = value != 0
            case (5, .varint(let value)): filter(value)
            case (5, .bytes(let at)):
                // A repeated enum comes packed; filters are 0 and 1, a byte each.
                for position in at { filter(UInt64(bytes.extracting(position..<position + 1).copied()[0])) }
            case (6, .varint(let value)): wantsPrevious = value != 0
            case (7, .varint(let value)): watchID = Int64(bitPattern: value)
            case (8, .varint(let value)): mayFragment = value != 0
            default: break
            }
        }
    }

    /// FilterType: NOPUT 0, NODELETE 1; others mean nothing.
    private mutating func filter(_ type: UInt64) {
        if type == 0 { wantsPuts = false }
        if type == 1 { wantsDeletes = false }
    }

    /// An empty key is the smallest one; a real end at or below the key leaves nothing to watch.
    var isEmptyRange: Bool {
        let start = key.isEmpty ? [0] : key
        if rangeEnd.isEmpty || rangeEnd == [0] { return false }
        return !start.lexicographicallyPrecedes(rangeEnd)
    }

    var options: WatchOptions {
        var options = WatchOptions(
            range: KeyRange(key: key.isEmpty ? [0] : key, rangeEnd: rangeEnd), startRevision: startRevision)
        options.wantsPuts = wantsPuts
        options.wantsDeletes = wantsDeletes
        options.wantsPrevious = wantsPrevious
        options.notifiesProgress = notifiesProgress
        return options
    }
}
