import Wire

/// Builds the one document of a text from libyaml's events.
///
/// Depth and size are bounded, aliases counted as what they stand for, so that a short hostile file
/// cannot take the memory or the stack.
struct YAMLComposer: ~Copyable {
    static let depthMax = 100
    static let nodesMax = 100_000

    private let events: YAMLEvents
    /// What the anchors so far stand for, and how many nodes that is.
    private var anchors: [String: (node: YAMLNode, count: Int)] = [:]
    private var count = 0

    /// The document; nil: the text holds none.
    static func compose(_ text: String) throws(YAMLFailure) -> YAMLNode? {
        var composer = YAMLComposer(events: YAMLEvents(text))
        return try composer.document()
    }

    private init(events: YAMLEvents) { self.events = events }

    private mutating func document() throws(YAMLFailure) -> YAMLNode? {
        _ = try events.next()  // The start of the stream.
        guard case .documentStart = try events.next().kind else { return nil }
        let root = try node(events.next(), depth: 0)
        _ = try events.next()  // The end of the document.
        let end = try events.next()
        guard case .streamEnd = end.kind else { throw end.failure("a second document begins") }
        return root
    }

    /// The node that begins with an event.
    private mutating func node(_ event: YAMLEvent, depth: Int) throws(YAMLFailure) -> YAMLNode {
        guard depth <= Self.depthMax else {
            throw event.failure("nested deeper than \(Self.depthMax)")
        }
        let before = count
        count += 1
        let node: YAMLNode
        let name: String?
        switch event.kind {
        case .alias(let alias):
            guard let target = anchors[alias] else {
                throw event.failure("unknown anchor '\(alias)' referenced")
            }
            count += target.count
            node = target.node
            name = nil
        case .scalar(let scalar, let anchor):
            node = .scalar(scalar)
            name = anchor
        case .sequenceStart(let anchor):
            node = .sequence(try elements(depth: depth), line: event.line)
            name = anchor
        case .mappingStart(let anchor):
            node = .mapping(try entries(depth: depth), line: event.line)
            name = anchor
        case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
            preconditionFailure("libyaml's events nest")
        }
        guard count <= Self.nodesMax else { throw event.failure("more than \(Self.nodesMax) values") }
        if let name { anchors[name] = (node, count - before) }
        return node
    }

    private mutating func elements(depth: Int) throws(YAMLFailure) -> [YAMLNode] {
        var nodes: [YAMLNode] = []
        while true {
            let event = try events.next()
            if case .sequenceEnd = event.kind { return nodes }
            nodes.append(try node(event, depth: depth + 1))
        }
    }

    private mutating func entries(depth: Int) throws(YAMLFailure) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        var keys: Set<String> = []
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind { return entries }
            guard let key = try node(event, depth: depth + 1).text else {
                throw event.failure("a key of a map is no scalar")
            }
            guard keys.insert(key).inserted else {
                throw event.failure("key \(goQuoted(key)) already set in map")
            }
            entries.append(.init(key: key, value: try node(events.next(), depth: depth + 1)))
        }
    }
}
