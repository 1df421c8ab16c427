import Testing

@testable import MVCC

/// The tree against a sorted dictionary, with keys of every shape.
@Suite struct KeyTreeTests {
    private func store(_ value: Int64, in tree: KeyTree, at key: [UInt8]) -> Bool {
        unsafe key.withUnsafeBytes { key in
            let (payload, isNew) = unsafe tree.findOrInsert(key)
            payload.mod = value
            return isNew
        }
    }

    private func load(_ key: [UInt8], from tree: KeyTree) -> Int64? {
        unsafe key.withUnsafeBytes { unsafe tree.find($0)?.mod }
    }

    private func all(_ tree: KeyTree, from key: [UInt8] = []) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        var cursor = unsafe key.withUnsafeBytes { unsafe TreeCursor(tree, from: $0) }
        while let (page, slots) = cursor.nextLeaf() {
            for slot in slots {
                var key: [UInt8] = []
                page.appendKey(slot, to: &key)
                keys.append(key)
            }
        }
        return keys
    }

    /// Keys of four kinds: paths with long shared prefixes, any bytes, very long ones, and short ones.
    private func randomKey(_ random: inout Seeded) -> [UInt8] {
        switch random.below(8) {
        case 0: return (0...random.below(4)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        case 1:
            let shared = [UInt8](repeating: 0x61, count: 400 + random.below(1200))
            return shared + [UInt8(random.below(3))]
        case 2:
            let shared = [UInt8](repeating: UInt8(random.below(3)), count: random.below(700))
            return shared + (0...random.below(600)).map { _ in UInt8(random.below(2) * 255) }
        default: return bytes("/registry/pods/ns-\(random.below(20))/pod-\(random.below(4000))")
        }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `it holds what a dictionary holds through random insertions and removals`(seed: UInt64) {
        var random = Seeded(seed: seed)
        let tree = KeyTree()
        var model: [[UInt8]: Int64] = [:]
        for phase in 0..<4 {
            for step in 0..<3000 {
                let key = randomKey(&random)
                let isRemoval = phase % 2 == 1 ? !random.chance(4) : random.chance(6)
                if isRemoval {
                    let victim =
                        model.isEmpty || random.chance(10) ? key : model.randomElement(using: &random)!.key
                    let wasThere = model.removeValue(forKey: victim) != nil
                    let isRemoved = unsafe victim.withUnsafeBytes { unsafe tree.remove($0) }
                    if isRemoved != wasThere { Issue.record("step \(step)") }
                } else {
                    let isNew = model.updateValue(Int64(step), forKey: key) == nil
                    if store(Int64(step), in: tree, at: key) != isNew { Issue.record("step \(step)") }
                }
                if step % 500 == 0 { tree.checkInvariants() }
            }
            tree.checkInvariants()
            #expect(tree.count == model.count)
            let sorted = model.keys.sorted { $0.lexicographicallyPrecedes($1) }
            #expect(all(tree) == sorted)
            #expect(model.allSatisfy { load($0.key, from: tree) == $0.value })
            let start = randomKey(&random)
            #expect(all(tree, from: start) == sorted.filter { !$0.lexicographicallyPrecedes(start) })
        }
        for key in model.keys { _ = unsafe key.withUnsafeBytes { unsafe tree.remove($0) } }
        tree.checkInvariants()
        #expect(tree.count == 0)
    }

    @Test func `keys in order leave full pages behind`() {
        let tree = KeyTree()
        for number in 0..<20_000 { _ = store(0, in: tree, at: bytes("key-\(100_000_000 + number)")) }
        tree.checkInvariants()
        // 24 payload + 8 slot + 5 of the key, and what the last slot of a page leaves.
        #expect(tree.pool.pagesInUse * Page.size < 20_000 * 43)
    }

    @Test func `every byte string of up to two bytes is its own key`() {
        let tree = KeyTree()
        var keys: [[UInt8]] = []
        for first in UInt8.min...UInt8.max {
            keys.append([first])
            for second: UInt8 in [0, 1, 0x7f, 0x80, 0xff] { keys.append([first, second]) }
        }
        for (number, key) in keys.enumerated() { _ = store(Int64(number), in: tree, at: key) }
        tree.checkInvariants()
        #expect(keys.enumerated().allSatisfy { load($0.element, from: tree) == Int64($0.offset) })
        #expect(all(tree) == keys)
    }
}
