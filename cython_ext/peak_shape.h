/* From a candidate cell to a peak: its plateau, its place between the cells, and its height there. */
#ifndef EDGEPOSE_PEAK_SHAPE_H
#define EDGEPOSE_PEAK_SHAPE_H

#include "maps.h"

#define EP_CELL 256       /* places are kept in 1 / CELL of a cell */
#define EP_PLATEAU_MAX 64 /* a plateau of more cells is no keypoint */
#define EP_LOG_ONE 65536  /* logarithms are kept in 1 / LOG_ONE */

typedef struct {
    int32_t left, right, top, bottom, cells;
} ep_box;

typedef struct {
    int32_t x, y;       /* 1 / CELL of a cell */
    float raw;          /* value of its highest cell */
    int32_t log_height; /* of the fitted top, in levels; 0 at least */
} ep_peak;

/* What walking over a plateau needs. */
typedef struct {
    int32_t *stamps;     /* one a cell of the grid, each the generation it was last seen in */
    int32_t generation;
    int32_t cells[EP_PLATEAU_MAX];
} ep_walk;

/* Where the parabola through three equidistant points peaks, from the middle one, in 1 / CELL. `span` is the distance
 * of the outer points in half cells. Rounded symmetrically, so that a mirrored map gives mirrored places. */
static inline int32_t ep_vertex(int64_t tilt, int64_t bend, int32_t span)
{
    const int32_t most = span * (EP_CELL / 4);
    const int64_t reach = tilt * most, size = reach < 0 ? -reach : reach;
    int64_t whole = (size + bend / 2) / bend;
    if (whole > most)
        whole = most;
    return (int32_t)(reach < 0 ? -whole : whole);
}

/* How far the parabola rises above its middle point; half an e-fold at most. */
static inline int32_t ep_rise(int64_t tilt, int64_t bend, int64_t weight)
{
    const int64_t rise = tilt * tilt / (8 * bend * weight);
    return rise < EP_LOG_ONE / 2 ? (int32_t)rise : EP_LOG_ONE / 2;
}

/* Walk over the plateau of a candidate and box it. 0 where a higher cell touches it, where the candidate is not its
 * first cell (another candidate stands for it then), or where it is too large. */
static inline __attribute__((always_inline)) int ep_walk_plateau(const ep_map *map, int dtype, int32_t y, int32_t x,
                                                                 int32_t channel, float raw, ep_walk *walk,
                                                                 ep_box *box)
{
    const int32_t width = map->width, first = y * width + x;
    walk->generation++;
    walk->stamps[first] = walk->generation;
    walk->cells[0] = first;
    for (int32_t done = 0; done < box->cells; done++) {
        y = walk->cells[done] / width;
        x = walk->cells[done] % width;
        for (int32_t ny = y > 0 ? y - 1 : 0; ny <= y + 1 && ny < map->height; ny++)
            for (int32_t nx = x > 0 ? x - 1 : 0; nx <= x + 1 && nx < width; nx++) {
                const float other = ep_raw_as(dtype, ep_cell(map, ny, nx) + channel * map->channel_bytes);
                const int32_t here = ny * width + nx;
                if (other > raw)
                    return 0;
                if (other != raw || walk->stamps[here] == walk->generation)
                    continue;
                if (here < first || box->cells == EP_PLATEAU_MAX)
                    return 0;
                walk->stamps[here] = walk->generation;
                walk->cells[box->cells++] = here;
                box->left = nx < box->left ? nx : box->left;
                box->right = nx > box->right ? nx : box->right;
                box->bottom = ny > box->bottom ? ny : box->bottom;
            }
    }
    return 1;
}

/* Sum of logarithms over a column or row of cells, the first and last of them once and the others twice. */
static inline __attribute__((always_inline)) int64_t ep_log_sum(const ep_map *map, int dtype, const int32_t *logs,
                                                                const char *at, ptrdiff_t step, int32_t cells,
                                                                int first_twice, int last_twice)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < cells; i++, at += step) {
        const int once = (i == 0 && !first_twice) || (i == cells - 1 && !last_twice);
        sum += (once ? 1 : 2) * (int64_t)logs[ep_level_as(dtype, map, at)];
    }
    return sum;
}

/* Move the peak along one axis to the top of the parabola through the plateau and the cells before and after it.
 * Logarithms of Gaussians are parabolas; the lines of cells beside the plateau count half of those through it, which
 * steadies the fit. `from` .. `to` is the plateau along the axis, of `size` cells; `side_from` .. `side_to` across it,
 * of `side_size`. */
static inline __attribute__((always_inline)) int32_t ep_fit(const ep_map *map, int dtype, const int32_t *logs,
                                                            const char *origin, ptrdiff_t step, int32_t from,
                                                            int32_t to, int32_t size, ptrdiff_t side_step,
                                                            int32_t side_from, int32_t side_to, int32_t side_size,
                                                            int32_t *rise)
{
    if (from == 0 || to == size - 1)
        return 0;
    const int32_t low = side_from > 0 ? side_from - 1 : 0, high = side_to + 1 < side_size ? side_to + 1 : side_to;
    const int first_twice = low == side_from, last_twice = high == side_to;
    const int32_t lines = high - low + 1, wide = to - from + 1;
    const int64_t weight = 2 * lines - !first_twice - !last_twice;
    int64_t sums[3] = {0, 0, 0};
    for (int32_t i = from - 1; i <= to + 1; i++)
        sums[i < from ? 0 : i > to ? 2 : 1] += ep_log_sum(map, dtype, logs, origin + i * step + low * side_step,
                                                          side_step, lines, first_twice, last_twice);
    const int64_t tilt = (sums[2] - sums[0]) * wide, bend = 2 * sums[1] - (sums[0] + sums[2]) * wide;
    if (bend <= 0)
        return 0;
    *rise += ep_rise(tilt, bend, weight * wide);
    return ep_vertex(tilt, bend, wide + 1);
}

/* ep_vertex and ep_rise for a single cell, whose sums are small enough for quicker divisions. Both numbers are whole and
 * below 2^53, so the quotient of doubles is cut to the same whole number. */
static inline void ep_fit_three(int32_t tilt, int32_t bend, int32_t *place, int32_t *log_height)
{
    if (bend <= 0)
        return;
    const int32_t most = EP_CELL / 2, reach = tilt < 0 ? -tilt * most : tilt * most, whole = (reach + bend / 2) / bend;
    const int32_t offset = whole < most ? whole : most;
    const double rise = (double)tilt * (double)tilt / (32.0 * (double)bend);
    *place += tilt < 0 ? -offset : offset;
    *log_height += rise < EP_LOG_ONE / 2 ? (int32_t)rise : EP_LOG_ONE / 2;
}

/* The same for both axes of a single cell that has all its neighbours, which nearly every peak is. */
static inline __attribute__((always_inline)) void ep_fit_cell(const ep_map *map, int dtype, const int32_t *logs,
                                                              const char *at, ep_peak *peak)
{
    int32_t l[3][3];
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            l[dy + 1][dx + 1] = logs[ep_level_as(dtype, map, at + dy * map->row_bytes + dx * map->cell_bytes)];
    int32_t columns[3], rows[3];
    for (int i = 0; i < 3; i++) {
        columns[i] = l[0][i] + 2 * l[1][i] + l[2][i];
        rows[i] = l[i][0] + 2 * l[i][1] + l[i][2];
    }
    const int32_t x_bend = 2 * columns[1] - columns[0] - columns[2], y_bend = 2 * rows[1] - rows[0] - rows[2];
    ep_fit_three(columns[2] - columns[0], x_bend, &peak->x, &peak->log_height);
    ep_fit_three(rows[2] - rows[0], y_bend, &peak->y, &peak->log_height);
}

static inline __attribute__((always_inline)) int ep_place_as(const ep_map *map, int dtype, const int32_t *logs,
                                                             int32_t y, int32_t x, int32_t channel, ep_walk *walk,
                                                             ep_peak *peak)
{
    const char *origin = map->base + channel * map->channel_bytes;
    const char *at = origin + y * map->row_bytes + x * map->cell_bytes;
    const float raw = ep_raw_as(dtype, at);
    const int right = x + 1 < map->width, below = y + 1 < map->height;
    ep_box box = {x, x, y, y, 1};
    /* Of a candidate's neighbours only those after it can be equal. */
    if ((right && ep_raw_as(dtype, at + map->cell_bytes) == raw) ||
        (below && (ep_raw_as(dtype, at + map->row_bytes) == raw ||
                   (x > 0 && ep_raw_as(dtype, at + map->row_bytes - map->cell_bytes) == raw) ||
                   (right && ep_raw_as(dtype, at + map->row_bytes + map->cell_bytes) == raw))))
        if (!ep_walk_plateau(map, dtype, y, x, channel, raw, walk, &box))
            return 0;
    peak->raw = raw;
    peak->x = (box.left + box.right) * (EP_CELL / 2);
    peak->y = (box.top + box.bottom) * (EP_CELL / 2);
    peak->log_height = logs[ep_level_as(dtype, map, at)];
    if (box.cells == 1 && x > 0 && right && y > 0 && below)
        ep_fit_cell(map, dtype, logs, at, peak);
    else if (box.cells == (box.right - box.left + 1) * (box.bottom - box.top + 1)) {
        peak->x += ep_fit(map, dtype, logs, origin, map->cell_bytes, box.left, box.right, map->width, map->row_bytes,
                          box.top, box.bottom, map->height, &peak->log_height);
        peak->y += ep_fit(map, dtype, logs, origin, map->row_bytes, box.top, box.bottom, map->height, map->cell_bytes,
                          box.left, box.right, map->width, &peak->log_height);
    }
    if (peak->log_height < 0)
        peak->log_height = 0;
    return 1;
}

/* Fill `peak` from a candidate; 0 where it is none. */
static int ep_place_peak(const ep_map *map, const int32_t *logs, int32_t y, int32_t x, int32_t channel, ep_walk *walk,
                         ep_peak *peak)
{
    switch (map->dtype) {
    case EP_INT8: return ep_place_as(map, EP_INT8, logs, y, x, channel, walk, peak);
    case EP_UINT8: return ep_place_as(map, EP_UINT8, logs, y, x, channel, walk, peak);
    default: return ep_place_as(map, EP_FLOAT32, logs, y, x, channel, walk, peak);
    }
}

#endif
