#include "CPlatform.h"
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

// Bytewise table for processors without the instruction, filled at load time (0x82f63b78 is the
// reflected Castagnoli polynomial).
static uint32_t table[256];

__attribute__((constructor)) static void fill_table(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ (0x82f63b78u & (0u - (value & 1)));
    table[i] = value;
  }
}

static uint32_t crc_by_table(uint32_t state, const uint8_t *p, size_t length) {
  while (length--) state = table[(state ^ *p++) & 0xff] ^ (state >> 8);
  return state;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t state, const uint8_t *p,
                                                                    size_t length) {
  uint64_t wide = state;
  while (length >= 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    wide = _mm_crc32_u64(wide, word);
    p += 8;
    length -= 8;
  }
  state = (uint32_t)wide;
  while (length--) state = _mm_crc32_u8(state, *p++);
  return state;
}
#endif

uint32_t platform_crc32c(uint32_t crc, const void *bytes, size_t length) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ~crc_by_instruction(~crc, bytes, length);
#endif
  return ~crc_by_table(~crc, bytes, length);
}
