import Inspection
import Raft
import Testing

/// The lines of etcd's own listing, from requests as they lie in a log.
@Suite struct EntryMessageTests {
    private func line(_ hex: String, _ kind: Entry.Kind = .normal) -> String {
        let digits = hex.filter { !$0.isWhitespace }.map { UInt8($0.hexDigitValue ?? 0) }
        let bytes = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        return unsafe EntryMessage(kind, decoding: bytes.span.bytes).columns(kind: kind)
    }

    @Test(arguments: [
        ("", "norm\t"),
        ("08052a00", "norm\tID:5 delete_range:<> "),
        (
            "0806 2210 0a04666f6f31 120462617231 1801 3001",
            #"norm\#tID:6 put:<key:"foo1" value:"bar1" lease:1 ignore_lease:true > "#
        ),
        // The header is declared first and lies last.
        ("220a 0a03666f6f 1203626172 a20602 0807", #"norm\#theader:<ID:7 > put:<key:"foo" value:"bar" > "#),
        ("080a 4204 0801 1001", "norm\tID:10 lease_grant:<TTL:1 ID:1 > "),
        // Unknown names of enumerations stay numbers.
        ("080c 5206 0803 1004 1805", "norm\tID:12 alarm:<action:3 memberID:4 alarm:5 > "),
        (
            "0812 fa440e 0a056e616d6531 12057061737332",
            #"norm\#tID:18 auth_user_change_password:<name:"name1" password:"<value removed>" > "#
        ),
        ("3f", "norm\t???"),
    ]) func `requests are printed in etcd's words`(hex: String, expected: String) {
        #expect(line(hex) == expected)
    }

    @Test(arguments: [
        ("0800 1200 1a06 2f7061746830 2200 2801", "norm\tnoop"),
        ("0801 1204 51474554 1a06 2f7061746831", #"norm\#tmethod=QGET path="/path1""#),
        ("0802 1204 53594e43 7801", #"norm\#tmethod=SYNC time="1970-01-01 00:00:00.000000001 +0000 UTC""#),
        ("0803 1206 44454c455445 1a06 2f7061746833", #"norm\#tmethod=DELETE path="/path3""#),
        ("0803 1203 505554 1a02 2f61 2201 62", #"norm\#tmethod=PUT path="/a" val="b""#),
    ]) func `v2 requests are told apart and shortened`(hex: String, expected: String) {
        #expect(line(hex) == expected)
    }

    @Test func `configuration changes name method and member`() {
        #expect(line("0801 1000 1802 2200", .configurationChange) == "conf\tmethod=ConfChangeAddNode id=2")
        #expect(
            line("0801 1003 18ff01", .configurationChange) == "conf\tmethod=ConfChangeAddLearnerNode id=ff")
        #expect(line("ffff", .configurationChange) == "conf\t???")
    }

    @Test func `bytes are base64 in JSON and repeated fields arrays`() throws {
        let bytes: [UInt8] = [
            0x08, 0x07, 0x32, 0x10, 0x12, 0x06, 0x12, 0x04, 0x0a, 0x02, 0xff, 0x00, 0x12, 0x06, 0x12, 0x04,
            0x0a,
            0x02, 0x61, 0x62,
        ]
        let message = unsafe EntryMessage(.normal, decoding: bytes.span.bytes)
        #expect(
            message.json
                == #"{"ID":7,"txn":{"success":[{"request_put":{"key":"/wA="}},"#
                + #"{"request_put":{"key":"YWI="}}]}}"#
        )
    }
}
