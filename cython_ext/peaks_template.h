/* Candidate peaks of one row, all channels at once. Included once for each value type and instruction set, with
 *   EP_T       value type: int8_t or float
 *   EP_M       integer type as wide as EP_T, what a vector comparison yields
 *   EP_BYTES   bytes of a vector
 *   EP_NAME(f) the name of f for this type and instruction set
 * Vectors are those of the GNU C extension, so the same text compiles to SSE2, AVX2, NEON or plain integer code. Only
 * comparisons and moves happen here: every build finds the same peaks.
 *
 * Values are compared after `^ flip` (int8_t only), which maps uint8 onto int8 in order.
 */

typedef EP_T EP_NAME(vec) __attribute__((vector_size(EP_BYTES)));
typedef EP_M EP_NAME(mask) __attribute__((vector_size(EP_BYTES)));
typedef uint64_t EP_NAME(words) __attribute__((vector_size(EP_BYTES)));

#define EP_LANES ((int32_t)(EP_BYTES / sizeof(EP_T)))
#define EP_LANE_BITS ((int32_t)(8 * sizeof(EP_T)))
#define EP_WORDS (EP_BYTES / 8)

/* A row and its neighbours, at the first channel looked at. */
typedef struct {
    const EP_T *above, *row, *below;
    int32_t pitch;    /* values from one cell to the next */
    int32_t width;    /* cells */
    int32_t channels; /* values of a cell that are looked at */
    EP_T threshold;
    EP_M flip;
} EP_NAME(strip);

static inline __attribute__((always_inline)) EP_NAME(vec) EP_NAME(load)(const EP_T *at, EP_M flip)
{
    EP_NAME(mask) bits;
    memcpy(&bits, at, sizeof bits);
    bits ^= flip;
    return (EP_NAME(vec))bits;
}

static inline __attribute__((always_inline)) EP_T EP_NAME(value)(const EP_T *at, EP_M flip)
{
    EP_M bits;
    EP_T value;
    memcpy(&bits, at, sizeof bits);
    bits ^= flip;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline __attribute__((always_inline)) int EP_NAME(any)(EP_NAME(mask) mask)
{
    EP_NAME(words) words = (EP_NAME(words))mask;
    uint64_t all = 0;
    for (size_t i = 0; i < EP_WORDS; i++)
        all |= words[i];
    return all != 0;
}

/* Lanes that reach the threshold and beat their eight neighbours: those before (in reading order) strictly, those
 * after not. Written as refusals, so that a NaN beside a peak does not hide it. */
static inline __attribute__((always_inline)) EP_NAME(mask) EP_NAME(tops)(const EP_NAME(strip) * s, int32_t at)
{
    const EP_T *above = s->above + at, *row = s->row + at, *below = s->below + at;
    const int32_t pitch = s->pitch;
    const EP_NAME(vec) v = EP_NAME(load)(row, s->flip);
    EP_NAME(mask) keep = v >= s->threshold;
    keep &= ~(EP_NAME(load)(row - pitch, s->flip) >= v);
    keep &= ~(EP_NAME(load)(row + pitch, s->flip) > v);
    keep &= ~(EP_NAME(load)(above - pitch, s->flip) >= v);
    keep &= ~(EP_NAME(load)(above, s->flip) >= v);
    keep &= ~(EP_NAME(load)(above + pitch, s->flip) >= v);
    keep &= ~(EP_NAME(load)(below - pitch, s->flip) > v);
    keep &= ~(EP_NAME(load)(below, s->flip) > v);
    keep &= ~(EP_NAME(load)(below + pitch, s->flip) > v);
    return keep;
}

/* Append the places of the lanes from `first` up to, not including, `last`. */
static inline __attribute__((always_inline)) int32_t EP_NAME(collect)(EP_NAME(mask) keep, int32_t at, int32_t first,
                                                                      int32_t last, int32_t *found, int32_t n)
{
    EP_NAME(words) words = (EP_NAME(words))keep;
    for (int32_t i = 0; i < (int32_t)EP_WORDS; i++) {
        uint64_t word = words[i];
        while (word) {
            const int32_t lane = (i * 64 + __builtin_ctzll(word)) / EP_LANE_BITS;
            if (lane >= first && lane < last)
                found[n++] = at + lane;
            const int32_t next = (lane + 1) * EP_LANE_BITS - i * 64;
            word = next >= 64 ? 0 : word & (~UINT64_C(0) << next);
        }
    }
    return n;
}

static int32_t EP_NAME(scan_value)(const EP_NAME(strip) * s, int32_t at, int left, int right, int32_t *found, int32_t n)
{
    const EP_T *rows[3] = {s->above + at, s->row + at, s->below + at};
    const EP_T v = EP_NAME(value)(rows[1], s->flip);
    if (!(v >= s->threshold))
        return n;
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = left ? -1 : 0; dx <= (right ? 1 : 0); dx++) {
            if (!dy && !dx)
                continue;
            const EP_T other = EP_NAME(value)(rows[dy + 1] + dx * s->pitch, s->flip);
            const int before = dy < 0 || (dy == 0 && dx < 0);
            if (before ? other >= v : other > v)
                return n;
        }
    found[n++] = at;
    return n;
}

/* The values from `at` up to `end`, all of them in cells that have both side neighbours; reading is allowed below
 * `limit`. */
static inline __attribute__((always_inline)) int32_t EP_NAME(scan_run)(const EP_NAME(strip) * s, int32_t at,
                                                                       int32_t end, int32_t limit, int32_t *found,
                                                                       int32_t n)
{
    const int32_t start = at;
    for (; at + 4 * EP_LANES <= end; at += 4 * EP_LANES) {
        EP_NAME(mask) hit = EP_NAME(load)(s->row + at, s->flip) >= s->threshold;
        for (int32_t i = 1; i < 4; i++)
            hit |= EP_NAME(load)(s->row + at + i * EP_LANES, s->flip) >= s->threshold;
        if (!EP_NAME(any)(hit))
            continue;
        for (int32_t i = 0; i < 4; i++) {
            const int32_t place = at + i * EP_LANES;
            if (EP_NAME(any)(EP_NAME(load)(s->row + place, s->flip) >= s->threshold))
                n = EP_NAME(collect)(EP_NAME(tops)(s, place), place, 0, EP_LANES, found, n);
        }
    }
    for (; at < end; at += EP_LANES) {
        int32_t place = at, first = 0, last = EP_LANES;
        if (at + EP_LANES > end) { /* the last few: step back over what is done, or read on over what is not ours */
            if (end - start >= EP_LANES) {
                place = end - EP_LANES;
                first = at - place;
            } else if (at + s->pitch + EP_LANES <= limit) {
                last = end - at;
            } else {
                for (; at < end; at++)
                    n = EP_NAME(scan_value)(s, at, 1, 1, found, n);
                return n;
            }
        }
        if (EP_NAME(any)(EP_NAME(load)(s->row + place, s->flip) >= s->threshold))
            n = EP_NAME(collect)(EP_NAME(tops)(s, place), place, first, last, found, n);
    }
    return n;
}

/* Places (cell * pitch + channel) of the candidates of a row, in reading order. */
static int32_t EP_NAME(scan_row)(const void *above, const void *row, const void *below, int32_t pitch, int32_t width,
                                 int32_t channels, float threshold, int flip, int32_t *found)
{
    const EP_NAME(strip) strip = {.above = above,
                                  .row = row,
                                  .below = below,
                                  .pitch = pitch,
                                  .width = width,
                                  .channels = channels,
                                  .threshold = (EP_T)threshold,
                                  .flip = (EP_M)(flip ? INT8_MIN : 0)};
    const int32_t limit = (width - 1) * pitch + channels;
    int32_t n = 0;
    for (int32_t c = 0; c < channels; c++)
        n = EP_NAME(scan_value)(&strip, c, 0, width > 1, found, n);
    if (pitch == channels)
        n = EP_NAME(scan_run)(&strip, pitch, (width - 1) * pitch, limit, found, n);
    else
        for (int32_t x = 1; x < width - 1; x++)
            n = EP_NAME(scan_run)(&strip, x * pitch, x * pitch + channels, limit, found, n);
    for (int32_t c = 0; width > 1 && c < channels; c++)
        n = EP_NAME(scan_value)(&strip, (width - 1) * pitch + c, 1, 0, found, n);
    return n;
}

#undef EP_LANES
#undef EP_LANE_BITS
#undef EP_WORDS
