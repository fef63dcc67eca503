"""Cuts turned squares out of a picture: the loop behind edgepose.wholebody.crops."""

from libc.math cimport floor

cdef enum:
    ONE = 256  # of the fixed-point weights


def cut(const unsigned char[:, :, :] picture, const double[::1] affine, Py_ssize_t taps, unsigned char[:, :, ::1] out):
    """Fill `out` (S, T, 3) from `picture` (H, W, 3), bilinearly; what lies outside the picture is black.

    affine: a, b, c, d, e, f, so that output pixel (u, v) lies at x = a u + b v + c, y = d u + e v + f of the picture.
    taps: so many samples along each side of an output pixel are averaged, which matters where the picture shrinks.
    Raises ValueError where an array has another shape or taps is not from 1 to 8.
    """
    if affine.shape[0] != 6 or picture.shape[2] != 3 or out.shape[2] != 3 or not 1 <= taps <= 8:
        raise ValueError("cut() takes an (H, W, 3) picture, 6 numbers, 1 to 8 taps and an (S, T, 3) output")
    if picture.shape[0] < 1 or picture.shape[1] < 1:
        raise ValueError("the picture is empty")
    with nogil:
        _cut(picture, &affine[0], taps, out)


cdef void _cut(
    const unsigned char[:, :, :] picture, const double* t, Py_ssize_t taps, unsigned char[:, :, ::1] out
) noexcept nogil:
    cdef Py_ssize_t u, v, i, j, c
    cdef double step = 1.0 / taps
    cdef double first = 0.5 * step - 0.5
    cdef double x, y
    cdef long total[3]
    cdef long count = taps * taps
    for v in range(out.shape[0]):
        for u in range(out.shape[1]):
            for c in range(3):
                total[c] = 0
            for j in range(taps):
                for i in range(taps):
                    x = t[0] * (u + first + i * step) + t[1] * (v + first + j * step) + t[2]
                    y = t[3] * (u + first + i * step) + t[4] * (v + first + j * step) + t[5]
                    _add(picture, x, y, total)
            for c in range(3):
                out[v, u, c] = <unsigned char>((total[c] + count * ONE * ONE // 2) // (count * ONE * ONE))


cdef inline void _add(const unsigned char[:, :, :] picture, double x, double y, long* total) noexcept nogil:
    """Add the colour at (x, y), in parts of ONE * ONE."""
    cdef Py_ssize_t width = picture.shape[1]
    cdef Py_ssize_t height = picture.shape[0]
    cdef Py_ssize_t x0, y0, x1, y1, c
    cdef long right, below
    if not (x > -0.5 and y > -0.5 and x < width - 0.5 and y < height - 0.5):
        return
    x0 = <Py_ssize_t>floor(x)
    y0 = <Py_ssize_t>floor(y)
    right = <long>((x - x0) * ONE)
    below = <long>((y - y0) * ONE)
    x1 = min(x0 + 1, width - 1)
    y1 = min(y0 + 1, height - 1)
    x0 = max(x0, 0)
    y0 = max(y0, 0)
    for c in range(3):
        total[c] += (
            (picture[y0, x0, c] * (ONE - right) + picture[y0, x1, c] * right) * (ONE - below)
            + (picture[y1, x0, c] * (ONE - right) + picture[y1, x1, c] * right) * below
        )
