/// What a message may hold, from the table of `RequestSchema`.
package struct ProtoSchema: Sendable {
    /// The kind of a field's value.
    enum Kind: Sendable, Equatable {
        case int64, uint64, bool, string, bytes
        /// Number of the enumeration in `enumerations`.
        case enumeration(Int)
        /// Number of the message in `messages`.
        case message(Int)
    }

    struct Field: Sendable {
        var name: String
        var kind: Kind
        /// Place in the declaration, from 0.
        var order: Int
    }

    private(set) var messages: [[Int: Field]] = []
    private(set) var enumerations: [[UInt64: String]] = []
    private var numbers: [String: Int] = [:]

    /// All requests of the log, and what etcd's auth buckets hold.
    package static let requests = ProtoSchema(RequestSchema.text)

    init(_ text: String) {
        let lines = text.split(separator: "\n")
        var kinds: [String: Kind] = [
            "int64": .int64, "uint64": .uint64, "bool": .bool, "string": .string, "bytes": .bytes,
        ]
        for line in lines where !line.hasPrefix(" ") {
            let words = line.split(separator: " ")
            if words[0] == "enum" {
                kinds[String(words[1])] = .enumeration(enumerations.count)
                enumerations.append(
                    Dictionary(
                        uniqueKeysWithValues: words[2...].map { word in
                            let parts = word.split(separator: "=")
                            return (UInt64(parts[1]) ?? 0, String(parts[0]))
                        }))
            } else {
                kinds[String(words[0])] = .message(messages.count)
                numbers[String(words[0])] = messages.count
                messages.append([:])
            }
        }
        var current = -1
        for line in lines where !line.hasPrefix("enum ") {
            let words = line.split(separator: " ")
            guard line.hasPrefix(" ") else {
                current += 1
                continue
            }
            guard let number = Int(words[0]), let kind = kinds[String(words[2])] else {
                preconditionFailure("RequestSchema names a type it does not declare")
            }
            messages[current][number] = Field(
                name: String(words[1]), kind: kind, order: messages[current].count)
        }
    }

    /// The number of a message.
    func message(_ name: String) -> Int {
        guard let number = numbers[name] else { preconditionFailure("RequestSchema has no such message") }
        return number
    }
}
