import Glibc

/// The time of day in UTC as RFC 3339 writes it: `2026-11-22T09:05:54.312Z`.
package func utcTimestamp() -> String {
    var now = LogTime.now()
    now.offsetMinutes = 0
    return now.text
}

/// A moment of the wall clock with the zone it is shown in.
struct LogTime: Sendable {
    /// Since 1970, UTC.
    var seconds: Int
    var milliseconds: Int
    /// East of Greenwich.
    var offsetMinutes: Int

    /// Now, in the zone of the process.
    static func now() -> LogTime {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        var local = unsafe tm()
        _ = unsafe localtime_r(&time.tv_sec, &local)
        let offset = unsafe local.tm_gmtoff
        return LogTime(
            seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000, offsetMinutes: offset / 60)
    }

    /// `2026-11-22T09:05:54.312Z`, `2026-11-22T10:05:54.312+0100`.
    var text: String {
        let local = seconds + offsetMinutes * 60
        let day = local >= 0 ? local / 86_400 : (local - 86_399) / 86_400
        let second = local - day * 86_400
        let date = LogTime.date(day: day)
        var text = LogTime.padded(date.year, 4) + "-" + LogTime.padded(date.month, 2) + "-"
        text += LogTime.padded(date.day, 2) + "T" + LogTime.padded(second / 3600, 2) + ":"
        text += LogTime.padded(second / 60 % 60, 2) + ":" + LogTime.padded(second % 60, 2) + "."
        text += LogTime.padded(milliseconds, 3)
        if offsetMinutes == 0 { return text + "Z" }
        let size = abs(offsetMinutes)
        return text + (offsetMinutes < 0 ? "-" : "+") + LogTime.padded(size / 60, 2)
            + LogTime.padded(size % 60, 2)
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// The Gregorian date of a day counted from 1970-01-01, by eras of 400 years that begin in March.
    private static func date(day: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let month = (5 * ofYear + 2) / 153
        let calendarMonth = month < 10 ? month + 3 : month - 9
        return (
            year + era * 400 + (calendarMonth <= 2 ? 1 : 0), calendarMonth,
            ofYear - (153 * month + 2) / 5 + 1
        )
    }
}
