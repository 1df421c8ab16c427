import Terminal
import Wire

/// One decoded message, its fields in the order they are declared.
package struct ProtoMessage: Equatable, Sendable {
    package enum Value: Equatable, Sendable {
        /// As it is printed: a number, a name of an enumeration, `true` or `false`.
        case scalar(String)
        case text([UInt8])
        case bytes([UInt8])
        case message(ProtoMessage)
    }

    package struct Field: Equatable, Sendable {
        package var name: String
        package var value: Value
        var order: Int
    }

    package var fields: [Field] = []

    private static let depthMax = 100

    /// Reads a message of the named type; nil when the bytes are none. Strict like generated code: a known
    /// field of another wire type is an error; unknown fields are kept under their numbers.
    package init?(_ type: String, decoding bytes: borrowing RawSpan, schema: ProtoSchema = .requests) {
        self.init(
            schema.message(type), decoding: bytes, in: 0..<bytes.byteCount, schema: schema, depth: 0)
    }

    private init?(
        _ type: Int, decoding bytes: borrowing RawSpan, in range: Range<Int>, schema: ProtoSchema, depth: Int
    ) {
        guard depth < Self.depthMax else { return nil }
        var cursor = WireCursor(range: range)
        do throws(WireError) {
            while let field = try cursor.next(in: bytes) {
                guard let known = schema.messages[type][field.number] else {
                    append(Self.unknown(field, bytes), Field.unknownOrder)
                    continue
                }
                guard let value = Self.value(field, known.kind, bytes, schema: schema, depth: depth) else {
                    return nil
                }
                append((known.name, value), known.order)
            }
        } catch {
            return nil
        }
    }

    /// Keeps the order of declaration; fields of one name stay as they came.
    private mutating func append(_ field: (name: String, value: Value), _ order: Int) {
        let place = fields.lastIndex { $0.order <= order }.map { $0 + 1 } ?? 0
        fields.insert(Field(name: field.name, value: field.value, order: order), at: place)
    }

    private static func value(
        _ field: WireField, _ kind: ProtoSchema.Kind, _ bytes: borrowing RawSpan, schema: ProtoSchema,
        depth: Int
    ) -> Value? {
        switch (kind, field.value) {
        case (.int64, .varint(let number)): return .scalar(String(Int64(bitPattern: number)))
        case (.uint64, .varint(let number)): return .scalar(String(number))
        case (.bool, .varint(let number)): return .scalar(number == 0 ? "false" : "true")
        case (.enumeration(let names), .varint(let number)):
            return .scalar(
                schema.enumerations[names][number] ?? String(Int32(truncatingIfNeeded: number)))
        case (.string, .bytes(let range)): return .text(copied(bytes, range))
        case (.bytes, .bytes(let range)): return .bytes(copied(bytes, range))
        case (.message(let type), .bytes(let range)):
            return ProtoMessage(type, decoding: bytes, in: range, schema: schema, depth: depth + 1)
                .map { .message($0) }
        default: return nil
        }
    }

    private static func unknown(_ field: WireField, _ bytes: borrowing RawSpan) -> (String, Value) {
        let name = String(field.number)
        switch field.value {
        case .varint(let number), .fixed64(let number): return (name, .scalar(String(number)))
        case .fixed32(let number): return (name, .scalar(String(number)))
        case .bytes(let range): return (name, .bytes(copied(bytes, range)))
        }
    }

    /// The first field of that name.
    package subscript(_ name: String) -> Value? { fields.first { $0.name == name }?.value }

    /// Replaces the values of the fields of that name.
    package mutating func replace(_ name: String, with value: Value) {
        for index in fields.indices where fields[index].name == name { fields[index].value = value }
    }

    /// gogo's compact text: `key:"foo" lease:1 nested:<…> `, a blank behind each field.
    package var text: String {
        var text: [UInt8] = []
        append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends that text.
    func append(to text: inout [UInt8]) {
        for field in fields {
            text += field.name.utf8
            text.append(UInt8(ascii: ":"))
            switch field.value {
            case .scalar(let value): text += value.utf8
            case .text(let bytes), .bytes(let bytes): appendProtoQuoted(bytes, to: &text)
            case .message(let message):
                text.append(UInt8(ascii: "<"))
                message.append(to: &text)
                text.append(UInt8(ascii: ">"))
            }
            text.append(UInt8(ascii: " "))
        }
    }

    /// A JSON object: bytes in base64, 64-bit numbers as numbers, repeated names as arrays.
    package var json: String {
        var text: [UInt8] = []
        append(jsonTo: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends that object.
    func append(jsonTo text: inout [UInt8]) {
        text.append(UInt8(ascii: "{"))
        var index = 0
        while index < fields.count {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            let (name, first) = (fields[index].name, index)
            while index < fields.count, fields[index].name == name { index += 1 }
            text.append(UInt8(ascii: "\""))
            text += name.utf8
            text += "\":".utf8
            if index - first > 1 { text.append(UInt8(ascii: "[")) }
            for place in first..<index {
                if place > first { text.append(UInt8(ascii: ",")) }
                Self.append(fields[place].value, jsonTo: &text)
            }
            if index - first > 1 { text.append(UInt8(ascii: "]")) }
        }
        text.append(UInt8(ascii: "}"))
    }

    private static func append(_ value: Value, jsonTo text: inout [UInt8]) {
        switch value {
        case .scalar(let value):
            let isPlain =
                value == "true" || value == "false"
                || value.utf8.allSatisfy { $0 == 0x2d || $0 &- 0x30 < 10 }
            text += (isPlain ? value : jsonQuoted(value)).utf8
        case .text(let bytes): text += jsonQuoted(String(decoding: bytes, as: UTF8.self)).utf8
        case .bytes(let bytes):
            text.append(UInt8(ascii: "\""))
            appendBase64(bytes, to: &text)
            text.append(UInt8(ascii: "\""))
        case .message(let message): message.append(jsonTo: &text)
        }
    }
}

extension ProtoMessage.Field {
    /// Behind every declared field.
    static let unknownOrder = Int.max
}

/// A copy of a range of the bytes, which lies inside them.
func copied(_ bytes: borrowing RawSpan, _ range: Range<Int>) -> [UInt8] { bytes.extracting(range).copied() }
