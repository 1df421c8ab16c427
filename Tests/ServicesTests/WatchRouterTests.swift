import Testing

@testable import MVCC
@testable import Services

@Suite struct WatchRouterTests {
    @Test func `a watcher that is gone has no target, though another has its slot`() {
        var router = WatchRouter()
        let (gone, there) = (WatcherID(slot: 3, generation: 1), WatcherID(slot: 3, generation: 2))
        let inner = SilentWatch()
        router[there] = .inner(inner)
        #expect(router[gone] == nil)
        router[gone] = nil
        #expect(router[there] != nil, "the other one stays")
        router[there] = nil
        #expect(router[there] == nil)
    }

    private final class SilentWatch: InnerWatch {
        func changed(revision: Int64, events: WatchEvents) {}
        func compacted() {}
    }
}
