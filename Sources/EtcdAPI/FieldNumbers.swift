/// Field numbers of the messages that are written in pieces, for `[UInt8].appendField` of Wire.
/// Every one of these messages has its ResponseHeader, where it has one, as field 1.
/// Source: spec/api.md sections 3, 4 and 9.

extension KeyValue {
    package enum Field {
        package static let key = 1
        package static let createRevision = 2
        package static let modRevision = 3
        package static let version = 4
        package static let value = 5
        package static let lease = 6
    }
}

extension Event {
    package enum Field {
        package static let type = 1
        package static let kv = 2
        package static let prevKv = 3
    }
}

extension RangeResponse {
    package enum Field {
        package static let header = 1
        package static let kvs = 2
        package static let more = 3
        package static let count = 4
    }
}

extension RangeStreamResponse {
    package enum Field {
        package static let rangeResponse = 1
    }
}

extension PutResponse {
    package enum Field {
        package static let header = 1
        package static let prevKv = 2
    }
}

extension DeleteRangeResponse {
    package enum Field {
        package static let header = 1
        package static let deleted = 2
        package static let prevKvs = 3
    }
}

extension ResponseOp {
    package enum Field {
        package static let responseRange = 1
        package static let responsePut = 2
        package static let responseDeleteRange = 3
        package static let responseTxn = 4
    }
}

extension TxnResponse {
    package enum Field {
        package static let header = 1
        package static let succeeded = 2
        package static let responses = 3
    }
}

extension WatchResponse {
    package enum Field {
        package static let header = 1
        package static let watchID = 2
        package static let created = 3
        package static let canceled = 4
        package static let compactRevision = 5
        package static let cancelReason = 6
        package static let fragment = 7
        package static let events = 11
    }
}

extension LeaderResponse {
    package enum Field {
        package static let header = 1
        package static let kv = 2
    }
}
