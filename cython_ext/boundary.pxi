"""What comes in from Python: checked once, in sentences, and described for the kernel."""


cdef enum:
    GRID_MAX = 1024         # most cells along one side: sums then fit 32 bits
    CHANNELS_MAX = 4096     # of a map


cdef int _fill_map(ep_map *view, array, tuple quant, int depth, str what) except -1:
    """Describe an (H, W, >=depth) array, or raise ValueError."""
    cdef const int8_t[:, :, :] int8s
    cdef const uint8_t[:, :, :] uint8s
    cdef const float[:, :, :] floats
    if not isinstance(array, np.ndarray) or array.ndim != 3:
        raise ValueError(f"{what} must be an array of three dimensions (H, W, channels), not {_describe_array(array)}")
    kind = array.dtype.char
    if kind == "b":
        int8s = array
        _fill_shape(view, int8s.shape, int8s.strides, depth, what)
        view.base = <const char *> &int8s[0, 0, 0]
        view.dtype = EP_INT8
    elif kind == "B":
        uint8s = array
        _fill_shape(view, uint8s.shape, uint8s.strides, depth, what)
        view.base = <const char *> &uint8s[0, 0, 0]
        view.dtype = EP_UINT8
    elif kind == "f" and array.dtype.isnative:
        floats = array
        _fill_shape(view, floats.shape, floats.strides, depth, what)
        view.base = <const char *> &floats[0, 0, 0]
        view.dtype = EP_FLOAT32
    else:
        raise ValueError(f"{what} must be int8, uint8 or float32, not {array.dtype}")
    _fill_quant(view, quant, what)
    return 0


cdef int _fill_shape(
    ep_map *view, const Py_ssize_t *shape, const Py_ssize_t *strides, int depth, str what
) except -1:
    if not (1 <= shape[0] <= GRID_MAX and 1 <= shape[1] <= GRID_MAX):
        raise ValueError(f"{what} must be 1 to {GRID_MAX} cells high and wide, not {shape[0]} x {shape[1]}")
    if shape[2] < depth:
        raise ValueError(f"{what} have {shape[2]} channels, but the skeleton needs {depth}")
    if shape[2] > CHANNELS_MAX:
        raise ValueError(f"{what} have {shape[2]} channels, of which {CHANNELS_MAX} can be told apart")
    view.height, view.width, view.channels = <int32_t> shape[0], <int32_t> shape[1], <int32_t> shape[2]
    view.row_bytes, view.cell_bytes, view.channel_bytes = strides[0], strides[1], strides[2]
    return 0


cdef int _fill_quant(ep_map *view, tuple quant, str what) except -1:
    if len(quant) != 2:
        raise ValueError(f"the quantisation of {what} is (scale, zero_point), not {quant}")
    cdef double scale = quant[0]
    cdef long zero_point = quant[1]
    cdef long low = 0 if view.dtype == EP_UINT8 else -128, high = 255 if view.dtype == EP_UINT8 else 127
    if not 1e-12 <= scale <= 1e12:
        raise ValueError(f"the scale of {what} must be above 0 and finite, not {scale}")
    if not low <= zero_point <= high:
        raise ValueError(f"the zero point of {what} must be {low} to {high}, not {zero_point}")
    view.scale, view.zero_point = <float> scale, <int32_t> zero_point
    return 0


def _describe_array(array):
    shape = getattr(array, "shape", None)
    return f"one of shape {shape}" if shape is not None else type(array).__name__
