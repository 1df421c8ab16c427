import Wire

/// The hot requests, written by hand: no message object per request (spec/api.md, field numbers).
extension [UInt8] {
    /// A PutRequest around a key that is written in place.
    mutating func appendPut(_ keys: inout KeySpace, _ value: ArraySlice<UInt8>) {
        appendKeyField(1, &keys)
        appendBytesTag(2)
        appendVarint(UInt64(value.count))
        append(contentsOf: value)
    }

    /// A PutRequest of the key of a number.
    mutating func appendPut(number: UInt64, _ keys: inout KeySpace, _ value: ArraySlice<UInt8>) {
        appendField(1, always: keys.key(number))
        appendBytesTag(2)
        appendVarint(UInt64(value.count))
        append(contentsOf: value)
    }

    /// The next key as field `number`. Its length, known afterwards, is moved in before it.
    mutating func appendKeyField(_ number: Int, _ keys: inout KeySpace) {
        appendBytesTag(number)
        let start = count
        append(0)
        keys.append(to: &self)
        let size = count - start - 1
        if size < 0x80 {
            self[start] = UInt8(size)
        } else {
            var length: [UInt8] = []
            length.appendVarint(UInt64(size))
            replaceSubrange(start...start, with: length)
        }
    }

    /// A RangeRequest.
    mutating func appendRange(_ query: RangeOptions) {
        appendField(1, always: query.key)
        if !query.end.isEmpty { appendField(2, always: query.end) }
        appendField(3, query.limit)
        appendField(7, query.isSerializable)
        appendField(8, query.keysOnly)
        appendField(9, query.countOnly)
    }
}

/// What is read.
package struct RangeOptions {
    package var key: [UInt8] = []
    /// Exclusive; empty: the key alone.
    package var end: [UInt8] = []
    package var limit: Int64 = 0
    package var isSerializable = false
    package var keysOnly = false
    package var countOnly = false

    package init() {}

    /// Where the keys that begin with a prefix end: its successor, or no end (one zero byte).
    package static func end(ofPrefix prefix: [UInt8]) -> [UInt8] {
        var end = prefix
        while let last = end.last {
            if last < 0xff {
                end[end.count - 1] = last + 1
                return end
            }
            end.removeLast()
        }
        return [0]
    }
}
