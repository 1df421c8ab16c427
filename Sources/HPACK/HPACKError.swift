/// What makes a header block unreadable, and with it the connection: both tables would go apart
/// (RFC 7541 section 5, RFC 9113 section 4.3: COMPRESSION_ERROR).
package enum HPACKError: Error, Equatable {
    /// The block ends within a field.
    case truncated
    /// An integer of more than 28 bits.
    case integer
    /// A field that neither table has.
    case index
    /// A code nobody assigned, EOS, or padding that is none (section 5.2).
    case huffman
    /// A change of the table's size behind a field, or beyond what was allowed (section 6.3).
    case tableSize
}
