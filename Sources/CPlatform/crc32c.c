#include "CPlatform.h"
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

// Bytewise table for processors without the instruction, filled at load time (0x82f63b78 is the
// reflected Castagnoli polynomial).
static uint32_t table[256];

static uint32_t crc_by_table(uint32_t state, const uint8_t *p, size_t length) {
  while (length--) state = table[(state ^ *p++) & 0xff] ^ (state >> 8);
  return state;
}

#if defined(__x86_64__)
// The instruction takes three cycles and one may begin in each, so three lanes of this many bytes are
// computed side by side.
enum { LANE = 256 };

// What a lane of zeros makes of each byte of a state. A checksum is linear: the state after two lanes is
// the first one's, moved on by a lane of zeros, XOR the second one's from 0.
static uint32_t lane_of_zeros[4][256];

static uint32_t moved_on(uint32_t state) {
  return lane_of_zeros[0][state & 0xff] ^ lane_of_zeros[1][state >> 8 & 0xff] ^
         lane_of_zeros[2][state >> 16 & 0xff] ^ lane_of_zeros[3][state >> 24];
}
#endif

__attribute__((constructor)) static void fill_tables(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ (0x82f63b78u & (0u - (value & 1)));
    table[i] = value;
  }
#if defined(__x86_64__)
  static const uint8_t zeros[LANE];
  for (int place = 0; place < 4; place++)
    for (int bit = 0; bit < 8; bit++) {
      uint32_t one = crc_by_table(1u << (8 * place + bit), zeros, LANE);
      for (uint32_t i = 0; i < 256; i++)
        if (i >> bit & 1) lane_of_zeros[place][i] ^= one;
    }
#endif
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t state, const uint8_t *p,
                                                                    size_t length) {
  for (; length >= 3 * LANE; p += 3 * LANE, length -= 3 * LANE) {
    uint64_t first = state, second = 0, third = 0;
    for (size_t at = 0; at < LANE; at += 8) {
      uint64_t words[3];
      for (int lane = 0; lane < 3; lane++) memcpy(&words[lane], p + lane * LANE + at, 8);
      first = _mm_crc32_u64(first, words[0]);
      second = _mm_crc32_u64(second, words[1]);
      third = _mm_crc32_u64(third, words[2]);
    }
    state = moved_on(moved_on((uint32_t)first) ^ (uint32_t)second) ^ (uint32_t)third;
  }
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
