/* Prints one number made of all that the kernel's headers give on random maps: the same on every machine and for every
 * instruction set. Argument: the path (0 portable, 1 AVX2). Built and run by test_association_bytes.py. */
#include <stdio.h>
#include <stdlib.h>

#include "limbs.h"
#include "peak_shape.h"
#include "peaks.h"

enum { KEYPOINTS = 18, FIELDS = 38, LIMBS = 19, PEAKS = 128, PAIRS = 4096 };

static uint64_t digest = 1469598103934665603u; /* FNV-1a */
static uint32_t state = 1;                     /* xorshift */

static void add(const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        digest = (digest ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
}

static uint32_t dice(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
}

/* A map of the given kind; coarse ones have many equal values beside one another. */
static ep_map random_map(int dtype, int32_t height, int32_t width, int32_t channels, int32_t pitch, int coarse)
{
    const ptrdiff_t item = dtype == EP_FLOAT32 ? 4 : 1;
    const size_t n = (size_t)height * (size_t)width * (size_t)pitch;
    char *values = malloc(n * (size_t)item);
    for (size_t i = 0; i < n; i++)
        if (dtype == EP_FLOAT32)
            ((float *)values)[i] = (float)(dice() % 2000) / 1000.0f - 0.9f;
        else
            values[i] = (char)(dice() % (coarse ? 8 : 256));
    const int32_t zero_point = dtype == EP_INT8 ? -5 : dtype == EP_UINT8 ? 3 : 0;
    return (ep_map){values, width * pitch * item, pitch * item, item, height, width, channels, dtype, zero_point,
                    dtype == EP_FLOAT32 ? 1.0f : 0.01f};
}

static void one_frame(int path, int dtype, int32_t pitch, int coarse, const int32_t *logs)
{
    static int32_t x[KEYPOINTS][PEAKS], y[KEYPOINTS][PEAKS];
    static float strength[KEYPOINTS][PEAKS];
    static uint64_t keys[PAIRS];
    int32_t counts[KEYPOINTS] = {0};
    const int32_t height = 3 + (int32_t)(dice() % 40), width = 2 + (int32_t)(dice() % 60);
    const ep_map heat = random_map(dtype, height, width, KEYPOINTS, pitch ? pitch : KEYPOINTS, coarse);
    const ep_map field = random_map(dtype, height, width, FIELDS, pitch ? pitch : FIELDS, 0);
    char *lowest = malloc((size_t)ep_lowest_row_bytes(&heat));
    int32_t *found = malloc(sizeof(int32_t) * (size_t)width * KEYPOINTS);
    ep_walk walk = {.stamps = calloc((size_t)height * (size_t)width, sizeof(int32_t))};
    ep_fill_lowest(&heat, lowest, ep_lowest_row_bytes(&heat));
    for (int32_t row = 0; row < height; row++) {
        int32_t step;
        const int32_t n = ep_scan_row(&heat, path, lowest, row, 0, KEYPOINTS, dtype == EP_FLOAT32 ? 0.1f : 4.0f, found,
                                      &step);
        add(found, (size_t)n * sizeof *found);
        for (int32_t i = 0; i < n; i++) {
            const int32_t k = found[i] % step;
            ep_peak peak;
            if (!ep_place_peak(&heat, logs, row, found[i] / step, k, &walk, &peak))
                continue;
            add(&peak, sizeof peak);
            if (counts[k] < PEAKS) {
                x[k][counts[k]] = peak.x;
                y[k][counts[k]] = peak.y;
                strength[k][counts[k]++] = (float)peak.log_height / (float)EP_LOG_ONE;
            }
        }
    }
    for (int32_t l = 0; l < LIMBS; l++) {
        const int32_t a = l % KEYPOINTS, b = (l + 1) % KEYPOINTS;
        int32_t capped = 0;
        const ep_limb limb = {.field = &field,
                              .x_bytes = 2 * l * field.channel_bytes,
                              .y_bytes = (2 * l + 1) * field.channel_bytes,
                              .ax = x[a],
                              .ay = y[a],
                              .bx = x[b],
                              .by = y[b],
                              .a_strength = strength[a],
                              .b_strength = strength[b],
                              .a_count = counts[a],
                              .b_count = counts[b],
                              .min_passed = 5,
                              .min_sample = 0.05f / field.scale,
                              .mean_scale = field.scale / EP_SAMPLES,
                              .peak_weight = 0.45f,
                              .field_limit = 2.0f / field.scale};
        const int32_t n = ep_score_limb(&limb, path, keys, PAIRS, &capped);
        add(keys, (size_t)n * sizeof *keys);
        add(&capped, sizeof capped);
    }
    free((char *)heat.base);
    free((char *)field.base);
    free(lowest);
    free(found);
    free(walk.stamps);
}

int main(int argc, char **argv)
{
    static int32_t logs[EP_LEVEL_MAX + 1];
    for (int32_t i = 0; i <= EP_LEVEL_MAX; i++)
        logs[i] = (int32_t)rint(EP_LOG_ONE * log(i ? i : 0.5));
    for (int dtype = EP_INT8; dtype <= EP_FLOAT32; dtype++)
        for (int pitch = 0; pitch <= 57; pitch += 57)
            for (int trial = 0; trial < 16; trial++)
                one_frame(argc > 1 ? atoi(argv[1]) : 0, dtype, pitch, trial % 2, logs);
    printf("%016llx\n", (unsigned long long)digest);
    return 0;
}
