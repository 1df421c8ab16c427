import Glibc

/// Seconds since 1970, for the ids of new members.
func wallClockSeconds() -> Int64 { Int64(time(nil)) }
