/* Candidate peaks of one row, all channels at once. Included once for each value type and instruction set, with
 *   EP_T       value type: int8_t or float
 *   EP_M       integer type as wide as EP_T, what a vector comparison yields
 *   EP_BYTES   bytes of a vector
 *   EP_BITS    function from a vector of comparisons to EP_BITS_PER_BYTE bits a byte
 *   EP_NAME(f) the name of f for this type and instruction set
 * Vectors are those of the GNU C extension, so the same text compiles to SSE2, AVX2, NEON or plain integer code. Only
 * comparisons and moves happen here: every build finds the same peaks.
 *
 * Values are compared after `^ flip` (int8_t only), which maps uint8 onto int8 in order.
 */

typedef EP_T EP_NAME(vec) __attribute__((vector_size(EP_BYTES)));
typedef EP_M EP_NAME(mask) __attribute__((vector_size(EP_BYTES)));

#define EP_LANES ((int32_t)(EP_BYTES / sizeof(EP_T)))
#define EP_LANE_BITS ((int32_t)(EP_BITS_PER_BYTE * sizeof(EP_T)))

/* A row and its neighbours, at the first channel looked at. */
typedef struct {
    const EP_T *above, *row, *below;
    int32_t pitch;    /* values from one cell to the next */
    int32_t channels; /* values of a cell that are looked at */
    int32_t limit;    /* values of a row that may be read */
    EP_T threshold;
    EP_M flip;
    EP_NAME(mask) ours; /* the first `channels` lanes */
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

static inline __attribute__((always_inline)) uint64_t EP_NAME(hits)(const EP_NAME(strip) * s, int32_t at)
{
    return EP_BITS(EP_NAME(load)(s->row + at, s->flip) >= s->threshold);
}

/* Of bits, those of the lanes from `first` up to, not including, `last`. */
static inline __attribute__((always_inline)) uint64_t EP_NAME(between)(uint64_t bits, int32_t first, int32_t last)
{
    if (last < EP_LANES)
        bits &= (UINT64_C(1) << last * EP_LANE_BITS) - 1;
    return bits >> first * EP_LANE_BITS << first * EP_LANE_BITS;
}

/* Lanes that reach the threshold and beat their eight neighbours: those before (in reading order) strictly, those
 * after not. Written as refusals, so that a NaN beside a peak does not hide it. */
static inline __attribute__((always_inline)) uint64_t EP_NAME(tops)(const EP_NAME(strip) * s, int32_t at)
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
    return EP_BITS(keep);
}

/* Append the places of the lanes that the bits stand for. */
static inline __attribute__((always_inline)) int32_t EP_NAME(collect)(uint64_t bits, int32_t at, int32_t *found,
                                                                      int32_t n)
{
    while (bits) {
        const int32_t lane = __builtin_ctzll(bits) / EP_LANE_BITS;
        found[n++] = at + lane;
        bits &= ~(((UINT64_C(1) << (EP_LANE_BITS - 1) << 1) - 1) << lane * EP_LANE_BITS);
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

/* The values from `at` up to `end`, a vector at a time. Where a vector would reach beyond the row it starts earlier, and
 * lanes that are not ours are left out; a row shorter than that goes value by value. */
static inline __attribute__((always_inline)) int32_t EP_NAME(scan_some)(const EP_NAME(strip) * s, int32_t at,
                                                                        int32_t end, int32_t *found, int32_t n)
{
    const int32_t last_start = s->limit - s->pitch - EP_LANES;
    for (; at < end; at += EP_LANES) {
        const int32_t place = at < last_start ? at : last_start;
        if (place < s->pitch) {
            for (int32_t i = at; i < end; i++)
                n = EP_NAME(scan_value)(s, i, 1, 1, found, n);
            return n;
        }
        if (EP_NAME(between)(EP_NAME(hits)(s, place), at - place, end - place))
            n = EP_NAME(collect)(EP_NAME(between)(EP_NAME(tops)(s, place), at - place, end - place), place, found, n);
    }
    return n;
}

/* The same, four vectors at a time while they last. */
static inline __attribute__((always_inline)) int32_t EP_NAME(scan_many)(const EP_NAME(strip) * s, int32_t at,
                                                                        int32_t end, int32_t *found, int32_t n)
{
    for (; at + 4 * EP_LANES <= end; at += 4 * EP_LANES) {
        EP_NAME(mask) hit = EP_NAME(load)(s->row + at, s->flip) >= s->threshold;
        for (int32_t i = 1; i < 4; i++)
            hit |= EP_NAME(load)(s->row + at + i * EP_LANES, s->flip) >= s->threshold;
        if (!EP_BITS(hit))
            continue;
        for (int32_t i = 0; i < 4; i++)
            if (EP_NAME(hits)(s, at + i * EP_LANES))
                n = EP_NAME(collect)(EP_NAME(tops)(s, at + i * EP_LANES), at + i * EP_LANES, found, n);
    }
    return EP_NAME(scan_some)(s, at, end, found, n);
}

/* Lanes in which any of the cell's values at `at` reaches the threshold. A cell of more values than a vector holds is
 * covered by several, the last of which ends where the cell ends. */
static inline __attribute__((always_inline)) EP_NAME(mask) EP_NAME(cell_hits)(const EP_NAME(strip) * s, int32_t at)
{
    EP_NAME(mask) hit = EP_NAME(load)(s->row + at, s->flip) >= s->threshold;
    if (s->channels < EP_LANES)
        return hit & s->ours;
    for (int32_t i = EP_LANES; i < s->channels; i += EP_LANES) {
        const int32_t from = i < s->channels - EP_LANES ? i : s->channels - EP_LANES;
        hit |= EP_NAME(load)(s->row + at + from, s->flip) >= s->threshold;
    }
    return hit;
}

/* Cells `pitch` apart, of which only the first `channels` values are ours; four at a time while they last. */
static inline __attribute__((always_inline)) int32_t EP_NAME(scan_cells)(const EP_NAME(strip) * s, int32_t at,
                                                                         int32_t end, int32_t *found, int32_t n)
{
    const int32_t pitch = s->pitch;
    for (; at + 4 * pitch <= end && at + 3 * pitch + EP_LANES <= s->limit; at += 4 * pitch) {
        EP_NAME(mask) hit = EP_NAME(cell_hits)(s, at);
        for (int32_t i = 1; i < 4; i++)
            hit |= EP_NAME(cell_hits)(s, at + i * pitch);
        if (EP_BITS(hit))
            for (int32_t i = 0; i < 4; i++)
                n = EP_NAME(scan_some)(s, at + i * pitch, at + i * pitch + s->channels, found, n);
    }
    for (; at < end; at += pitch)
        n = EP_NAME(scan_some)(s, at, at + s->channels, found, n);
    return n;
}

/* The cell at `at`, first or last of its row. */
static inline __attribute__((always_inline)) int32_t EP_NAME(scan_edge)(const EP_NAME(strip) * s, int32_t at, int left,
                                                                        int right, int32_t *found, int32_t n)
{
    const int32_t last_start = s->limit - EP_LANES;
    for (int32_t from = at; from < at + s->channels; from += EP_LANES) {
        const int32_t place = from < last_start ? from : last_start;
        if (place >= 0 && !EP_NAME(between)(EP_NAME(hits)(s, place), from - place, at + s->channels - place))
            continue;
        for (int32_t i = from; i < from + EP_LANES && i < at + s->channels; i++)
            n = EP_NAME(scan_value)(s, i, left, right, found, n);
    }
    return n;
}

/* Places (cell * pitch + channel) of the candidates of a row, in reading order. */
static int32_t EP_NAME(scan_row)(const void *above, const void *row, const void *below, int32_t pitch, int32_t width,
                                 int32_t channels, float threshold, int flip, int32_t *found)
{
    EP_NAME(strip) strip = {.above = above,
                                  .row = row,
                                  .below = below,
                                  .pitch = pitch,
                                  .limit = (width - 1) * pitch + channels,
                                  .channels = channels,
                                  .threshold = (EP_T)threshold,
                                  .flip = (EP_M)(flip ? INT8_MIN : 0)};
    for (int32_t i = 0; i < EP_LANES; i++)
        strip.ours[i] = i < channels ? -1 : 0;
    int32_t n = EP_NAME(scan_edge)(&strip, 0, 0, width > 1, found, 0);
    if (width == 1)
        return n;
    if (pitch == channels)
        n = EP_NAME(scan_many)(&strip, pitch, (width - 1) * pitch, found, n);
    else
        n = EP_NAME(scan_cells)(&strip, pitch, (width - 1) * pitch, found, n);
    return EP_NAME(scan_edge)(&strip, (width - 1) * pitch, 1, 0, found, n);
}

#undef EP_LANES
#undef EP_LANE_BITS
