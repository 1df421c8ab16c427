import Wire

/// The grpc-timeout header: one to eight digits and a unit, one of `H M S m u n`.
enum GRPCTimeout {
    /// Why a value cannot be read, in grpc-go's words. Source: grpc-go internal/transport/http_util.go.
    struct Malformed: Error, Equatable {
        let text: String
    }

    static func parse(_ value: UnsafeRawBufferPointer) throws(Malformed) -> Duration {
        let text = unsafe String(decoding: value, as: UTF8.self)
        if value.count < 2 {
            throw Malformed(text: "transport: timeout string is too short: \(goQuoted(text))")
        }
        if value.count > 9 {
            throw Malformed(text: "transport: timeout string is too long: \(goQuoted(text))")
        }
        guard let nanoseconds = unsafe nanosecondsPerUnit(value[value.count - 1]) else {
            throw Malformed(text: "transport: timeout unit is not recognized: \(goQuoted(text))")
        }
        var number: Int64 = 0
        for index in 0..<value.count - 1 {
            let byte = unsafe value[index]
            guard byte >= 0x30, byte <= 0x39 else {
                let digits = goQuoted(String(text.dropLast()))
                throw Malformed(text: "strconv.ParseUint: parsing \(digits): invalid syntax")
            }
            number = number * 10 + Int64(byte - 0x30)
        }
        let (total, overflow) = number.multipliedReportingOverflow(by: nanoseconds)
        return .nanoseconds(overflow ? .max : total)
    }

    private static func nanosecondsPerUnit(_ unit: UInt8) -> Int64? {
        switch unit {
        case UInt8(ascii: "H"): 3_600_000_000_000
        case UInt8(ascii: "M"): 60_000_000_000
        case UInt8(ascii: "S"): 1_000_000_000
        case UInt8(ascii: "m"): 1_000_000
        case UInt8(ascii: "u"): 1_000
        case UInt8(ascii: "n"): 1
        default: nil
        }
    }
}
