"""Cuts turned squares out of a picture: the loop behind edgepose.wholebody.crops."""

from libc.math cimport fabs, llrint

cdef enum:
    SHIFT = 16  # of the fixed-point places
    ONE = 256  # of the fixed-point weights
    FAR = 1 << 20  # pixels: beyond it, places would not fit
    MOST_TAPS = 8


def cut(const unsigned char[:, :, :] picture, const double[::1] affine, Py_ssize_t taps, unsigned char[:, :, ::1] out):
    """Fill `out` (S, T, 3) from `picture` (H, W, 3), bilinearly; what lies outside the picture is black.

    affine: a, b, c, d, e, f, so that output pixel (u, v) lies at x = a u + b v + c, y = d u + e v + f of the picture.
    taps: so many samples along each side of an output pixel are averaged, which matters where the picture shrinks.
    Raises ValueError where an array has another shape, taps is not from 1 to 8, or a place is farther than 2**20.
    """
    cdef int k
    if affine.shape[0] != 6 or picture.shape[2] != 3 or out.shape[2] != 3 or not 1 <= taps <= MOST_TAPS:
        raise ValueError("cut() takes an (H, W, 3) picture, 6 numbers, 1 to 8 taps and an (S, T, 3) output")
    if not (1 <= picture.shape[0] < FAR and 1 <= picture.shape[1] < FAR and out.shape[0] < FAR and out.shape[1] < FAR):
        raise ValueError("the picture is empty, or larger than any")
    for k in range(0, 6, 3):
        if not fabs(affine[k]) * out.shape[1] + fabs(affine[k + 1]) * out.shape[0] + fabs(affine[k + 2]) < FAR:
            raise ValueError("the crop lies too far away")
    with nogil:
        _cut(picture, &affine[0], taps, out)


cdef struct Sum:
    # Of colours, in parts of ONE * ONE: two of them in the halves of one number, so that one product weighs both. 64
    # samples of 24 bits stay below 2**32.
    unsigned long long red_green
    unsigned int blue


cdef void _cut(
    const unsigned char[:, :, :] picture, const double* t, Py_ssize_t taps, unsigned char[:, :, ::1] out
) noexcept nogil:
    cdef Py_ssize_t u, v, k, height = picture.shape[0], width = picture.shape[1]
    cdef Py_ssize_t row_bytes = picture.strides[0], pixel_bytes = picture.strides[1], colour_bytes = picture.strides[2]
    cdef const unsigned char* pixels = &picture[0, 0, 0]
    cdef double step = 1.0 / taps
    cdef double left, above
    cdef long long x_step = llrint(t[0] * (1 << SHIFT))
    cdef long long y_step = llrint(t[3] * (1 << SHIFT))
    cdef long long x[MOST_TAPS * MOST_TAPS]  # where each sample of a row's first pixel lies
    cdef long long y[MOST_TAPS * MOST_TAPS]
    cdef Sum total
    cdef unsigned int count = taps * taps
    cdef unsigned int half = count * (ONE * ONE // 2)
    for v in range(out.shape[0]):
        for k in range(taps * taps):
            left = (k % taps + 0.5) * step - 0.5
            above = v + (k // taps + 0.5) * step - 0.5
            x[k] = llrint((t[0] * left + t[1] * above + t[2]) * (1 << SHIFT))
            y[k] = llrint((t[3] * left + t[4] * above + t[5]) * (1 << SHIFT))
        for u in range(out.shape[1]):
            total.red_green = <unsigned long long>half << 32 | half
            total.blue = half
            for k in range(taps * taps):
                _add(
                    pixels, height, width, row_bytes, pixel_bytes, colour_bytes,
                    x[k] + u * x_step, y[k] + u * y_step, &total,
                )
            if count == 1:
                out[v, u, 0] = <unsigned char>(total.red_green >> SHIFT)
                out[v, u, 1] = <unsigned char>(total.red_green >> 32 + SHIFT)
                out[v, u, 2] = <unsigned char>(total.blue >> SHIFT)
            else:
                out[v, u, 0] = <unsigned char>((<unsigned int>total.red_green // count) >> SHIFT)
                out[v, u, 1] = <unsigned char>((<unsigned int>(total.red_green >> 32) // count) >> SHIFT)
                out[v, u, 2] = <unsigned char>((total.blue // count) >> SHIFT)


cdef inline void _add(
    const unsigned char* pixels, Py_ssize_t height, Py_ssize_t width,
    Py_ssize_t row_bytes, Py_ssize_t pixel_bytes, Py_ssize_t colour_bytes, long long x, long long y, Sum* total,
) noexcept nogil:
    """Add the colour at (x, y), which are in parts of 1 << SHIFT."""
    cdef Py_ssize_t x0 = <Py_ssize_t>(x >> SHIFT)
    cdef Py_ssize_t y0 = <Py_ssize_t>(y >> SHIFT)
    cdef unsigned int right = <unsigned int>(x >> (SHIFT - 8)) & (ONE - 1)
    cdef unsigned int below = <unsigned int>(y >> (SHIFT - 8)) & (ONE - 1)
    cdef Py_ssize_t x1 = x0 + 1
    cdef Py_ssize_t y1 = y0 + 1
    if x0 < 0 or y0 < 0 or x1 >= width or y1 >= height:
        if 2 * x < -(1 << SHIFT) or 2 * y < -(1 << SHIFT):
            return
        if 2 * x >= (2 * width - 1) << SHIFT or 2 * y >= (2 * height - 1) << SHIFT:
            return
        x0, x1 = max(x0, 0), min(x1, width - 1)
        y0, y1 = max(y0, 0), min(y1, height - 1)
    cdef const unsigned char* upper = pixels + y0 * row_bytes
    cdef const unsigned char* lower = pixels + y1 * row_bytes
    _weigh(upper + x0 * pixel_bytes, colour_bytes, (ONE - right) * (ONE - below), total)
    _weigh(upper + x1 * pixel_bytes, colour_bytes, right * (ONE - below), total)
    _weigh(lower + x0 * pixel_bytes, colour_bytes, (ONE - right) * below, total)
    _weigh(lower + x1 * pixel_bytes, colour_bytes, right * below, total)


cdef inline void _weigh(const unsigned char* pixel, Py_ssize_t stride, unsigned int weight, Sum* total) noexcept nogil:
    total.red_green += (pixel[0] | <unsigned long long>pixel[stride] << 32) * weight
    total.blue += pixel[2 * stride] * weight
