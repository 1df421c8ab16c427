import Testing

@testable import Telemetry

@Suite struct MetricsTests {
    @Test func `the text is Prometheus's, families and children in order`() {
        let registry = MetricsRegistry()
        let histogram = registry.histogram("wait_seconds", "Waiting.", .exponential(0.001, 2, 3))
        let labelled = registry.counters("calls_total", "Calls by \"kind\"\nand code \\.", "kind", "code")
        let gauge = registry.gauge("size_bytes", "Size.")
        let computed = registry.computed("age", "Age.")
        _ = registry.gauges("never_used", "Has no children.", "x")
        histogram.observe(0.001)
        histogram.observe(.milliseconds(3))
        histogram.observe(nanoseconds: 1_000_000_000)
        labelled.with("z", "1").add(2)
        labelled.with("a\"b\\\n", "1").add()
        gauge.set(2_147_483_648)
        computed.compute { 1.5 }
        #expect(
            registry.text() == """
                # HELP age Age.
                # TYPE age gauge
                age 1.5
                # HELP calls_total Calls by "kind"\\nand code \\\\.
                # TYPE calls_total counter
                calls_total{code="1",kind="a\\"b\\\\\\n"} 1
                calls_total{code="1",kind="z"} 2
                # HELP size_bytes Size.
                # TYPE size_bytes gauge
                size_bytes 2.147483648e+09
                # HELP wait_seconds Waiting.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{le="0.001"} 1
                wait_seconds_bucket{le="0.002"} 1
                wait_seconds_bucket{le="0.004"} 2
                wait_seconds_bucket{le="+Inf"} 3
                wait_seconds_sum 1.004
                wait_seconds_count 3

                """)
    }

    @Test func `a histogram with labels puts le last`() {
        let registry = MetricsRegistry()
        registry.histograms("h", "H.", .exactly([5]), "op", "at").with("Put", "x").observe(5)
        #expect(
            registry.text() == """
                # HELP h H.
                # TYPE h histogram
                h_bucket{at="x",op="Put",le="5"} 1
                h_bucket{at="x",op="Put",le="+Inf"} 1
                h_sum{at="x",op="Put"} 5
                h_count{at="x",op="Put"} 1

                """)
    }

    @Test(arguments: [
        (0, "0"), (1, "1"), (-1, "-1"), (0.001, "0.001"), (8.192, "8.192"), (999_999, "999999"),
        (100_000, "100000"), (1_000_000, "1e+06"), (1_572_864, "1.572864e+06"), (0.0001, "0.0001"),
        (0.00001, "1e-05"), (0.0000123, "1.23e-05"), (1e21, "1e+21"), (1e100, "1e+100"),
        (123_456.789, "123456.789"), (1_234_567.8, "1.2345678e+06"), (.infinity, "+Inf"),
        (-.infinity, "-Inf"), (.nan, "NaN"), (0.1 + 0.2, "0.30000000000000004"),
    ])
    func `numbers print as Go prints them`(value: Double, text: String) {
        #expect(MetricsText.number(value) == text)
    }

    @Test func `a child that comes later takes its place`() {
        let registry = MetricsRegistry()
        let family = registry.gauges("g", "G.", "l")
        family.with("b").set(1)
        #expect(registry.text().hasSuffix("g{l=\"b\"} 1\n"))
        family.with("a").set(true)
        #expect(registry.text().hasSuffix("g{l=\"a\"} 1\ng{l=\"b\"} 1\n"))
        family.removeAll()
        #expect(registry.text().isEmpty)
    }

    @Test func `counts of many threads add up`() async {
        let registry = MetricsRegistry()
        let counter = registry.counter("c", "C.")
        let gauge = registry.gauge("g", "G.")
        let histogram = registry.histogram("h", "H.", .exponential(1, 2, 4))
        let family = registry.counters("f", "F.", "l")
        await withTaskGroup { group in
            for task in 0..<4 {
                group.addTask {
                    for step in 0..<10_000 {
                        counter.add()
                        gauge.add(step % 2 == 0 ? 2 : -1)
                        histogram.observe(Double(step % 20))
                        family.with(String(task % 2)).add()
                    }
                }
            }
        }
        #expect(counter.value == 40_000)
        #expect(gauge.value == 20_000)
        #expect(histogram.snapshot.count == 40_000)
        #expect(histogram.snapshot.sum == 4 * 500 * 190)
        #expect(histogram.snapshot.cumulative == [4000, 6000, 10_000, 18_000])
        #expect(family.all.map { $0.metric.value } == [20_000, 20_000])
    }
}

@Suite struct ServerMetricsTests {
    /// spec/http.md section 6.7, and the ones without a label from 6.8.
    @Test func `what alert rules and dashboards ask for exists from the start`() {
        let registry = MetricsRegistry()
        _ = ServerMetrics(registry, extensive: true)
        let lines = Set(registry.text().split(separator: "\n"))
        for name in [
            "etcd_server_has_leader", "etcd_server_leader_changes_seen_total",
            "etcd_server_proposals_failed_total", "etcd_server_proposals_pending",
            "etcd_server_proposals_committed_total", "etcd_server_proposals_applied_total",
            "etcd_mvcc_db_total_size_in_bytes", "etcd_mvcc_db_total_size_in_use_in_bytes",
            "etcd_server_quota_backend_bytes", "etcd_network_client_grpc_received_bytes_total",
            "etcd_network_client_grpc_sent_bytes_total", "etcd_debugging_mvcc_db_total_size_in_bytes",
            "etcd_disk_wal_fsync_duration_seconds_count",
            "etcd_disk_backend_commit_duration_seconds_count", "etcd_server_is_learner",
            "etcd_debugging_mvcc_watch_stream_total", "etcd_debugging_lease_granted_total",
            "etcd_snap_fsync_duration_seconds_count", "etcd_server_health_success",
        ] {
            #expect(lines.contains("\(name) 0"), "\(name)")
        }
        let call = "grpc_method=\"Put\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\""
        #expect(lines.contains("grpc_server_started_total{\(call)} 0"))
        #expect(lines.contains("grpc_server_handled_total{grpc_code=\"DataLoss\",\(call)} 0"))
        #expect(lines.contains("grpc_server_handling_seconds_count{\(call)} 0"))
        #expect(lines.contains("etcd_disk_wal_fsync_duration_seconds_bucket{le=\"8.192\"} 0"))
        #expect(lines.contains("etcd_server_version{server_version=\"3.5.33\"} 1"))
        let loop = "etcd_debugging_server_watch_send_loop_"
        #expect(lines.contains("\(loop)watch_stream_duration_per_event_seconds_count 0"))
        #expect(lines.contains("\(loop)control_stream_duration_seconds_count 0"))
    }

    @Test func `the process is measured from proc`() throws {
        let registry = MetricsRegistry()
        ProcessMetrics.register(in: registry)
        let values = Dictionary(
            uniqueKeysWithValues: registry.text().split(separator: "\n").filter { !$0.hasPrefix("#") }
                .map { line in
                    let words = line.split(separator: " ")
                    return (String(words[0]), Double(words[1]) ?? -1)
                })
        #expect(try #require(values["process_resident_memory_bytes"]) > 1_048_576)
        #expect(try #require(values["process_open_fds"]) >= 3)
        #expect(try #require(values["os_fd_limit"]) == Double(ProcessMetrics.descriptorLimit))
        #expect(try #require(values["process_start_time_seconds"]) > 1_600_000_000)
        #expect(try #require(values["process_cpu_seconds_total"]) >= 0)
    }

    @Test func `a command named with a bracket does not shift the fields`() {
        let fields = (3...52).map(String.init).joined(separator: " ")
        let status = ProcessStatus.parse("7 (a) b) \(fields)\n")
        #expect(
            status == ProcessStatus(cpuTicks: 14 + 15, startTicks: 22, virtualBytes: 23, residentPages: 24))
        #expect(ProcessStatus.parse("7 (a) 1 2") == nil)
    }

    @Test func `calls are counted by method and code`() throws {
        let registry = MetricsRegistry()
        let metrics = GRPCMetrics(registry, methods: GRPCMethod.all, extensive: false)
        let put = try #require(metrics.method("/etcdserverpb.KV/Put"))
        put.raise(started: 1, received: 0, sent: 0, handledByCode: (0...16).map { $0 == 8 ? 1 : 0 })
        #expect(put.handling == nil)
        #expect(metrics.method("/etcdserverpb.KV/Nothing") == nil)
        let lines = registry.text().split(separator: "\n").filter { $0.hasSuffix(" 1") }
        #expect(lines.count == 2)
        #expect(lines.contains { $0.contains("ResourceExhausted") })
    }

    @Test func `a batch counts as so many observations of one value`() {
        let histogram = Histogram(.exactly([1, 2]))
        histogram.observe(1.5, count: 4)
        #expect(histogram.snapshot.cumulative == [0, 4])
        #expect(histogram.snapshot.count == 4)
        #expect(histogram.snapshot.sum == 6)
    }

    @Test func `what is counted elsewhere is brought up to date before each text`() {
        let registry = MetricsRegistry()
        let counter = registry.counter("c", "C.")
        registry.alias("old_c", "C.", of: counter)
        let source = Counter()
        registry.beforeText {
            source.add(2)
            counter.raise(to: source.value)
        }
        #expect(registry.text().contains("\nc 2\n"))
        #expect(registry.text().contains("\nold_c 4\n"))
    }
}
