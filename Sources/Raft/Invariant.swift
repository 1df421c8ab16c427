/// Stops the process when one of our own promises is broken, printing the numbers an operator needs.
///
/// `precondition` loses its text in release builds; this keeps it (style 3.6). Cost: one branch.
@inline(__always)
func invariant(_ holds: Bool, _ message: @autoclosure () -> String) {
    if !holds { violated(message()) }
}

@inline(never)
private func violated(_ message: String) -> Never {
    fatalError("raft invariant violated: \(message)")
}
