#pragma once
#include <stddef.h>
#include <stdint.h>

/// Asks the processor for as many bytes as a record of `size` takes, from where the walk over a leaf page of
/// LMDB will be 2 KiB later, seen from a record that lies at `record`. Nearer, the memory has no time to
/// answer; where the guess is wrong nothing changes.
///
/// Records that came in the order of their keys lie from the end of a page downwards, each behind a node of 8
/// bytes and a key of 12 (those of the records of history), at an even address; the page after it is likely
/// the next of the file. Where pages are larger than 4 KiB some guesses are wrong.
static inline void platform_prefetch_record(const void *record, size_t size) {
    const uintptr_t page_size = 4096, line_size = 64, page_header = 64, ahead = 2048;
    if (size > page_size / 2) return;
    uintptr_t record_at = (uintptr_t)record;
    uintptr_t page = record_at & ~(page_size - 1);
    uintptr_t stride = (size + 8 + 12 + 1) & ~(uintptr_t)1;
    uintptr_t end = record_at - ahead;
    for (uintptr_t line = end - stride; line < end; line += line_size) {
        uintptr_t at = line < page + page_header ? line + 2 * page_size : line;
        __builtin_prefetch((const void *)at);
    }
    if (end - stride < page + page_header) __builtin_prefetch((const void *)(page + page_size));
}
