/// Which of `names` was probably meant by a mistyped one; nil where none is near.
package func nearName(to text: String, among names: [String]) -> String? {
    let near = names.map { (name: $0, edits: edits(from: Array(text.utf8), to: Array($0.utf8))) }
    guard let best = near.min(by: { $0.edits < $1.edits }) else { return nil }
    return best.edits <= max(1, best.name.utf8.count / 3) ? best.name : nil
}

/// How many letters must be put in, taken out, changed, or changed in turn with the next.
private func edits(from a: [UInt8], to b: [UInt8]) -> Int {
    // By the lengths of the beginnings of both.
    var table = (0...a.count).map { row in (0...b.count).map { row == 0 ? $0 : $0 == 0 ? row : 0 } }
    for row in 0..<a.count {
        for column in 0..<b.count {
            var least = min(table[row][column + 1], table[row + 1][column]) + 1
            least = min(least, table[row][column] + (a[row] == b[column] ? 0 : 1))
            if row > 0, column > 0, a[row] == b[column - 1], a[row - 1] == b[column] {
                least = min(least, table[row - 1][column - 1] + 1)
            }
            table[row + 1][column + 1] = least
        }
    }
    return table[a.count][b.count]
}
