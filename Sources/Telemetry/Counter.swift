import Synchronization

/// A number that only grows. Any thread may add; one relaxed atomic addition, no lock.
package final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    package init() {}

    package func add(_ amount: Int = 1) {
        precondition(amount >= 0, "a counter only grows")
        count.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    /// Takes over a total that is counted elsewhere, in plain memory; nobody else may add then.
    package func raise(to total: UInt64) { count.store(total, ordering: .relaxed) }

    package var value: UInt64 { count.load(ordering: .relaxed) }
}

/// A number that goes up and down. Any thread may set or add, without a lock.
package final class Gauge: Sendable {
    /// The bit pattern of a Double.
    private let bits = Atomic<UInt64>(0)

    package init() {}

    package func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    package func set(_ value: Int) { set(Double(value)) }

    package func set(_ value: Bool) { set(value ? 1 : 0) }

    package func add(_ amount: Int) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + Double(amount)).bitPattern
            let (isDone, seen) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if isDone { return }
            old = seen
        }
    }

    package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}

/// A gauge whose value is asked for when somebody looks; 0 until it is told whom to ask.
package final class ComputedGauge: Sendable {
    private let source = Mutex<(@Sendable () -> Double)?>(nil)

    package init() {}

    /// The closure is called on the thread that serves /metrics; it must not block.
    package func compute(_ body: @escaping @Sendable () -> Double) {
        source.withLock { $0 = body }
    }

    package var value: Double {
        let body = source.withLock { $0 }
        return body?() ?? 0
    }
}
