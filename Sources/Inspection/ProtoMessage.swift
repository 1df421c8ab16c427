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
        var text = ""
        append(to: &text)
        return text
    }

    private func append(to text: inout String) {
        for field in fields {
            text += field.name + ":"
            switch field.value {
            case .scalar(let value): text += value
            case .text(let bytes), .bytes(let bytes): text += protoQuoted(bytes)
            case .message(let message):
                text += "<"
                message.append(to: &text)
                text += ">"
            }
            text += " "
        }
    }

    /// A JSON object: bytes in base64, 64-bit numbers as numbers, repeated names as arrays.
    package var json: String {
        var parts: [String] = []
        var index = 0
        while index < fields.count {
            var values = [Self.json(fields[index].value)]
            let name = fields[index].name
            index += 1
            while index < fields.count, fields[index].name == name {
                values.append(Self.json(fields[index].value))
                index += 1
            }
            parts.append(
                jsonQuoted(name) + ":"
                    + (values.count == 1 ? values[0] : "[" + values.joined(separator: ",") + "]"))
        }
        return "{" + parts.joined(separator: ",") + "}"
    }

    private static func json(_ value: Value) -> String {
        switch value {
        case .scalar(let text):
            let isPlain =
                text == "true" || text == "false" || text.utf8.allSatisfy { $0 == 0x2d || $0 &- 0x30 < 10 }
            return isPlain ? text : jsonQuoted(text)
        case .text(let bytes): return jsonQuoted(String(decoding: bytes, as: UTF8.self))
        case .bytes(let bytes): return jsonQuoted(base64(bytes))
        case .message(let message): return message.json
        }
    }
}

extension ProtoMessage.Field {
    /// Behind every declared field.
    static let unknownOrder = Int.max
}

/// A copy of a range of the bytes, which lies inside them.
func copied(_ bytes: borrowing RawSpan, _ range: Range<Int>) -> [UInt8] { bytes.extracting(range).copied() }
