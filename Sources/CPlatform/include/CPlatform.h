#pragma once
#include <stddef.h>
#include <stdint.h>
#include "sockets.h"
#include "files.h"
#include "process.h"
#include "prefetch.h"

/// CRC-32C (Castagnoli) of `length` bytes, continuing from `crc` (0 to start); the value is finalised,
/// as etcd stores it, so that update(update(0, a), b) is the checksum of a followed by b.
uint32_t platform_crc32c(uint32_t crc, const void *bytes, size_t length);
