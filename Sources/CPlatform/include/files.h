#pragma once
#include <stdbool.h>
#include <stdint.h>

// File calls that Swift cannot make by itself (variadic, or hidden behind _GNU_SOURCE).
// Each returns 0, or the errno of the failure; a call broken by a signal is made again.

/// Gives the file `size` bytes of blocks, growing it when it is shorter (fallocate).
int platform_allocate(int descriptor, uint64_t size);

/// Writes of this open file description go past the page cache (O_DIRECT), or through it again. EINVAL from
/// a file system that has no such writes, EALREADY when nothing had to change.
int platform_bypass_cache(int descriptor, bool bypass);

/// Begins writing the dirty pages of a range to the disk and does not wait (sync_file_range).
int platform_start_writeback(int descriptor, uint64_t offset, uint64_t size);

/// Exclusive lock of the whole file, kept by the open file description (F_OFD_SETLK; flock where the
/// kernel has no such lock). EWOULDBLOCK when someone else holds it.
int platform_lock_exclusively(int descriptor);

/// Gives that lock up, even while a child between fork and exec holds the descriptor too; without a lock it
/// does nothing.
void platform_unlock(int descriptor);

/// open(2) with O_CLOEXEC. The descriptor, or the negated errno.
int platform_open(const char *path, int flags, unsigned permissions);
