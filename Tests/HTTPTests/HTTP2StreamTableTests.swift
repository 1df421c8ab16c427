import Testing

@testable import HTTP

@Suite struct `HTTP/2 stream table` {
    private static func stream(_ number: Int32) -> HTTP2Stream {
        HTTP2Stream(streamID: number, assembler: MessageAssembler(isCompressionNegotiated: false))
    }

    /// Everything the model has is found, and its neighbours only if it has them too.
    private static func check(_ table: HTTP2StreamTable, _ model: [Int32: HTTP2Stream]) {
        #expect(table.count == model.count)
        for (number, stream) in model {
            #expect(table.find(number) === stream)
            for other in [number &- 2, number &- 1, number &+ 1, number &+ 2] where other > 0 {
                #expect(table.find(other) === model[other])
            }
        }
    }

    @Test func `an empty table finds and removes nothing`() {
        var table = HTTP2StreamTable()
        #expect(table.find(1) == nil)
        table.remove(1)
        table.insert(Self.stream(1))
        table.remove(3)
        #expect(table.count == 1)
        table.remove(1)
        table.remove(1)
        #expect(table.count == 0)
        #expect(table.find(1) == nil)
    }

    @Test(arguments: 1...20)
    func `ascending odd numbers, removed in any order, are found as in a dictionary`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var table = HTTP2StreamTable()
        var model: [Int32: HTTP2Stream] = [:]
        var next: Int32 = 1
        for round in 0..<600 {
            // Grows, then shrinks, then grows again.
            if Int.random(in: 0..<100, using: &random) < (round / 150 % 2 == 0 ? 70 : 30) || model.isEmpty {
                let stream = Self.stream(next)
                next += 2 * Int32.random(in: 1...3, using: &random)
                table.insert(stream)
                model[stream.streamID] = stream
            } else {
                let numbers = model.keys.sorted()
                let number = numbers[Int.random(in: 0..<numbers.count, using: &random)]
                table.remove(number)
                model[number] = nil
                #expect(table.find(number) == nil)
            }
            if round % 20 == 0 { Self.check(table, model) }
        }
        Self.check(table, model)
        table.removeAll()
        Self.check(table, [:])
    }

    @Test(arguments: 1...20)
    func `arbitrary numbers, many with the same home, are found as in a dictionary`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var table = HTTP2StreamTable()
        var model: [Int32: HTTP2Stream] = [:]
        let shift = Int32.random(in: 0...12, using: &random)
        for round in 0..<600 {
            // Few low bits: they meet in few slots, and clusters wrap around the end.
            let number =
                Int32.random(in: 0...60, using: &random) << (shift + 1)
                | Int32.random(in: 0...3, using: &random)
            if number == 0 { continue }
            if model[number] == nil {
                let stream = Self.stream(number)
                table.insert(stream)
                model[number] = stream
            } else {
                table.remove(number)
                model[number] = nil
            }
            if round % 20 == 0 { Self.check(table, model) }
        }
        Self.check(table, model)
    }

    @Test func `every order of removal of a full cluster leaves the others where they are found`() {
        for size in 1...5 {
            for order in Self.permutations(Array(0..<size)) {
                for start: Int32 in [1, 9, 13, 15] {
                    var table = HTTP2StreamTable()
                    // 16 apart: the same home in a table of eight slots, with neighbours between.
                    let numbers = (0..<size).map { start + ($0 % 2 == 0 ? 16 * Int32($0) : 2 * Int32($0)) }
                    for number in numbers { table.insert(Self.stream(number)) }
                    var left = Set(numbers)
                    for place in order {
                        table.remove(numbers[place])
                        left.remove(numbers[place])
                        #expect(numbers.allSatisfy { (table.find($0) != nil) == left.contains($0) })
                    }
                }
            }
        }
    }

    private static func permutations(_ list: [Int]) -> [[Int]] {
        guard let first = list.first else { return [[]] }
        return permutations(Array(list.dropFirst())).flatMap { rest in
            (0...rest.count).map { Array(rest[..<$0]) + [first] + Array(rest[$0...]) }
        }
    }

    @Test(arguments: 1...20)
    func `a queue gives back what an array would`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = HTTP2StreamQueue()
        var model: [HTTP2Stream] = []
        for round in 0..<2000 {
            let grows = round / 200 % 2 == 0 ? 60 : 40
            switch Int.random(in: 0..<100, using: &random) {
            case 0 where round % 7 == 0:
                queue.removeAll()
                model.removeAll()
            case ..<grows:
                let stream = Self.stream(Int32(round))
                queue.append(stream)
                model.append(stream)
            default:
                let expected = model.isEmpty ? nil : model.removeFirst()
                #expect(queue.popFirst() === expected)
            }
            #expect(queue.isEmpty == model.isEmpty)
        }
        while !model.isEmpty { #expect(queue.popFirst() === model.removeFirst()) }
        #expect(queue.popFirst() == nil)
    }
}
