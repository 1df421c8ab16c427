import CPlatform

/// Something registered with an event loop that wants to hear of readiness.
protocol ReadinessHandler: AnyObject {
    /// Edge-triggered: each bit is said once until the call it stands for would block again.
    func ready(_ events: Readiness)
}

struct Readiness: OptionSet {
    let rawValue: UInt32
    static let readable = Readiness(rawValue: UInt32(PLATFORM_READABLE))
    static let writable = Readiness(rawValue: UInt32(PLATFORM_WRITABLE))
    static let hangup = Readiness(rawValue: UInt32(PLATFORM_HANGUP))
}

/// One thread's loop over sockets, timers and the mailboxes of other threads.
///
/// A pass, in this order:
///
///     1  sleep until a socket is ready, the doorbell rings or a timer is due; `now` is read once
///     2  ready sockets: each connection's input is read and handed to its machine
///     3  `onWake` hooks, if the doorbell rang: drain the mailboxes
///     4  timers that are due
///     5  `atEndOfPass` hooks: what the pass gathered goes out as one batch (proposals, reads)
///     6  connections with output: all speak, then one write each
///
/// (In turns, a machine and the kernel would push each other's code and data out of the caches: with a
/// message to each of 100 clients that was 3 to 4 % of the loop's time on a busy host, less on a quiet one.)
///
/// The loop, its connections and all its hooks belong to the thread that calls `run`; the doorbell and
/// mailboxes are the only way in from other threads. To stop it from outside, send a message to a
/// mailbox whose hook calls `stop`.
@safe package final class EventLoop {
    /// Rings for this loop's mailboxes.
    package let doorbell: Doorbell
    /// The time at which this pass began, or went on after it had waited (`answerDoorbell`).
    package private(set) var now = MonotonicTime.now()

    private let epoll: Descriptor
    private var registrations = Registrations()
    private var timers = TimerQueue()
    private var wakeHooks: [() -> Void] = []
    private var passHooks: [() -> Void] = []
    private var unflushed: [Connection] = []
    /// Those whose turn it is; empty outside of a flush, as the next three are.
    private var speaking: [Connection] = []
    /// What they have said, one behind the other in the write buffer.
    private var gathered: [Gathered] = []
    private var gatheredBytes = 0
    /// Those that have more to say.
    private var unfinished: [Connection] = []
    private var unread: [Connection] = []
    private var isStopping = false
    /// What `beginPass(by:)` asked for.
    private var alarm: MonotonicTime?
    private var events: [platform_event]
    private var company = Company()
    /// Before this pass.
    private var wasRung = false
    /// Shared by all connections of the loop: input is consumed, output written or copied, in the same pass.
    let readBuffer: UnsafeMutableRawBufferPointer
    private let writeBuffer: UnsafeMutableRawBufferPointer

    private struct Gathered {
        /// The place of the connection in `speaking`.
        let place: Int
        let count: Int
        let isSilent: Bool
    }

    /// A loop for the calling thread; the doorbell exists before it so that others can be given it.
    package init(doorbell: Doorbell) throws(NetError) {
        self.doorbell = doorbell
        epoll = Descriptor(owning: try checked("epoll_create1", platform_epoll_create()))
        events = Array(repeating: platform_event(), count: NetLimits.eventsPerPass)
        unsafe readBuffer = .allocate(byteCount: NetLimits.readBytes, alignment: 64)
        unsafe writeBuffer = .allocate(byteCount: NetLimits.writeBytes, alignment: 64)
        _ = try checked(
            "epoll_ctl",
            platform_epoll_add_eventfd(epoll.number, doorbell.descriptorNumber, Registrations.doorbell))
    }

    deinit {
        unsafe readBuffer.deallocate()
        unsafe writeBuffer.deallocate()
    }

    /// Runs passes until `stop` is called.
    package func run() {
        isStopping = false
        while !isStopping { runPass() }
    }

    /// Ends `run` after the pass that is running.
    package func stop() { isStopping = true }

    /// Adds a hook that runs in every pass after the doorbell rang: the place to drain mailboxes.
    package func onWake(_ hook: @escaping () -> Void) { wakeHooks.append(hook) }

    /// Adds a hook that runs at the end of every pass, before output is written.
    package func atEndOfPass(_ hook: @escaping () -> Void) { passHooks.append(hook) }

    /// Runs `action` once, in the first pass at or after `due` (millisecond precision).
    @discardableResult
    package func schedule(at due: MonotonicTime, _ action: @escaping () -> Void) -> Timer {
        timers.schedule(at: due, action)
    }

    /// Runs `action` once after `delay`, counted from this pass.
    @discardableResult
    package func schedule(after delay: Duration, _ action: @escaping () -> Void) -> Timer {
        timers.schedule(at: now + delay, action)
    }

    /// Forgets a timer; one that has fired already is no error.
    package func cancel(_ timer: Timer) { timers.cancel(timer) }

    /// The next pass begins at `time` at the latest, to some microseconds where a timer's precision is a
    /// millisecond: for the one hook that paces, which asks anew in every pass. Before Linux 5.11 it may
    /// begin a millisecond before.
    package func beginPass(by time: MonotonicTime) { alarm = time }

    /// Has the kernel wake the calling thread exactly when it asked to be: else it may be 50 us later.
    package static func sleepPrecisely() { _ = platform_sleep_precisely() }

    /// One pass; `run` repeats it, and tests step with it.
    package func runPass() {
        let count = poll()
        now = MonotonicTime.now()
        company.beginPass(at: now)
        wasRung = doorbell.endSleep()
        dispatch(count)
        resumeReading()
        if wasRung { callWakeHooks() }
        while let action = timers.popDue(now) { action() }
        for place in passHooks.indices { passHooks[place]() }  // counts no reference of the array
        flush()
    }

    private func poll() -> Int {
        var timeout: Int32 = 0
        let mayWait = unflushed.isEmpty && unread.isEmpty && !isStopping
        let epoll = epoll.number
        if mayWait, doorbell.beginSleep() {
            timeout = millisecondsToNextTimer()
            if let alarm = alarm.take() { return poll(until: alarm, or: timeout) }
        }
        let count = unsafe events.withUnsafeMutableBufferPointer { buffer in
            unsafe platform_epoll_wait(epoll, buffer.baseAddress, Int32(buffer.count), timeout)
        }
        precondition(count >= 0, "epoll_wait fails only for our own mistakes")
        return Int(count)
    }

    private func poll(until alarm: MonotonicTime, or timeout: Int32) -> Int {
        let longest: Int64 = timeout < 0 ? 1_000_000_000 : min(Int64(timeout) * 1_000_000, 1_000_000_000)
        let wait = min(max(alarm.nanoseconds - MonotonicTime.now().nanoseconds, 0), longest)
        let epoll = epoll.number
        let count = unsafe events.withUnsafeMutableBufferPointer { buffer in
            unsafe platform_epoll_wait_ns(epoll, buffer.baseAddress, Int32(buffer.count), wait)
        }
        precondition(count >= 0, "epoll_pwait2 fails only for our own mistakes")
        return Int(count)
    }

    private func millisecondsToNextTimer() -> Int32 {
        guard let due = timers.nextDue else { return -1 }
        let wait = due.nanoseconds - MonotonicTime.now().nanoseconds
        if wait <= 0 { return 0 }
        return Int32(clamping: (wait - 1) / 1_000_000 + 1)  // rounded up: never woken too early
    }

    private func dispatch(_ count: Int) {
        for index in 0..<count {
            let event = events[index]
            guard let handler = registrations.handler(event.data) else { continue }
            company.heard(event.data)
            handler.ready(Readiness(rawValue: event.events))
        }
    }

    /// Whether nothing but one connection is served in this pass, and no other is likely to be heard soon:
    /// one socket was ready, the only one in the passes before or after a time of quiet; the doorbell was
    /// not rung, and nobody waits to be read on.
    package var isForOneConnection: Bool { company.isForOneConnection && !wasRung && unread.isEmpty }

    /// Looks at the clock again and, if the doorbell was rung in this pass, has the `onWake` hooks run
    /// now: for an end-of-pass hook that has waited for an answer.
    package func answerDoorbell() {
        now = MonotonicTime.now()
        company.waited(until: now)
        if doorbell.endSleep() { callWakeHooks() }
    }

    private func callWakeHooks() { for place in wakeHooks.indices { wakeHooks[place]() } }

    private func resumeReading() {
        if unread.isEmpty { return }
        let waiting = unread
        unread.removeAll(keepingCapacity: true)
        for connection in waiting { connection.resumeAfterBudget() }
    }

    private func flush() {
        if unflushed.isEmpty { return }
        swap(&speaking, &unflushed)  // what asks again from now on has its turn in the next pass
        for round in 0..<NetLimits.writesPerPass where !speaking.isEmpty {
            for place in speaking.indices {
                unsafe Unmanaged.passUnretained(speaking[place])._withUnsafeGuaranteedRef { connection in
                    // Once: each is in here and in `unflushed` once.
                    if round == 0 { connection.beginFlush() }
                    gather(connection, at: place)
                }
            }
            writeGathered()
            speaking.removeAll(keepingCapacity: true)
            swap(&speaking, &unfinished)
        }
        if speaking.isEmpty { return }
        for connection in speaking { connection.requestFlush() }
        speaking.removeAll(keepingCapacity: true)
    }

    private func gather(_ connection: Connection, at place: Int) {
        if unsafe gatheredBytes > writeBuffer.count / 2 { writeGathered() }
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: writeBuffer[gatheredBytes...])
        let (count, isSilent) = unsafe connection.speak(into: room)
        if count == 0 { return }
        gathered.append(Gathered(place: place, count: count, isSilent: isSilent))
        gatheredBytes += count
    }

    private func writeGathered() {
        var start = 0
        if gathered.isEmpty { return }
        for place in gathered.indices {
            let part = gathered[place]
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: writeBuffer[start..<start + part.count])
            let isWritten = unsafe Unmanaged.passUnretained(speaking[part.place])._withUnsafeGuaranteedRef {
                unsafe $0.write(bytes)
            }
            if isWritten, !part.isSilent { unfinished.append(speaking[part.place]) }
            start += part.count
        }
        gathered.removeAll(keepingCapacity: true)
        gatheredBytes = 0
    }

    // What connections and listeners ask of their loop.

    func flushAtEndOfPass(_ connection: Connection) { unflushed.append(connection) }

    func readInNextPass(_ connection: Connection) { unread.append(connection) }

    func register(connection: any ReadinessHandler, _ descriptor: Int32) throws(NetError) -> Registration {
        let registration = registrations.add(connection)
        let result = platform_epoll_add_connection(epoll.number, descriptor, registration.eventData)
        if result < 0 { registrations.remove(registration) }
        _ = try checked("epoll_ctl", result)
        return registration
    }

    func register(listener: any ReadinessHandler, _ descriptor: Int32) throws(NetError) -> Registration {
        let registration = registrations.add(listener)
        let result = platform_epoll_add_listener(epoll.number, descriptor, registration.eventData)
        if result < 0 { registrations.remove(registration) }
        _ = try checked("epoll_ctl", result)
        return registration
    }

    func deregister(_ registration: Registration, _ descriptor: Int32) {
        registrations.remove(registration)
        let result = platform_epoll_remove(epoll.number, descriptor)
        precondition(result == 0, "what is deregistered was registered")
    }
}
