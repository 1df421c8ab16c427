import CPlatform
import Glibc

/// The records of every leaf page of a file, page after page, whoever owns it: what can still be read where
/// the trees are damaged. Pages that no tree needs any more are among them.
///
/// Nothing is believed but the page size, and that only of a meta page with the magic number; without one it
/// is 4096. A leaf page is one that bears its own number. Memory: one page with those that continue it.
package struct BoltScan: ~Copyable {
    package let path: String
    package let size: UInt64
    private let pageSize: Int
    private let descriptor: Int32

    /// One record, and where it was found: `index` of 0...`indexLast` on its page.
    package struct Place: Equatable, Sendable {
        package var page: UInt64
        package var index: Int
        package var indexLast: Int
    }

    package init(path: String) throws(BoltError) {
        self.path = path
        descriptor = unsafe platform_open(path, O_RDONLY, 0)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, errno: -descriptor) }
        var status = stat()
        size = unsafe fstat(descriptor, &status) == 0 ? UInt64(status.st_size) : 0
        pageSize = Self.pageSize(descriptor, path: path)
    }

    deinit { close(descriptor) }

    /// As one of the meta pages says, whatever else is wrong with it.
    private static func pageSize(_ descriptor: Int32, path: String) -> Int {
        for place in [0] + (9...16).map({ UInt64(1) << $0 }) {
            guard let page = try? BoltFile.read(descriptor, path: path, at: place, count: 80),
                page.count == 80, page.u32(16) == BoltFormat.magic, BoltFormat.isPageSize(page.u32(24))
            else { continue }
            return Int(page.u32(24))
        }
        return 4096
    }

    /// Calls `body` with each record that lies inside its page, and `report` with what does not. The spans
    /// end with the call.
    package func forEach(
        report: (BoltError) -> Void,
        _ body: (Place, _ key: borrowing RawSpan, _ value: borrowing RawSpan) -> Void
    ) {
        var number: UInt64 = 2
        while number < size / UInt64(pageSize) {
            let offset = number * UInt64(pageSize)
            var next = number + 1
            do throws(BoltError) {
                let page = try bytes(at: offset, count: pageSize)
                let header = PageHeader(page)
                if header.id == number, header.flags == BoltFormat.Flags.leaf {
                    let isWhole = try visit(header, page, at: offset, report, body)
                    // The pages of a sound page hold values, and are no pages by themselves.
                    if isWhole { next += UInt64(header.overflow) }
                }
            } catch {
                report(error)
            }
            number = next
        }
    }

    /// Answers whether all elements lie inside their page.
    private func visit(
        _ header: PageHeader, _ first: [UInt8], at offset: UInt64, _ report: (BoltError) -> Void,
        _ body: (Place, borrowing RawSpan, borrowing RawSpan) -> Void
    ) throws(BoltError) -> Bool {
        let capacity = min((UInt64(header.overflow) + 1) * UInt64(pageSize), size - offset)
        let table = BoltFormat.headerSize + header.count * BoltFormat.elementSize
        guard table <= capacity else {
            throw .damaged(path: path, offset: offset + 10, .element(header.count))
        }
        var page = first
        if table > page.count { page = try bytes(at: offset, count: table) }
        let end = min(UInt64(BoltPage.end(of: page, header)), capacity)
        if end > page.count { page = try bytes(at: offset, count: Int(end)) }
        return visit(page, header.count, number: header.id, at: offset, report, body)
    }

    /// The elements of a page's image; inline buckets inside it, too.
    private func visit(
        _ page: [UInt8], _ count: Int, number: UInt64, at offset: UInt64, isInline: Bool = false,
        _ report: (BoltError) -> Void, _ body: (Place, borrowing RawSpan, borrowing RawSpan) -> Void
    ) -> Bool {
        var isWhole = true
        for index in 0..<count {
            let element = BoltFormat.headerSize + index * BoltFormat.elementSize
            let key = element + Int(page.u32(element + 4))
            let value = key + Int(page.u32(element + 8))
            let end = value + Int(page.u32(element + 12))
            guard end <= page.count else {
                report(.damaged(path: path, offset: offset + UInt64(element), .element(index)))
                isWhole = false
                continue
            }
            if page.u32(element) & 1 == 0 {
                // Both ranges were checked against the page.
                unsafe body(
                    Place(page: number, index: index, indexLast: count - 1),
                    page.span.bytes.extracting(key..<value), page.span.bytes.extracting(value..<end))
            } else if !isInline, let image = inlinePage(page[value..<end]) {
                let inner = offset + UInt64(value + BoltFormat.bucketHeaderSize)
                _ = visit(
                    image, PageHeader(image).count, number: number, at: inner, isInline: true, report, body)
            }
        }
        return isWhole
    }

    /// The page of an inline bucket whose table lies inside its value.
    private func inlinePage(_ value: ArraySlice<UInt8>) -> [UInt8]? {
        let value = Array(value)
        guard value.count >= BoltFormat.bucketHeaderSize + BoltFormat.headerSize, value.u64(0) == 0 else {
            return nil
        }
        let image = Array(value[BoltFormat.bucketHeaderSize...])
        let table = BoltFormat.headerSize + PageHeader(image).count * BoltFormat.elementSize
        return table <= image.count ? image : nil
    }

    private func bytes(at offset: UInt64, count: Int) throws(BoltError) -> [UInt8] {
        let bytes = try BoltFile.read(descriptor, path: path, at: offset, count: count)
        guard bytes.count == count else {
            let end = offset + UInt64(bytes.count)
            throw .damaged(path: path, offset: offset, .truncated(needed: offset + UInt64(count), size: end))
        }
        return bytes
    }
}
