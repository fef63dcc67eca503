/* Candidate peaks of a map, row by row: the instances of peaks_template.h and the choice among them. */
#ifndef EDGEPOSE_PEAKS_H
#define EDGEPOSE_PEAKS_H

#include <string.h>

#include "maps.h"
#include "paths.h"

/* Portable code, in vectors of 16 bytes: SSE2 on x86-64, NEON on arm64, plain integers elsewhere. */
#define EP_BYTES 16
#define EP_BITS(mask) ep_bits16((ep_bytes16)(mask))
#define EP_T int8_t
#define EP_M int8_t
#define EP_NAME(f) ep_bytes_##f
#include "peaks_template.h"
#undef EP_T
#undef EP_M
#undef EP_NAME
#define EP_T float
#define EP_M int32_t
#define EP_NAME(f) ep_floats_##f
#include "peaks_template.h"
#undef EP_T
#undef EP_M
#undef EP_NAME
#undef EP_BYTES
#undef EP_BITS

#if EP_HAVE_AVX2
EP_BEGIN_AVX2
#define EP_BYTES 32
#define EP_BITS(mask) ep_bits32((ep_bytes32)(mask))
#define EP_T int8_t
#define EP_M int8_t
#define EP_NAME(f) ep_avx2_bytes_##f
#include "peaks_template.h"
#undef EP_T
#undef EP_M
#undef EP_NAME
#define EP_T float
#define EP_M int32_t
#define EP_NAME(f) ep_avx2_floats_##f
#include "peaks_template.h"
#undef EP_T
#undef EP_M
#undef EP_NAME
#undef EP_BYTES
#undef EP_BITS
EP_END_AVX2
#endif

#define EP_ROW_BYTES_MAX (1 << 22)

/* Any strides at all: one value at a time. */
static int32_t ep_scan_row_strided(const ep_map *map, int32_t y, int32_t first, int32_t channels, float threshold,
                                   int32_t *found)
{
    int32_t n = 0;
    for (int32_t x = 0; x < map->width; x++)
        for (int32_t c = 0; c < channels; c++) {
            const float v = ep_raw(map, y, x, first + c);
            int top = v >= threshold;
            for (int32_t i = 0; top && i < 9; i++) {
                const int32_t ny = y + i / 3 - 1, nx = x + i % 3 - 1;
                if (i == 4 || ny < 0 || ny >= map->height || nx < 0 || nx >= map->width)
                    continue;
                const float other = ep_raw(map, ny, nx, first + c);
                top = i < 4 ? !(other >= v) : !(other > v);
            }
            if (top)
                found[n++] = x * channels + c;
        }
    return n;
}

/* Bytes of the row of lowest values that stands above the first and below the last row; 0 where none is used since
 * values of a cell do not lie beside one another, or rows are absurdly wide. */
static inline ptrdiff_t ep_lowest_row_bytes(const ep_map *map)
{
    const ptrdiff_t item = map->dtype == EP_FLOAT32 ? 4 : 1;
    if (map->channel_bytes != item || map->cell_bytes < map->channels * item || map->cell_bytes % item)
        return 0;
    const ptrdiff_t bytes = (map->width - 1) * map->cell_bytes + map->channels * item;
    return bytes <= EP_ROW_BYTES_MAX ? bytes : 0;
}

static inline void ep_fill_lowest(const ep_map *map, char *lowest, ptrdiff_t bytes)
{
    const float low = -INFINITY;
    if (map->dtype != EP_FLOAT32)
        memset(lowest, map->dtype == EP_INT8 ? 0x80 : 0, (size_t)bytes);
    else
        for (ptrdiff_t i = 0; i + 4 <= bytes; i += 4)
            memcpy(lowest + i, &low, sizeof low);
}

/* Candidates of row y among `channels` channels from `first` on, as cell * *pitch + channel - first, in reading
 * order. `threshold` is a raw value. `found` has room for width * channels. */
static int32_t ep_scan_row(const ep_map *map, int path, const char *lowest, int32_t y, int32_t first, int32_t channels,
                           float threshold, int32_t *found, int32_t *pitch)
{
    if (!ep_lowest_row_bytes(map)) {
        *pitch = channels;
        return ep_scan_row_strided(map, y, first, channels, threshold, found);
    }
    const ptrdiff_t item = map->channel_bytes, skip = first * item;
    const char *row = ep_cell(map, y, 0) + skip;
    const char *above = y > 0 ? row - map->row_bytes : lowest + skip;
    const char *below = y + 1 < map->height ? row + map->row_bytes : lowest + skip;
    const int flip = map->dtype == EP_UINT8;
    *pitch = (int32_t)(map->cell_bytes / item);
    if (map->dtype == EP_FLOAT32)
        return EP_CHOOSE(path, ep_floats_scan_row, ep_avx2_floats_scan_row)(above, row, below, *pitch, map->width,
                                                                            channels, threshold, 0, found);
    return EP_CHOOSE(path, ep_bytes_scan_row, ep_avx2_bytes_scan_row)(
        above, row, below, *pitch, map->width, channels, threshold - (flip ? 128.0f : 0.0f), flip, found);
}

#endif
