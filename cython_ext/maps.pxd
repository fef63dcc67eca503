"""What maps.h offers."""

from libc.stdint cimport int32_t, uint64_t


cdef extern from "maps.h" nogil:
    const float EP_FLOAT_ONE
    const int EP_LEVEL_MAX
    ctypedef struct ep_map:
        const char *base
        Py_ssize_t row_bytes, cell_bytes, channel_bytes
        int32_t height, width, channels
        int32_t dtype
        int32_t zero_point
        float scale
    int EP_INT8, EP_UINT8, EP_FLOAT32
    float ep_raw(const ep_map *map, int32_t y, int32_t x, int32_t channel) noexcept
    uint64_t ep_read(const ep_map *map) noexcept
