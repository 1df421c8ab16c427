#pragma once
#include <stdint.h>

/// How often this thread asked for memory so far: malloc, calloc, realloc, and the aligned ones, of every
/// library in the process. A realloc counts though it may stay in place.
uint64_t allocations_of_this_thread(void);
