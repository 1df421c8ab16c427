import CYAML

/// A step through a YAML text, with the line (from 1) at which it starts.
struct YAMLEvent {
    enum Kind {
        case streamStart, streamEnd, documentStart, documentEnd
        case alias(String)
        case scalar(YAMLScalar, anchor: String?)
        case sequenceStart(anchor: String?)
        case sequenceEnd
        case mappingStart(anchor: String?)
        case mappingEnd
    }

    var kind: Kind
    var line: Int

    func failure(_ reason: String) -> YAMLFailure { YAMLFailure(line: line, reason: reason) }
}

/// libyaml's parser over a text. Owns the C parser, which points into itself, and a copy of the text,
/// which the parser reads.
@safe final class YAMLEvents {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeMutableBufferPointer<UInt8>

    init(_ string: String) {
        let utf8 = string.utf8
        // Never empty: libyaml wants an address.
        unsafe text = .allocate(capacity: utf8.count + 1)
        _ = unsafe text.initialize(from: utf8)
        unsafe parser = .allocate(capacity: 1)
        let initialized = unsafe yaml_parser_initialize(parser)
        precondition(initialized == 1, "out of memory")
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, text.baseAddress, utf8.count)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe text.deallocate()
    }

    /// The next step. After the end of the stream there is none to ask for.
    func next() throws(YAMLFailure) -> YAMLEvent {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { unsafe yaml_event_delete(&event) }
        let line = unsafe Int(event.start_mark.line) + 1
        return YAMLEvent(kind: unsafe Self.kind(of: event, line), line: line)
    }

    private func failure() -> YAMLFailure {
        let reason = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "out of memory"
        // The reader, which decodes, counts bytes and not lines.
        guard unsafe parser.pointee.error != YAML_READER_ERROR else { return YAMLFailure(reason: reason) }
        return unsafe YAMLFailure(line: Int(parser.pointee.problem_mark.line) + 1, reason: reason)
    }

    private static func kind(of event: yaml_event_t, _ line: Int) -> YAMLEvent.Kind {
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT: return .streamStart
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_ALIAS_EVENT: return .alias(unsafe string(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let value = unsafe YAMLScalar(
                text: String(decoding: bytes, as: UTF8.self),
                isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, tag: string(scalar.tag), line: line)
            return .scalar(value, anchor: unsafe string(scalar.anchor))
        case YAML_SEQUENCE_START_EVENT:
            return .sequenceStart(anchor: unsafe string(event.data.sequence_start.anchor))
        case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            return .mappingStart(anchor: unsafe string(event.data.mapping_start.anchor))
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        default: return .streamEnd
        }
    }

    private static func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        unsafe text.map { unsafe String(cString: $0) }
    }
}
