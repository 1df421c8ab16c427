/// Where one change stands in the history of the store: `main` counts the writes (the first is 2), `sub`
/// the changes inside one write from 0. Source: spec/api.md 11.
package struct Revision: Comparable, Hashable, Sendable {
    package var main: Int64
    package var sub: Int64

    package init(main: Int64, sub: Int64 = 0) {
        self.main = main
        self.sub = sub
    }

    package static func < (a: Revision, b: Revision) -> Bool { (a.main, a.sub) < (b.main, b.sub) }
}
