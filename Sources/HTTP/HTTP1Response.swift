import CPlatform

/// Writes HTTP/1.1 responses.
enum HTTP1Response {
    static func encode(_ response: WebResponse, keepsAlive: Bool, isHead: Bool) -> [UInt8] {
        var text = "HTTP/1.1 \(response.status) \(reason(response.status))\r\n"
        for header in response.headers { text += "\(header.name): \(header.value)\r\n" }
        text += "Date: \(date())\r\n"
        if response.status >= 200, response.status != 204, response.status != 304 {
            text += "Content-Length: \(response.body.count)\r\n"
        }
        if !keepsAlive { text += "Connection: close\r\n" }
        text += "\r\n"
        return Array(text.utf8) + (isHead ? [] : response.body)
    }

    /// The head of an answer whose body comes in chunks.
    static func encodeHead(ofStream response: WebResponse) -> [UInt8] {
        var text = "HTTP/1.1 \(response.status) \(reason(response.status))\r\n"
        for header in response.headers { text += "\(header.name): \(header.value)\r\n" }
        return Array((text + "Date: \(date())\r\nTransfer-Encoding: chunked\r\n\r\n").utf8)
    }

    /// What Go's server writes for a request it cannot hand on.
    static func encode(_ refusal: HTTP1Refusal) -> [UInt8] {
        let (status, detail): (Int, String) =
            switch refusal {
            case .malformed(let text): (400, ": \(text)")
            case .timeout: (408, "")
            case .bodyTooLarge: (413, "")
            case .headersTooLarge: (431, "")
            case .unknownTransferEncoding: (501, ": unsupported transfer encoding")
            case .unknownVersion: (505, ": unsupported protocol version")
            }
        let text = "\(status) \(reason(status))"
        let head = "HTTP/1.1 \(text)\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
        return Array((head + text + detail).utf8)
    }

    private static func date() -> String {
        let text = unsafe [UInt8](unsafeUninitializedCapacity: 29) { buffer, count in
            unsafe platform_http_date(buffer.baseAddress)
            count = 29
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Source: RFC 9110 section 15 and the IANA registry; the names Go prints.
    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 412: "Precondition Failed"
        case 413: "Request Entity Too Large"
        case 415: "Unsupported Media Type"
        case 421: "Misdirected Request"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "status code \(status)"
        }
    }
}
