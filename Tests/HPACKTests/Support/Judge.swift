import CNgHTTP2

/// nghttp2's decoder.
@safe final class Inflater {
    private let inflater: OpaquePointer

    init() {
        var made: OpaquePointer?
        precondition(unsafe nghttp2_hd_inflate_new(&made) == 0)
        unsafe inflater = unsafe made!
    }

    deinit { unsafe nghttp2_hd_inflate_del(inflater) }

    func resizeTable(to bytes: Int) {
        precondition(unsafe nghttp2_hd_inflate_change_table_size(inflater, bytes) == 0)
    }

    /// A block's fields. After one that is not accepted the decoder is of no use, as section 4.3 of RFC 9113
    /// would have it.
    func read(_ block: [UInt8]) -> Reading {
        var reading = Reading()
        var offset = 0
        // Room for a byte keeps the address of an empty block from being nil.
        let padded = block + [0]
        while true {
            var field = unsafe nghttp2_nv()
            var flags: Int32 = 0
            let used = unsafe padded.withUnsafeBufferPointer { bytes in
                unsafe nghttp2_hd_inflate_hd2(
                    inflater, &field, &flags, bytes.baseAddress! + offset, block.count - offset, 1)
            }
            guard used >= 0 else {
                reading.isAccepted = false
                return reading
            }
            offset += used
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                reading.fields.append(unsafe Field(field))
            }
            if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 { break }
        }
        precondition(unsafe nghttp2_hd_inflate_end_headers(inflater) == 0)
        return reading
    }

    /// The fields in the table, newest first.
    var tableFields: [Field] {
        let count = unsafe nghttp2_hd_inflate_get_num_table_entries(inflater)
        return (61..<count).map { place in
            unsafe Field(nghttp2_hd_inflate_get_table_entry(inflater, place + 1).pointee)
        }
    }

    var tableSize: Int { unsafe nghttp2_hd_inflate_get_dynamic_table_size(inflater) }
}

/// nghttp2's encoder.
@safe final class Deflater {
    private let deflater: OpaquePointer

    init(tableBytesMax: Int = 4096) {
        var made: OpaquePointer?
        precondition(unsafe nghttp2_hd_deflate_new(&made, tableBytesMax) == 0)
        unsafe deflater = unsafe made!
    }

    deinit { unsafe nghttp2_hd_deflate_del(deflater) }

    func resizeTable(to bytes: Int) {
        precondition(unsafe nghttp2_hd_deflate_change_table_size(deflater, bytes) == 0)
    }

    /// The block of a list; `isNeverKept` marks fields that no table may hold.
    func block(_ fields: [Field], isNeverKept: (Int) -> Bool = { _ in false }) -> [UInt8] {
        var text: [UInt8] = fields.flatMap { $0.name + $0.value }
        text.append(0)
        return unsafe text.withUnsafeMutableBufferPointer { text in
            var next = text.baseAddress!
            var list: [nghttp2_nv] = []
            for (place, field) in fields.enumerated() {
                let flags = isNeverKept(place) ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE
                unsafe list.append(
                    nghttp2_nv(
                        name: next, value: next + field.name.count, namelen: field.name.count,
                        valuelen: field.value.count, flags: UInt8(flags.rawValue)))
                unsafe next += field.name.count + field.value.count
            }
            let bound = unsafe nghttp2_hd_deflate_bound(deflater, &list, list.count)
            return unsafe [UInt8](unsafeUninitializedCapacity: bound) { block, count in
                count = unsafe nghttp2_hd_deflate_hd(
                    deflater, block.baseAddress!, bound, &list, list.count)
                precondition(count >= 0)
            }
        }
    }
}

extension Field {
    fileprivate init(_ field: nghttp2_nv) {
        unsafe self.init(
            Array(UnsafeBufferPointer(start: field.name, count: field.namelen)),
            Array(UnsafeBufferPointer(start: field.value, count: field.valuelen)))
    }
}
