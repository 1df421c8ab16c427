import Wire

/// Bytes in which a number is written over again and again, as eight decimal digits: a new key without a new
/// array.
struct NumberedBytes {
    var bytes: [UInt8]
    /// Where the digits begin.
    let places: [Int]

    /// `bytes` hold `Sample.digits` wherever the number belongs.
    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var found: [Int] = []
        var place = 0
        while place < bytes.count {
            let isHere = bytes[place...].starts(with: Sample.digits)
            if isHere { found.append(place) }
            // What follows may begin with a zero, too.
            place += isHere ? Sample.digits.count : 1
        }
        precondition(!found.isEmpty, "a place for the number")
        places = found
    }

    mutating func set(_ number: Int) {
        for place in places { bytes.write(number, at: place) }
    }
}

extension [UInt8] {
    /// Writes the last eight decimal digits of a number.
    mutating func write(_ number: Int, at place: Int) {
        var rest = number
        for index in stride(from: place + 7, through: place, by: -1) {
            self[index] = UInt8(truncatingIfNeeded: 48 + rest % 10)
            rest /= 10
        }
    }
}

/// What clients send: keys like those of Kubernetes, values of 256 bytes.
enum Sample {
    static let digits = Array("00000000".utf8)
    static let prefix = Array("/registry/pods/default/pod-".utf8)
    static let prefixEnd = Array("/registry/pods/default/pod.".utf8)
    static let value = (0..<256).map { UInt8(truncatingIfNeeded: 1 + $0 &* 167) }

    static func key(_ number: Int) -> [UInt8] {
        var key = prefix + digits
        key.write(number, at: prefix.count)
        return key
    }

    /// A PutRequest of key number 0.
    static var put: [UInt8] {
        var request: [UInt8] = []
        request.appendField(1, always: key(0))
        request.appendField(2, always: value)
        return request
    }

    /// A RangeRequest: of the key number 0, or of so many keys from there on.
    static func range(keys: Int) -> [UInt8] {
        var request: [UInt8] = []
        request.appendField(1, always: key(0))
        if keys > 1 { request.appendField(2, always: key(keys)) }
        return request
    }

    /// A TxnRequest as Kubernetes updates an object: if the key's mod revision is at least 0 put it, else
    /// read it.
    static var txn: [UInt8] {
        var comparison: [UInt8] = []
        comparison.appendField(1, UInt64(1))  // GREATER
        comparison.appendField(2, UInt64(2))  // MOD
        comparison.appendField(3, always: key(0))
        comparison.appendField(6, always: 0)
        var request: [UInt8] = []
        request.appendField(1, always: comparison)
        request.appendField(2, always: operation(2, put))
        request.appendField(3, always: operation(1, range(keys: 1)))
        return request
    }

    private static func operation(_ kind: Int, _ request: [UInt8]) -> [UInt8] {
        var operation: [UInt8] = []
        operation.appendField(kind, always: request)
        return operation
    }
}
