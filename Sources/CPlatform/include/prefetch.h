#pragma once
#include <stddef.h>
#include <stdint.h>

/// Asks the processor for the bytes of the record after the next one in a leaf page of LMDB, from where a
/// record of `size` bytes lies: a read that waits for nothing and, where the guess is wrong, changes
/// nothing.
///
/// Records that came in the order of their keys lie from the end of a page downwards, each behind a node of 8
/// bytes and a key of 12 (those of the records of history), at an even address; the page after it is likely
/// the next of the file. Where pages are larger than 4 KiB some guesses are wrong.
static inline void platform_prefetch_record(const void *record, size_t size) {
    const uintptr_t page_size = 4096, line_size = 64, page_header = 64;
    if (size > page_size / 4) return;
    uintptr_t record_at = (uintptr_t)record;
    uintptr_t page = record_at & ~(page_size - 1);
    uintptr_t stride = (size + 8 + 12 + 1) & ~(uintptr_t)1;
    uintptr_t end = record_at - stride;
    for (uintptr_t line = end - stride; line < end; line += line_size) {
        uintptr_t at = line < page + page_header ? line + 2 * page_size : line;
        __builtin_prefetch((const void *)at);
    }
    if (end - stride < page + page_header) __builtin_prefetch((const void *)(page + page_size));
}
