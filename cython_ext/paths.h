/* Which instruction sets this build holds code for and this machine can run. All give identical results.
 *
 * On x86-64 code for AVX2 is built beside the portable code and chosen at run time; on other machines the portable code
 * is all there is, and the compiler makes NEON of its vectors on arm64.
 */
#ifndef EDGEPOSE_PATHS_H
#define EDGEPOSE_PATHS_H

#include <stdint.h>
#include <string.h>

enum { EP_PORTABLE, EP_AVX2 };

typedef int8_t ep_bytes16 __attribute__((vector_size(16)));

#if defined(__x86_64__)
#include <immintrin.h>
#define EP_HAVE_AVX2 1
#define EP_BITS_PER_BYTE 1
#define EP_CHOOSE(path, portable, avx2) ((path) == EP_AVX2 ? (avx2) : (portable))
#if defined(__clang__)
#define EP_BEGIN_AVX2 _Pragma("clang attribute push(__attribute__((target(\"avx2\"))), apply_to = function)")
#define EP_END_AVX2 _Pragma("clang attribute pop")
#else
#define EP_BEGIN_AVX2 _Pragma("GCC push_options") _Pragma("GCC target(\"avx2\")")
#define EP_END_AVX2 _Pragma("GCC pop_options")
#endif
static inline uint64_t ep_bits16(ep_bytes16 mask) { return (uint32_t)_mm_movemask_epi8((__m128i)mask); }
EP_BEGIN_AVX2
typedef int8_t ep_bytes32 __attribute__((vector_size(32)));
static inline uint64_t ep_bits32(ep_bytes32 mask) { return (uint32_t)_mm256_movemask_epi8((__m256i)mask); }
EP_END_AVX2
static inline int ep_best_path(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") ? EP_AVX2 : EP_PORTABLE;
}
#else
#define EP_HAVE_AVX2 0
#define EP_CHOOSE(path, portable, avx2) (portable)
static inline int ep_best_path(void) { return EP_PORTABLE; }
#if defined(__ARM_NEON)
#include <arm_neon.h>
#define EP_BITS_PER_BYTE 4
static inline uint64_t ep_bits16(ep_bytes16 mask)
{
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16((uint16x8_t)mask, 4)), 0);
}
#else
#define EP_BITS_PER_BYTE 1
static inline uint64_t ep_bits16(ep_bytes16 mask)
{
    uint64_t words[2];
    memcpy(words, &mask, sizeof words);
    for (int i = 0; i < 2; i++) /* one bit of each byte, gathered in the highest byte of the product */
        words[i] = (words[i] & UINT64_C(0x0101010101010101)) * UINT64_C(0x0102040810204080) >> 56;
    return words[0] | words[1] << 8;
}
#endif
#endif

#endif
