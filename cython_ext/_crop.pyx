"""Cuts turned squares out of a picture: the loop behind edgepose.wholebody.crops."""

from libc.math cimport fabs, llrint
from libc.stdint cimport int64_t, uint8_t, uint32_t


cdef extern from "crop.h" nogil:
    enum:
        EP_CROP_SHIFT
        EP_CROP_TAPS
    ctypedef struct ep_crop_picture:
        const uint8_t *pixels
        Py_ssize_t height, width
        Py_ssize_t row_bytes, pixel_bytes, colour_bytes
        int packed
    void ep_crop_row(const ep_crop_picture *picture, const int64_t *x, const int64_t *y, uint32_t count,
                     int64_t x_step, int64_t y_step, Py_ssize_t width, uint8_t *out) noexcept

cdef enum:
    FAR = 1 << 20  # pixels: beyond it, places would not fit


def cut(const unsigned char[:, :, :] picture, const double[::1] affine, Py_ssize_t taps, unsigned char[:, :, ::1] out):
    """Fill `out` (S, T, 3) from `picture` (H, W, 3), bilinearly; what lies outside the picture is black.

    affine: a, b, c, d, e, f, so that output pixel (u, v) lies at x = a u + b v + c, y = d u + e v + f of the picture.
    taps: so many samples along each side of an output pixel are averaged, which matters where the picture shrinks.
    Raises ValueError where an array has another shape, taps is not from 1 to 8, or a place is farther than 2**20.
    """
    cdef int k
    if affine.shape[0] != 6 or picture.shape[2] != 3 or out.shape[2] != 3 or not 1 <= taps <= EP_CROP_TAPS:
        raise ValueError("cut() takes an (H, W, 3) picture, 6 numbers, 1 to 8 taps and an (S, T, 3) output")
    if not (1 <= picture.shape[0] < FAR and 1 <= picture.shape[1] < FAR and out.shape[0] < FAR and out.shape[1] < FAR):
        raise ValueError("the picture is empty, or larger than any")
    for k in range(0, 6, 3):
        if not fabs(affine[k]) * out.shape[1] + fabs(affine[k + 1]) * out.shape[0] + fabs(affine[k + 2]) < FAR:
            raise ValueError("the crop lies too far away")
    with nogil:
        _cut(picture, &affine[0], taps, out)


cdef void _cut(
    const unsigned char[:, :, :] picture, const double* t, Py_ssize_t taps, unsigned char[:, :, ::1] out
) noexcept nogil:
    cdef Py_ssize_t v, k
    cdef double step = 1.0 / taps
    cdef double left, above
    cdef double one = 1 << EP_CROP_SHIFT
    cdef int64_t x[EP_CROP_TAPS * EP_CROP_TAPS]  # where each sample of a row's first pixel lies
    cdef int64_t y[EP_CROP_TAPS * EP_CROP_TAPS]
    cdef ep_crop_picture source
    source.pixels = &picture[0, 0, 0]
    source.height, source.width = picture.shape[0], picture.shape[1]
    source.row_bytes, source.pixel_bytes = picture.strides[0], picture.strides[1]
    source.colour_bytes = picture.strides[2]
    source.packed = source.pixel_bytes == 3 and source.colour_bytes == 1 and source.width > 2 and source.height > 1
    for v in range(out.shape[0]):
        for k in range(taps * taps):
            left = (k % taps + 0.5) * step - 0.5
            above = v + (k // taps + 0.5) * step - 0.5
            x[k] = llrint((t[0] * left + t[1] * above + t[2]) * one)
            y[k] = llrint((t[3] * left + t[4] * above + t[5]) * one)
        ep_crop_row(
            &source, x, y, <uint32_t>(taps * taps), llrint(t[0] * one), llrint(t[3] * one), out.shape[1], &out[v, 0, 0]
        )
