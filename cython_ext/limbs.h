/* Line integrals of the part affinity fields: which pairs of peaks a limb may join, and how well. */
#ifndef EDGEPOSE_LIMBS_H
#define EDGEPOSE_LIMBS_H

#include <string.h>

#include "maps.h"
#include "paths.h"

/* Ten samples at the middles of ten equal parts of the way, in 1/256 of it. */
#define EP_SAMPLES 10
#define EP_MIDDLE 4 /* looked at first: most pairs fail here */
static const int32_t EP_WEIGHTS[EP_SAMPLES] = {13, 38, 64, 90, 115, 141, 166, 192, 218, 243};

#define EP_PEAKS_MAX 128 /* of one keypoint; the most confident are kept */
#define EP_FEW_PAIRS 6   /* so many are done sooner one by one */

/* A limb of a frame. Places in 1/256 cell. */
typedef struct {
    const ep_map *field;
    ptrdiff_t x_bytes, y_bytes; /* from a cell to the limb's two components */
    const int32_t *ax, *ay, *bx, *by;
    const float *a_strength, *b_strength;
    int32_t a_count, b_count;
    int32_t min_passed; /* samples of the ten */
    float min_sample;   /* of the field, in levels */
    float mean_scale;   /* sum over samples of levels to mean value */
    float peak_weight;  /* of the peaks' strengths beside the mean */
    float field_limit;  /* float32 fields are clamped to +- this */
} ep_limb;

static inline float ep_length(int32_t dx, int32_t dy)
{
    const float x = (float)dx, y = (float)dy;
    return sqrtf(x * x + y * y);
}

/* Orders by score, then by peaks in reading order: positive floats order as their bits. A field tells which pairs can
 * be limbs, but says little about which of two peaks beside one another is the keypoint; their heights do. */
static inline uint64_t ep_key(float mean, const ep_limb *limb, int32_t i, int32_t j)
{
    const float score = mean + limb->peak_weight * (limb->a_strength[i] + limb->b_strength[j]);
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return (uint64_t)bits << 32 | (UINT32_MAX - ((uint32_t)i << 16 | (uint32_t)j));
}

static inline int32_t ep_key_a(uint64_t key) { return (int32_t)((UINT32_MAX - (uint32_t)key) >> 16); }
static inline int32_t ep_key_b(uint64_t key) { return (int32_t)((UINT32_MAX - (uint32_t)key) & 0xffff); }

static inline int32_t ep_field_int8(const ep_limb *limb, const char *at)
{
    return *(const int8_t *)at - limb->field->zero_point;
}

static inline int32_t ep_field_uint8(const ep_limb *limb, const char *at)
{
    return *(const uint8_t *)at - limb->field->zero_point;
}

/* NaN counts as no field, infinity as the limit. */
static inline float ep_field_float(const ep_limb *limb, const char *at)
{
    float value;
    memcpy(&value, at, sizeof value);
    value -= (float)limb->field->zero_point;
    if (value > limb->field_limit)
        return limb->field_limit;
    if (value < -limb->field_limit)
        return -limb->field_limit;
    return value == value ? value : 0.0f;
}

#define EP_SUM int32_t
#define EP_NAME(f) ep_int8_##f
#define EP_FIELD ep_field_int8
#include "limbs_template.h"
#undef EP_NAME
#undef EP_FIELD
#define EP_NAME(f) ep_uint8_##f
#define EP_FIELD ep_field_uint8
#include "limbs_template.h"
#undef EP_NAME
#undef EP_FIELD
#undef EP_SUM
#define EP_SUM float
#define EP_NAME(f) ep_float_##f
#define EP_FIELD ep_field_float
#include "limbs_template.h"
#undef EP_NAME
#undef EP_FIELD
#undef EP_SUM

#if EP_HAVE_AVX2
EP_BEGIN_AVX2
#include "limbs_avx2.h"
EP_END_AVX2
#endif

/* Keys of the pairs that may be joined, a-peaks first; `*capped` is set where `room` was too small. */
static int32_t ep_score_limb(const ep_limb *limb, int path, uint64_t *keys, int32_t room, int32_t *capped)
{
#if EP_HAVE_AVX2
    ep_gather gather;
    if (path == EP_AVX2 && limb->a_count * limb->b_count > EP_FEW_PAIRS && ep_can_gather(limb, &gather))
        return ep_avx2_score_pairs(limb, &gather, keys, room, capped);
#endif
    (void)path;
    switch (limb->field->dtype) {
    case EP_INT8: return ep_int8_score_pairs(limb, keys, room, capped);
    case EP_UINT8: return ep_uint8_score_pairs(limb, keys, room, capped);
    default: return ep_float_score_pairs(limb, keys, room, capped);
    }
}

#endif
