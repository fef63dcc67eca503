/* A map as the network leaves it: base pointer, strides in bytes, and how a raw value becomes a level.
 *
 * A level is an integer: raw - zero_point for int8 and uint8, value * FLOAT_ONE for float32. Levels of heat maps are
 * looked up in a table of logarithms, so they are clamped to 0 .. LEVEL_MAX there.
 */
#ifndef EDGEPOSE_MAPS_H
#define EDGEPOSE_MAPS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "edgepose is written for little-endian machines"
#endif

#define EP_FLOAT_ONE 16384.0f
#define EP_LEVEL_MAX 32767

typedef enum { EP_INT8, EP_UINT8, EP_FLOAT32 } ep_dtype;

typedef struct {
    const char *base;
    ptrdiff_t row_bytes, cell_bytes, channel_bytes;
    int32_t height, width, channels;
    int32_t dtype;
    int32_t zero_point; /* of the raw values; 0 for float32 */
    float scale;
} ep_map;

static inline const char *ep_cell(const ep_map *map, int32_t y, int32_t x)
{
    return map->base + y * map->row_bytes + x * map->cell_bytes;
}

/* The raw value, exact in a float for every dtype: what peaks are compared by. */
static inline __attribute__((always_inline)) float ep_raw_as(int dtype, const char *at)
{
    float value;
    if (dtype == EP_INT8)
        return (float)*(const int8_t *)at;
    if (dtype == EP_UINT8)
        return (float)*(const uint8_t *)at;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline float ep_raw(const ep_map *map, int32_t y, int32_t x, int32_t channel)
{
    return ep_raw_as(map->dtype, ep_cell(map, y, x) + channel * map->channel_bytes);
}

/* 0 .. LEVEL_MAX; NaN counts as 0. */
static inline __attribute__((always_inline)) int32_t ep_level_as(int dtype, const ep_map *map, const char *at)
{
    if (dtype != EP_FLOAT32) {
        const int32_t raw = dtype == EP_INT8 ? *(const int8_t *)at : *(const uint8_t *)at;
        return raw > map->zero_point ? raw - map->zero_point : 0;
    }
    const float level = (ep_raw_as(dtype, at) - (float)map->zero_point) * map->scale * EP_FLOAT_ONE + 0.5f;
    if (!(level > 0.0f))
        return 0;
    return level < (float)EP_LEVEL_MAX ? (int32_t)level : EP_LEVEL_MAX;
}

static inline uint64_t ep_read_bytes(const char *at, ptrdiff_t bytes)
{
    uint64_t total = 0, word;
    for (; bytes >= 8; at += 8, bytes -= 8) {
        memcpy(&word, at, sizeof word);
        total += word;
    }
    for (; bytes > 0; at++, bytes--)
        total += *(const uint8_t *)at;
    return total;
}

/* Reads every value once, and what lies between the cells of a row too where the values of a cell lie beside one
 * another: what any use of the map costs at least. */
static inline uint64_t ep_read(const ep_map *map)
{
    const ptrdiff_t item = map->dtype == EP_FLOAT32 ? 4 : 1, cell = map->channels * item;
    const int dense = map->channel_bytes == item && map->cell_bytes >= cell;
    uint64_t total = 0;
    for (int32_t y = 0; y < map->height; y++)
        if (dense)
            total += ep_read_bytes(ep_cell(map, y, 0), (map->width - 1) * map->cell_bytes + cell);
        else
            for (int32_t x = 0; x < map->width; x++)
                for (int32_t c = 0; c < map->channels; c++)
                    total += ep_read_bytes(ep_cell(map, y, x) + c * map->channel_bytes, item);
    return total;
}

#endif
