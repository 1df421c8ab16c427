/// One bucket of a file.
package struct BoltBucket: Sendable {
    package let name: [UInt8]
    package let sequence: UInt64
    /// The root page; 0 for an inline bucket.
    package let root: UInt64
    /// An inline bucket's page.
    let inline: BoltPage?
    /// Where the file names the root.
    let reference: UInt64
}

extension BoltPage: @unchecked Sendable {
    // Sendable: immutable values only.
}

extension BoltFile {
    /// The buckets at the top of the file, or of another bucket, in the order of their names.
    package func buckets(in parent: BoltBucket? = nil) throws(BoltError) -> [BoltBucket] {
        var buckets: [BoltBucket] = []
        var walk = Walk(self)
        try walk.run(parent ?? top, .ascending) { page, index throws(BoltError) in
            if page.isBucket(index) { buckets.append(try self.bucket(page, index)) }
            return true
        }
        return buckets
    }

    /// The bucket of that name at the top of the file.
    package func bucket(named name: String) throws(BoltError) -> BoltBucket? {
        try buckets().first { $0.name == Array(name.utf8) }
    }

    package enum Order: Sendable {
        case ascending, descending
    }

    /// Calls `body` with each record of a bucket until it answers false. Buckets inside it are passed over.
    /// The spans end with the call. Memory: the pages from root to leaf.
    package func forEach(
        in bucket: BoltBucket, _ order: Order = .ascending,
        _ body: (_ key: borrowing RawSpan, _ value: borrowing RawSpan) -> Bool
    ) throws(BoltError) {
        var walk = Walk(self)
        try walk.run(bucket, order) { page, index throws(BoltError) in
            if page.isBucket(index) { return true }
            // Both ranges were checked against the page when it was read.
            return unsafe body(
                page.bytes.span.bytes.extracting(page.key(index)),
                page.bytes.span.bytes.extracting(page.value(index)))
        }
    }

    /// The file itself as a bucket.
    var top: BoltBucket {
        BoltBucket(name: [], sequence: meta.sequence, root: meta.root, inline: nil, reference: 32)
    }

    /// Reads the value of a bucket element.
    func bucket(_ page: BoltPage, _ index: Int) throws(BoltError) -> BoltBucket {
        let range = page.value(index)
        let offset = page.offset + UInt64(range.lowerBound)
        guard range.count >= BoltFormat.bucketHeaderSize else { throw damaged(offset, .bucketValue) }
        let (root, sequence) = (page.bytes.u64(range.lowerBound), page.bytes.u64(range.lowerBound + 8))
        var inline: BoltPage?
        if root == 0 {
            let image = Array(page.bytes[(range.lowerBound + BoltFormat.bucketHeaderSize)..<range.upperBound])
            let start = offset + UInt64(BoltFormat.bucketHeaderSize)
            guard image.count >= BoltFormat.headerSize else { throw damaged(offset, .bucketValue) }
            let header = PageHeader(image)
            guard header.flags == BoltFormat.Flags.leaf else {
                throw damaged(start + 8, .pageKind(header.flags))
            }
            inline = try BoltPage(image, header, path: path, offset: start)
        }
        return BoltBucket(
            name: Array(page.bytes[page.key(index)]), sequence: sequence, root: root, inline: inline,
            reference: offset)
    }
}

/// One walk over the tree of a bucket.
struct Walk {
    private let file: BoltFile
    /// One bit per page: met already.
    private var met: [UInt64]

    init(_ file: BoltFile) {
        self.file = file
        met = Array(repeating: 0, count: Int(file.meta.highWater / 64) + 1)
    }

    /// Notes the owner of a page and of those that follow it; throws when one has another already.
    mutating func claim(_ page: BoltPage) throws(BoltError) {
        for number in page.header.id...(page.header.id + UInt64(page.header.overflow)) {
            let (word, bit) = (Int(number / 64), UInt64(1) << (number % 64))
            guard met[word] & bit == 0 else { throw file.damaged(page.offset, .pageTwice(number)) }
            met[word] |= bit
        }
    }

    func hasMet(_ number: UInt64) -> Bool { met[Int(number / 64)] >> (number % 64) & 1 == 1 }

    /// Calls `body` with every leaf element until it answers false.
    mutating func run(
        _ bucket: BoltBucket, _ order: BoltFile.Order,
        _ body: (BoltPage, Int) throws(BoltError) -> Bool
    ) throws(BoltError) {
        if let inline = bucket.inline {
            _ = try Self.elements(of: inline, order, body)
        } else {
            let page = try file.page(bucket.root, reference: bucket.reference)
            _ = try visit(page, from: nil, below: nil, order, depth: 1, body)
        }
    }

    private mutating func visit(
        _ page: BoltPage, from least: ArraySlice<UInt8>?, below end: ArraySlice<UInt8>?,
        _ order: BoltFile.Order,
        depth: Int, _ body: (BoltPage, Int) throws(BoltError) -> Bool
    ) throws(BoltError) -> Bool {
        guard depth < BoltFormat.depthMax else { throw file.damaged(page.offset, .depth) }
        try claim(page)
        try check(page, from: least, below: end)
        guard page.isBranch else { return try Self.elements(of: page, order, body) }
        for step in 0..<page.count {
            let index = order == .ascending ? step : page.count - 1 - step
            let (number, reference) = page.child(index)
            let child = try file.page(number, reference: reference)
            let bounds = page.bounds(index, least, end)
            guard try visit(child, from: bounds.0, below: bounds.1, order, depth: depth + 1, body) else {
                return false
            }
        }
        return true
    }

    /// That a page's keys lie between those of its branch. A branch without children is damage too.
    func check(
        _ page: BoltPage, from least: ArraySlice<UInt8>?, below end: ArraySlice<UInt8>?
    ) throws(BoltError) {
        guard page.count > 0 else {
            if page.isBranch { throw file.damaged(page.offset + 10, .element(0)) }
            return
        }
        let (first, last) = (page.bytes[page.key(0)], page.bytes[page.key(page.count - 1)])
        if let least, first.lexicographicallyPrecedes(least) {
            throw file.damaged(page.offset + UInt64(page.key(0).lowerBound), .keyOrder(0))
        }
        if let end, !last.lexicographicallyPrecedes(end) {
            let place = page.offset + UInt64(page.key(page.count - 1).lowerBound)
            throw file.damaged(place, .keyOrder(page.count - 1))
        }
    }

    private static func elements(
        of page: BoltPage, _ order: BoltFile.Order, _ body: (BoltPage, Int) throws(BoltError) -> Bool
    ) throws(BoltError) -> Bool {
        for step in 0..<page.count {
            let index = order == .ascending ? step : page.count - 1 - step
            guard try body(page, index) else { return false }
        }
        return true
    }
}

extension BoltPage {
    /// The least key of a child and the first key beyond it, given those of this branch. The first key of a
    /// branch bounds nothing that its own bounds do not.
    func bounds(
        _ index: Int, _ least: ArraySlice<UInt8>?, _ end: ArraySlice<UInt8>?
    ) -> (ArraySlice<UInt8>?, ArraySlice<UInt8>?) {
        (index > 0 ? bytes[key(index)] : least, index + 1 < count ? bytes[key(index + 1)] : end)
    }
}
