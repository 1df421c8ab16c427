#pragma once
#include <crypt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// Hashes a password as `setting` says and writes the hash, ended by a zero byte, to `output`; false for a
// setting libcrypt does not know. Its work area is too large an array for Swift to import, and holds the
// password after.
static inline bool ccrypt_hash(const char *password, const char *setting, char *output, size_t size) {
  struct crypt_data *area = (struct crypt_data *)calloc(1, sizeof *area);
  if (!area) return false;
  const char *hash = crypt_r(password, setting, area);
  bool done = hash && hash[0] == '$' && strlen(hash) < size;
  if (done) strcpy(output, hash);
  explicit_bzero(area, sizeof *area);
  free(area);
  return done;
}
