"""What the C headers offer to the association."""

from libc.stdint cimport int32_t, uint64_t
from maps cimport ep_map


cdef extern from "paths.h" nogil:
    int EP_PORTABLE, EP_AVX2
    int ep_best_path() noexcept


cdef extern from "peaks.h" nogil:
    Py_ssize_t ep_lowest_row_bytes(const ep_map *map) noexcept
    void ep_fill_lowest(const ep_map *map, char *lowest, Py_ssize_t bytes) noexcept
    int32_t ep_scan_row(const ep_map *map, int path, const char *lowest, int32_t y, int32_t first, int32_t channels,
                        float threshold, int32_t *found, int32_t *pitch) noexcept


cdef extern from "peak_shape.h" nogil:
    const int EP_CELL
    const int EP_PLATEAU_MAX
    const int EP_LOG_ONE
    ctypedef struct ep_peak:
        int32_t x, y
        float raw
        int32_t log_height
    ctypedef struct ep_walk:
        int32_t *stamps
        int32_t generation
    int ep_place_peak(const ep_map *map, const int32_t *logs, int32_t y, int32_t x, int32_t channel, ep_walk *walk,
                      ep_peak *peak) noexcept


cdef extern from "limbs.h" nogil:
    int EP_SAMPLES
    enum:
        EP_PEAKS_MAX
    ctypedef struct ep_limb:
        const ep_map *field
        Py_ssize_t x_bytes, y_bytes
        const int32_t *ax
        const int32_t *ay
        const int32_t *bx
        const int32_t *by
        const float *a_strength
        const float *b_strength
        int32_t a_count, b_count
        int32_t min_passed
        float min_sample, mean_scale, peak_weight, field_limit
    int32_t ep_score_limb(const ep_limb *limb, int path, uint64_t *keys, int32_t room, int32_t *capped) noexcept
    int32_t ep_key_a(uint64_t key) noexcept
    int32_t ep_key_b(uint64_t key) noexcept
