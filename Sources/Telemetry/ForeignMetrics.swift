/// Families every etcd shows, of parts this server does not have: always 0, as they are with etcd when the
/// part is not used. Dashboards that name them find them. Source: spec/http.md 6.8.
enum ForeignMetrics {
    static func register(in r: MetricsRegistry) {
        _ = r.counter("etcd_debugging_store_expires_total", "Keys of the v2 store that expired.")
        _ = r.counter("etcd_debugging_store_watch_requests_total", "Watches of the v2 store.")
        _ = r.gauge("etcd_debugging_store_watchers", "Watchers of the v2 store.")
        for kind in ["reads", "writes"] {
            for end in ["_total", "_failed_total"] {
                _ = r.counters("etcd_debugging_store_\(kind)\(end)", "The v2 store's \(kind).", "action")
            }
        }
        for kind in ["hits", "keys", "misses"] {
            _ = r.gauge("etcd_grpc_proxy_cache_\(kind)_total", "The gRPC proxy's cache: \(kind).")
        }
        _ = r.counter("etcd_grpc_proxy_events_coalescing_total", "Events the gRPC proxy coalesced.")
        _ = r.gauge("etcd_grpc_proxy_watchers_coalescing_total", "Watchers the gRPC proxy coalesced.")
    }
}
