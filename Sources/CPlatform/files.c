#define _GNU_SOURCE
#include "files.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

int platform_allocate(int descriptor, uint64_t size) {
  int result;
  do result = fallocate(descriptor, 0, 0, (off_t)size) == 0 ? 0 : errno;
  while (result == EINTR);
  return result;
}

int platform_start_writeback(int descriptor, uint64_t offset, uint64_t size) {
  int result;
  do result = sync_file_range(descriptor, (off_t)offset, (off_t)size, SYNC_FILE_RANGE_WRITE) == 0 ? 0 : errno;
  while (result == EINTR);
  return result;
}

int platform_lock_exclusively(int descriptor) {
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
  if (fcntl(descriptor, F_OFD_SETLK, &whole) == 0) return 0;
  if (errno == EACCES || errno == EAGAIN) return EWOULDBLOCK;
  if (errno != EINVAL) return errno;
  return flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
}

void platform_unlock(int descriptor) {
  struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
  if (fcntl(descriptor, F_OFD_SETLK, &whole) != 0) flock(descriptor, LOCK_UN);
}

int platform_open(const char *path, int flags, unsigned permissions) {
  int result;
  do result = open(path, flags | O_CLOEXEC, (mode_t)permissions);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

int platform_bypass_cache(int descriptor, bool bypass) {
  int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0) return errno;
  int wanted = bypass ? flags | O_DIRECT : flags & ~O_DIRECT;
  if (wanted == flags) return EALREADY;
  return fcntl(descriptor, F_SETFL, wanted) == 0 ? 0 : errno;
}
