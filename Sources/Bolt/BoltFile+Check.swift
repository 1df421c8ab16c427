/// What a file is made of.
package struct BoltStatistics: Equatable, Sendable {
    /// Pages below the high-water mark.
    package var pages: UInt64 = 0
    package var branchPages: UInt64 = 0
    package var leafPages: UInt64 = 0
    /// Pages that continue another.
    package var overflowPages: UInt64 = 0
    /// Pages of no tree: named by the free list, or, where it is not on disk, met nowhere.
    package var freePages: UInt64 = 0
    package var buckets: UInt64 = 0
    package var inlineBuckets: UInt64 = 0
    package var keys: UInt64 = 0
    /// Bytes of keys and values.
    package var dataBytes: UInt64 = 0
    /// Levels of the deepest tree.
    package var depth = 0

    package init() {}
}

extension BoltFile {
    /// Reads every page that any transaction could reach and reports each damage; a damaged page is reported,
    /// and the walk goes on beside it. `progress` is called with the pages met so far.
    package func check(
        progress: (UInt64) -> Void = { _ in }, report: (BoltError) -> Void
    ) -> BoltStatistics {
        if let otherMetaFault { report(otherMetaFault) }
        var checker = Checker(file: self)
        checker.statistics.pages = meta.highWater
        checker.bucket(top, nesting: 0, progress, report)
        checker.freeList(report)
        return checker.statistics
    }
}

/// The walk of `BoltFile.check`.
private struct Checker {
    let file: BoltFile
    var walk: Walk
    var statistics = BoltStatistics()
    private var met: UInt64 = 2

    init(file: BoltFile) {
        self.file = file
        walk = Walk(file)
    }

    mutating func bucket(
        _ bucket: BoltBucket, nesting: Int, _ progress: (UInt64) -> Void, _ report: (BoltError) -> Void
    ) {
        guard nesting < BoltFormat.depthMax else { return report(file.damaged(bucket.reference, .depth)) }
        if let inline = bucket.inline {
            statistics.inlineBuckets += 1
            elements(of: inline, nesting: nesting, progress, report)
        } else {
            page(
                (bucket.root, bucket.reference), from: nil, below: nil, depth: 1, nesting: nesting, progress,
                report)
        }
    }

    private mutating func page(
        _ place: (number: UInt64, reference: UInt64), from least: ArraySlice<UInt8>?,
        below end: ArraySlice<UInt8>?, depth: Int, nesting: Int, _ progress: (UInt64) -> Void,
        _ report: (BoltError) -> Void
    ) {
        let page: BoltPage
        do throws(BoltError) {
            page = try file.page(place.number, reference: place.reference)
            guard depth < BoltFormat.depthMax else { throw file.damaged(page.offset, .depth) }
            try walk.claim(page)
            try walk.check(page, from: least, below: end)
        } catch {
            return report(error)
        }
        statistics.depth = max(statistics.depth, depth)
        statistics.overflowPages += UInt64(page.header.overflow)
        met += 1 + UInt64(page.header.overflow)
        progress(met)
        guard page.isBranch else {
            statistics.leafPages += 1
            return elements(of: page, nesting: nesting, progress, report)
        }
        statistics.branchPages += 1
        for index in 0..<page.count {
            let (least, end) = page.bounds(index, least, end)
            self.page(
                page.child(index), from: least, below: end, depth: depth + 1, nesting: nesting, progress,
                report)
        }
    }

    private mutating func elements(
        of page: BoltPage, nesting: Int, _ progress: (UInt64) -> Void, _ report: (BoltError) -> Void
    ) {
        for index in 0..<page.count {
            guard page.isBucket(index) else {
                statistics.keys += 1
                statistics.dataBytes += UInt64(page.key(index).count + page.value(index).count)
                continue
            }
            statistics.buckets += 1
            do throws(BoltError) {
                bucket(try file.bucket(page, index), nesting: nesting + 1, progress, report)
            } catch {
                report(error)
            }
        }
    }

    /// Every free page is below the mark and in no tree; with a list on disk, every other page is in one.
    mutating func freeList(_ report: (BoltError) -> Void) {
        guard let number = file.meta.freeList else {
            statistics.freePages = file.meta.highWater - min(met, file.meta.highWater)
            return
        }
        do throws(BoltError) {
            var isFree = Array(repeating: false, count: Int(file.meta.highWater))
            let list = try file.freeList(number)
            for (position, page) in list.pages.enumerated() {
                guard page >= 2, page < file.meta.highWater, !walk.hasMet(page), !isFree[Int(page)] else {
                    throw file.damaged(list.offset + UInt64(8 * position), .freePage(page))
                }
                isFree[Int(page)] = true
            }
            statistics.freePages = UInt64(list.pages.count)
            for page in 2..<file.meta.highWater where !walk.hasMet(page) && !isFree[Int(page)] {
                guard !list.ownPages.contains(page) else { continue }
                report(file.damaged(page * UInt64(file.meta.pageSize), .lostPage(page)))
            }
        } catch {
            report(error)
        }
    }
}

extension BoltFile {
    /// The page numbers of the free list, where they begin in the file, and the pages it takes itself.
    func freeList(
        _ number: UInt64
    ) throws(BoltError) -> (pages: [UInt64], offset: UInt64, ownPages: Range<UInt64>) {
        guard number >= 2, number < meta.highWater else {
            throw damaged(48, .pageNumber(number, highWater: meta.highWater))
        }
        let offset = number * UInt64(meta.pageSize)
        let header = PageHeader(try bytes(at: offset, count: BoltFormat.headerSize))
        guard header.id == number else {
            throw damaged(offset, .pageIdentity(expected: number, found: header.id))
        }
        guard header.flags == BoltFormat.Flags.freeList else {
            throw damaged(offset + 8, .pageKind(header.flags))
        }
        guard UInt64(header.overflow) < meta.highWater - number else {
            throw damaged(offset + 12, .overflow(header.overflow))
        }
        let end = offset + (UInt64(header.overflow) + 1) * UInt64(meta.pageSize)
        var start = offset + UInt64(BoltFormat.headerSize)
        var count = UInt64(header.count)
        if header.count == 0xffff {
            count = try bytes(at: start, count: 8).u64(0)
            start += 8
        }
        guard count <= (end - start) / 8 else {
            throw damaged(offset + 10, .element(Int(min(count, 1 << 32))))
        }
        let raw = try bytes(at: start, count: Int(count) * 8)
        let pages = stride(from: 0, to: raw.count, by: 8).map { raw.u64($0) }
        return (pages, start, number..<(number + UInt64(header.overflow) + 1))
    }
}
