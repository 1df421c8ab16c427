import Glibc

/// SIGTERM and SIGINT, taken by the main thread and nobody else.
struct Signals {
    private static let handled = [SIGTERM, SIGINT]

    /// Blocks the signals for this thread and all it starts; SIGPIPE is ignored for the process.
    init() {
        signal(SIGPIPE, SIG_IGN)
        var set = Self.set
        let result = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        precondition(result == 0, "a signal mask of ours is valid")
    }

    /// Sleeps until one of them comes.
    func wait() -> Int32 {
        var set = Self.set
        var number: Int32 = 0
        while unsafe sigwait(&set, &number) != 0 {}
        return number
    }

    /// Ends the process as the signal would have, so that its parent sees "killed by"; as process 1, whose
    /// signals have no default action, with status 0 (spec/config.md 5).
    func raiseAgain(_ number: Int32) -> Never {
        if getpid() != 1 {
            signal(number, SIG_DFL)
            var set = Self.set
            unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
            kill(getpid(), number)
        }
        exit(0)
    }

    static func name(_ number: Int32) -> String { number == SIGINT ? "interrupt" : "terminated" }

    private static var set: sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in handled { unsafe sigaddset(&set, number) }
        return set
    }
}
