/* Samples of a turned square of a picture: bilinear, in fixed point, the same bytes with vectors and without. */
#ifndef EDGEPOSE_CROP_H
#define EDGEPOSE_CROP_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#define EP_CROP_SHIFT 16 /* of the fixed-point places */
#define EP_CROP_ONE 256  /* of the fixed-point weights */
#define EP_CROP_TAPS 8   /* at most, along a side of an output pixel */

typedef struct {
    const uint8_t *pixels;
    ptrdiff_t height, width;
    ptrdiff_t row_bytes, pixel_bytes, colour_bytes;
    int packed; /* whether the colours of neighbours in a row follow one another, in at least 3 columns and 2 rows */
} ep_crop_picture;

/* Colours, in parts of EP_CROP_ONE * EP_CROP_ONE: 64 samples of 24 bits stay below 2**32. */
#if defined(__SSE2__)
typedef __m128i ep_crop_sum;
#elif defined(__ARM_NEON)
typedef uint32x4_t ep_crop_sum;
#endif
#if defined(__SSE2__) || defined(__ARM_NEON)
#define EP_CROP_VECTORS 1
#else
#define EP_CROP_VECTORS 0
#endif

static inline void ep_crop_weigh(const uint8_t *pixel, ptrdiff_t stride, uint32_t weight, uint32_t *total)
{
    total[0] += pixel[0] * weight;
    total[1] += pixel[stride] * weight;
    total[2] += pixel[2 * stride] * weight;
}

/* Adds the colour at (x, y), places in parts of 1 << EP_CROP_SHIFT, anywhere: black outside. */
static void ep_crop_add(const ep_crop_picture *p, int64_t x, int64_t y, uint32_t *total)
{
    ptrdiff_t x0 = (ptrdiff_t)(x >> EP_CROP_SHIFT), y0 = (ptrdiff_t)(y >> EP_CROP_SHIFT), x1 = x0 + 1, y1 = y0 + 1;
    const uint32_t right = (uint32_t)(x >> (EP_CROP_SHIFT - 8)) & (EP_CROP_ONE - 1);
    const uint32_t below = (uint32_t)(y >> (EP_CROP_SHIFT - 8)) & (EP_CROP_ONE - 1);
    if (x0 < 0 || y0 < 0 || x1 >= p->width || y1 >= p->height) {
        const int64_t one = (int64_t)1 << EP_CROP_SHIFT;
        if (2 * x < -one || 2 * y < -one || 2 * x >= (2 * p->width - 1) * one || 2 * y >= (2 * p->height - 1) * one)
            return;
        x0 = x0 < 0 ? 0 : x0;
        y0 = y0 < 0 ? 0 : y0;
        x1 = x1 < p->width ? x1 : p->width - 1;
        y1 = y1 < p->height ? y1 : p->height - 1;
    }
    const uint8_t *upper = p->pixels + y0 * p->row_bytes, *lower = p->pixels + y1 * p->row_bytes;
    const ptrdiff_t near = x0 * p->pixel_bytes, far = x1 * p->pixel_bytes;
    ep_crop_weigh(upper + near, p->colour_bytes, (EP_CROP_ONE - right) * (EP_CROP_ONE - below), total);
    ep_crop_weigh(upper + far, p->colour_bytes, right * (EP_CROP_ONE - below), total);
    ep_crop_weigh(lower + near, p->colour_bytes, (EP_CROP_ONE - right) * below, total);
    ep_crop_weigh(lower + far, p->colour_bytes, right * below, total);
}

#if EP_CROP_VECTORS
/* Whether eight bytes can be read at (x, y) and below it: well inside, since the last of a picture end with it. */
static inline int ep_crop_inside(const ep_crop_picture *p, int64_t x, int64_t y)
{
    return (uint64_t)x < (uint64_t)(p->width - 2) << EP_CROP_SHIFT &&
           (uint64_t)y < (uint64_t)(p->height - 1) << EP_CROP_SHIFT;
}

/* The colour there, in four lanes of which the last is rubbish. */
static inline ep_crop_sum ep_crop_colour(const ep_crop_picture *p, int64_t x, int64_t y)
{
    const ptrdiff_t column = (ptrdiff_t)(x >> EP_CROP_SHIFT), row = (ptrdiff_t)(y >> EP_CROP_SHIFT);
    const uint8_t *upper = p->pixels + row * p->row_bytes + 3 * column;
    const int right = (int)(x >> (EP_CROP_SHIFT - 8)) & (EP_CROP_ONE - 1);
    const int below = (int)(y >> (EP_CROP_SHIFT - 8)) & (EP_CROP_ONE - 1);
#if defined(__SSE2__)
    const __m128i zero = _mm_setzero_si128();
    const __m128i top = _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)upper), zero);
    const __m128i bottom = _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)(upper + p->row_bytes)), zero);
    const __m128i mix = _mm_add_epi16(_mm_mullo_epi16(top, _mm_set1_epi16((short)(EP_CROP_ONE - below))),
                                      _mm_mullo_epi16(bottom, _mm_set1_epi16((short)below)));
    /* The products to come are of signed numbers: half of the range is taken away before and given back after. */
    const __m128i around = _mm_xor_si128(mix, _mm_set1_epi16((short)0x8000));
    const __m128i pairs = _mm_unpacklo_epi16(around, _mm_srli_si128(around, 6));
    const __m128i products = _mm_madd_epi16(pairs, _mm_set1_epi32(right << 16 | (EP_CROP_ONE - right)));
    return _mm_add_epi32(products, _mm_set1_epi32(0x8000 * EP_CROP_ONE));
#else
    const uint16x8_t top = vmovl_u8(vld1_u8(upper)), bottom = vmovl_u8(vld1_u8(upper + p->row_bytes));
    const uint16x8_t mix = vmlaq_n_u16(vmulq_n_u16(top, (uint16_t)(EP_CROP_ONE - below)), bottom, (uint16_t)below);
    const uint32x4_t near = vmull_n_u16(vget_low_u16(mix), (uint16_t)(EP_CROP_ONE - right));
    return vmlal_n_u16(near, vget_low_u16(vextq_u16(mix, mix, 3)), (uint16_t)right);
#endif
}

/* The four lanes as bytes, rounded. */
static inline uint32_t ep_crop_bytes(ep_crop_sum sum)
{
#if defined(__SSE2__)
    const __m128i rounded = _mm_srli_epi32(_mm_add_epi32(sum, _mm_set1_epi32(EP_CROP_ONE * EP_CROP_ONE / 2)), 16);
    const __m128i words = _mm_packs_epi32(rounded, rounded);
    return (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(words, words));
#else
    const uint16x4_t words = vrshrn_n_u32(sum, 16);
    return vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(words, words))), 0);
#endif
}

static inline ep_crop_sum ep_crop_plus(ep_crop_sum a, ep_crop_sum b)
{
#if defined(__SSE2__)
    return _mm_add_epi32(a, b);
#else
    return vaddq_u32(a, b);
#endif
}

static inline void ep_crop_give(ep_crop_sum sum, uint32_t *total)
{
    uint32_t colours[4];
#if defined(__SSE2__)
    _mm_storeu_si128((__m128i *)colours, sum);
#else
    vst1q_u32(colours, sum);
#endif
    for (int k = 0; k < 3; k++)
        total[k] += colours[k];
}
#endif

/* Adds the `count` colours at (x[k], y[k]) + (right, below). */
static inline void ep_crop_add_all(const ep_crop_picture *p, const int64_t *x, const int64_t *y, uint32_t count,
                                   int64_t right, int64_t below, uint32_t *total)
{
    uint32_t k = 0;
#if EP_CROP_VECTORS
    if (p->packed && ep_crop_inside(p, x[0] + right, y[0] + below)) {
        ep_crop_sum sum = ep_crop_colour(p, x[0] + right, y[0] + below);
        for (k = 1; k < count && ep_crop_inside(p, x[k] + right, y[k] + below); k++)
            sum = ep_crop_plus(sum, ep_crop_colour(p, x[k] + right, y[k] + below));
        ep_crop_give(sum, total);
    }
#endif
    for (; k < count; k++)
        ep_crop_add(p, x[k] + right, y[k] + below, total);
}

#if EP_CROP_VECTORS
/* As many pixels of a row as lie well inside the picture from its first on; a sample each. `out` has room for a byte
 * more. */
static inline ptrdiff_t ep_crop_run(const ep_crop_picture *p, int64_t x, int64_t y, int64_t x_step, int64_t y_step,
                                    ptrdiff_t width, uint8_t *out)
{
    ptrdiff_t u = 0;
    for (; u < width && ep_crop_inside(p, x, y); u++, x += x_step, y += y_step) {
        const uint32_t bytes = ep_crop_bytes(ep_crop_colour(p, x, y));
        memcpy(out + 3 * u, &bytes, 4);
    }
    return u;
}
#endif

/* A row of `width` pixels. (x[k], y[k]): where the `count` samples of its first pixel lie; (x_step, y_step): the way
 * from one pixel to the next. */
static void ep_crop_row(const ep_crop_picture *p, const int64_t *x, const int64_t *y, uint32_t count, int64_t x_step,
                        int64_t y_step, ptrdiff_t width, uint8_t *out)
{
    const uint32_t half = count * (EP_CROP_ONE * EP_CROP_ONE / 2);
    /* n / count for n < 64 * 256: with 20 bits the product is exact */
    const uint32_t share = ((1u << 20) + count - 1) / count;
    for (ptrdiff_t u = 0; u < width; u++) {
#if EP_CROP_VECTORS
        if (count == 1 && p->packed)
            u += ep_crop_run(p, x[0] + u * x_step, y[0] + u * y_step, x_step, y_step, width - 1 - u, out + 3 * u);
#endif
        uint32_t total[3] = {half, half, half};
        ep_crop_add_all(p, x, y, count, u * x_step, u * y_step, total);
        for (int k = 0; k < 3; k++)
            out[3 * u + k] = (uint8_t)((uint64_t)(total[k] >> 16) * share >> 20);
    }
}

#endif
