import EtcdClient

/// How much is asked, and how fast.
package struct LoadPlan {
    /// Clients that ask one operation at a time.
    package var clients = 1
    /// Operations in all; nil: until `duration` is over.
    package var total: Int?
    /// How long is asked, from the end of the warm-up; nil: until `total` is reached.
    package var duration: Duration?
    /// What is asked first and not counted.
    package var warmUp: Duration = .zero
    /// Operations per second; nil: as fast as answers come.
    ///
    /// With a rate the load is an open loop: the k-th operation is meant to begin k/rate seconds after the
    /// first, and its latency counts from there, also where it had to wait for a client to become free. What
    /// was due before the end of the duration is asked after it where it had to wait, for 10 s.
    package var rate: Double?
    /// When each operation is meant to begin, in nanoseconds from the first; in place of `rate`.
    package var times: [Int64]?
    /// What gets the clients another token where theirs is refused.
    package var renewal: TokenRenewal?
    /// Told of every request as it begins: nanoseconds of the monotonic clock, method and message.
    package var record: ((Int64, EtcdClient.Method, [UInt8]) -> Void)?

    package init() {}
}
