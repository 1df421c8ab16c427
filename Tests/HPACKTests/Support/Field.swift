import HPACK

struct Field: Equatable {
    var name: [UInt8]
    var value: [UInt8]

    init(_ name: [UInt8], _ value: [UInt8]) {
        self.name = name
        self.value = value
    }

    init(_ name: String, _ value: String) { self.init(Array(name.utf8), Array(value.utf8)) }
}

extension Field: CustomStringConvertible {
    var description: String { "\(String(decoding: name, as: UTF8.self)): \(value.count) \(value)" }
}

/// What a decoder made of a block: its fields, those before an error too.
struct Reading: Equatable {
    var fields: [Field] = []
    var isAccepted = true
}

extension HeaderDecoder {
    /// The fields of a block, and what ended it early.
    mutating func read(_ block: [UInt8]) -> (reading: Reading, error: HPACKError?) {
        var reading = Reading()
        do throws(HPACKError) {
            try decode(block) { reading.fields.append($0) }
        } catch {
            reading.isAccepted = false
            return (reading, error)
        }
        return (reading, nil)
    }

    mutating func fields(_ block: [UInt8]) throws(HPACKError) -> [Field] {
        var fields: [Field] = []
        try decode(block) { fields.append($0) }
        return fields
    }

    private mutating func decode(_ block: [UInt8], _ field: (Field) -> Void) throws(HPACKError) {
        var failure: HPACKError?
        unsafe block.withUnsafeBytes { bytes in
            do throws(HPACKError) {
                unsafe try decode(bytes) { name, value in
                    unsafe field(Field(Array(name), Array(value)))
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// The fields in the table, newest first: a copy is asked for one index after the other.
    var tableFields: [Field] {
        var copy = self
        var fields: [Field] = []
        while let found = try? copy.fields(Block.indexed(62 + fields.count)) { fields += found }
        return fields
    }
}
