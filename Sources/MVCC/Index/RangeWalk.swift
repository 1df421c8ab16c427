/// A walk over a range of keys at one revision, in steps, and what it found.
struct RangeWalk {
    /// Where the next step begins.
    var position: [UInt8]
    /// The key the range ends before, nil for none (and for a range of one key, which is not walked).
    let end: [UInt8]?
    let revision: Int64
    var options: SelectionOptions
    var isDone = false

    /// Keys that live in the range.
    private(set) var count = 0
    private(set) var matches: [Match] = []
    /// Bytes of their records in a message, each a field.
    private(set) var fieldBytes = 0
    /// The keys of the matches one after the other, and where each ends.
    private(set) var keys: [UInt8] = []
    private(set) var keyEnds: [Int] = []

    init(range: KeyRange, revision: Int64, options: SelectionOptions) {
        position = range.start
        self.revision = revision
        self.options = options
        switch range.end {
        case .single, .fromKey: end = nil
        case .key(let key):
            end = key
            isDone = !range.start.lexicographicallyPrecedes(key)
        }
    }

    mutating func found(_ match: Match, _ page: Page, _ index: Int) {
        count += 1
        guard !options.isCountOnly, options.limit <= 0 || matches.count < options.limit else { return }
        guard options.admits(match) else { return }
        add(match)
        if options.wantsKeys {
            page.appendKey(index, to: &keys)
            keyEnds.append(keys.count)
        }
    }

    /// Adds the one match of a range of one key.
    mutating func foundSingle(_ match: Match) {
        count += 1
        guard !options.isCountOnly, options.admits(match) else { return }
        add(match)
        if options.wantsKeys {
            keys = position
            keyEnds = [keys.count]
        }
    }

    @inline(__always) private mutating func add(_ match: Match) {
        matches.append(match)
        fieldBytes += match.fieldSize
    }

    /// Whether the rest of the range does not matter.
    var isSatisfied: Bool { !options.wantsTotal && options.limit > 0 && matches.count >= options.limit }
}

extension SelectionOptions {
    @inline(__always) func admits(_ match: Match) -> Bool {
        (modRevisionMin == 0 || match.modRevision >= modRevisionMin)
            && (modRevisionMax == 0 || match.modRevision <= modRevisionMax)
            && (createRevisionMin == 0 || match.createRevision >= createRevisionMin)
            && (createRevisionMax == 0 || match.createRevision <= createRevisionMax)
    }
}
