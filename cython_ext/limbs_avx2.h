/* The same as limbs_template.h for int8 and uint8, eight pairs at a time. Integers and single
 * floats are the same in the same order of operations, so the keys are the same to the bit. */

/* What gathers need: the two components of a limb beside one another, places that fit 32 bits. */
typedef struct {
    const char *origin; /* the x component of the first cell */
    __m256i row_bytes, cell_bytes, last, zero_point;
    int is_signed;
} ep_gather;

/* Whether the map can be gathered from. Four bytes are read at a time, so the last places are read from a little before
 * and shifted. */
static int ep_can_gather(const ep_limb *limb, ep_gather *g)
{
    const ep_map *map = limb->field;
    const int64_t bytes =
        (int64_t)(map->height - 1) * map->row_bytes + (int64_t)(map->width - 1) * map->cell_bytes + map->channels;
    if (map->dtype == EP_FLOAT32 || map->channel_bytes != 1 || limb->y_bytes != limb->x_bytes + 1 ||
        map->row_bytes <= 0 || map->cell_bytes <= 0 || bytes > INT32_MAX || bytes - limb->x_bytes < 4)
        return 0;
    g->origin = map->base + limb->x_bytes;
    g->row_bytes = _mm256_set1_epi32((int32_t)map->row_bytes);
    g->cell_bytes = _mm256_set1_epi32((int32_t)map->cell_bytes);
    g->last = _mm256_set1_epi32((int32_t)(bytes - limb->x_bytes - 4));
    g->zero_point = _mm256_set1_epi32(map->zero_point);
    g->is_signed = map->dtype == EP_INT8;
    return 1;
}

static inline __attribute__((always_inline)) __m256i ep_highest_byte(const ep_gather *g, __m256i word)
{
    return g->is_signed ? _mm256_srai_epi32(word, 24) : _mm256_srli_epi32(word, 24);
}

/* Field in eight cells (x and y in 1/65536 cell), times the way (dx, dy). */
static inline __attribute__((always_inline)) __m256i ep_along8(const ep_gather *g, __m256i x, __m256i y, __m256i dx,
                                                               __m256i dy)
{
    const __m256i place = _mm256_add_epi32(_mm256_mullo_epi32(_mm256_srai_epi32(y, 16), g->row_bytes),
                                           _mm256_mullo_epi32(_mm256_srai_epi32(x, 16), g->cell_bytes));
    const __m256i from = _mm256_min_epi32(place, g->last);
    const __m256i bytes = _mm256_srlv_epi32(_mm256_i32gather_epi32((const int *)g->origin, from, 1),
                                            _mm256_slli_epi32(_mm256_sub_epi32(place, from), 3));
    const __m256i fx = ep_highest_byte(g, _mm256_slli_epi32(bytes, 24));
    const __m256i fy = ep_highest_byte(g, _mm256_slli_epi32(bytes, 16));
    return _mm256_add_epi32(_mm256_mullo_epi32(_mm256_sub_epi32(fx, g->zero_point), dx),
                            _mm256_mullo_epi32(_mm256_sub_epi32(fy, g->zero_point), dy));
}

static inline __attribute__((always_inline)) __m256 ep_length8(__m256i dx, __m256i dy)
{
    const __m256 x = _mm256_cvtepi32_ps(dx), y = _mm256_cvtepi32_ps(dy);
    return _mm256_sqrt_ps(_mm256_add_ps(_mm256_mul_ps(x, x), _mm256_mul_ps(y, y)));
}

/* The b-peaks of a limb, filled up to whole vectors with the first cell: places, and what they add to the middle
 * sample's. */
typedef struct {
    int32_t x[EP_PEAKS_MAX], y[EP_PEAKS_MAX], middle_x[EP_PEAKS_MAX], middle_y[EP_PEAKS_MAX];
} ep_ends;

static void ep_fill_ends(const ep_limb *limb, ep_ends *ends)
{
    const __m256i weight = _mm256_set1_epi32(EP_WEIGHTS[EP_MIDDLE]);
    for (int32_t j = 0; j < limb->b_count; j += 8) {
        const __m256i ours =
            _mm256_cmpgt_epi32(_mm256_set1_epi32(limb->b_count - j), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        const __m256i x = _mm256_maskload_epi32(limb->bx + j, ours), y = _mm256_maskload_epi32(limb->by + j, ours);
        _mm256_storeu_si256((__m256i *)(ends->x + j), x);
        _mm256_storeu_si256((__m256i *)(ends->y + j), y);
        _mm256_storeu_si256((__m256i *)(ends->middle_x + j), _mm256_mullo_epi32(x, weight));
        _mm256_storeu_si256((__m256i *)(ends->middle_y + j), _mm256_mullo_epi32(y, weight));
    }
}

static inline __attribute__((always_inline)) __m256i ep_load8(const int32_t *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

/* The pairs of an a-peak with the eight b-peaks from j on whose middle sample passes, as bits. */
static inline __attribute__((always_inline)) int ep_middle8(const ep_limb *limb, const ep_gather *g,
                                                            const ep_ends *ends, int32_t i, int32_t j)
{
    const int32_t rest = 256 - EP_WEIGHTS[EP_MIDDLE];
    const __m256i zero = _mm256_setzero_si256();
    const __m256i dx = _mm256_sub_epi32(ep_load8(ends->x + j), _mm256_set1_epi32(limb->ax[i]));
    const __m256i dy = _mm256_sub_epi32(ep_load8(ends->y + j), _mm256_set1_epi32(limb->ay[i]));
    const __m256i x = _mm256_add_epi32(_mm256_set1_epi32(limb->ax[i] * rest + 32768), ep_load8(ends->middle_x + j));
    const __m256i y = _mm256_add_epi32(_mm256_set1_epi32(limb->ay[i] * rest + 32768), ep_load8(ends->middle_y + j));
    const __m256i s = ep_along8(g, x, y, dx, dy), along = _mm256_cmpgt_epi32(s, zero);
    if (_mm256_testz_si256(along, along))
        return 0;
    const __m256 least = _mm256_mul_ps(_mm256_set1_ps(limb->min_sample), ep_length8(dx, dy));
    return _mm256_movemask_ps(
        _mm256_and_ps(_mm256_cmp_ps(_mm256_cvtepi32_ps(s), least, _CMP_GT_OQ), _mm256_castsi256_ps(along)));
}

/* Up to eight pairs whose middle sample passed, waiting for the others. */
typedef struct {
    int32_t ax[8], ay[8], bx[8], by[8], a[8], b[8];
    int32_t count;
} ep_batch;

/* Keys of the pairs of a batch that can be limbs. */
static int32_t ep_score8(const ep_limb *limb, const ep_gather *g, ep_batch *batch, uint64_t *keys, int32_t n,
                         int32_t room, int32_t *capped)
{
    const __m256i ax = _mm256_loadu_si256((const __m256i *)batch->ax), ay = _mm256_loadu_si256((const __m256i *)batch->ay);
    const __m256i dx = _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)batch->bx), ax);
    const __m256i dy = _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)batch->by), ay);
    const __m256i half = _mm256_set1_epi32(32768);
    const __m256i from_x = _mm256_add_epi32(_mm256_slli_epi32(ax, 8), half);
    const __m256i from_y = _mm256_add_epi32(_mm256_slli_epi32(ay, 8), half);
    const __m256 length = ep_length8(dx, dy), least = _mm256_mul_ps(_mm256_set1_ps(limb->min_sample), length);
    __m256i sum = _mm256_setzero_si256(), passed = sum;
    for (int32_t k = 0; k < EP_SAMPLES; k++) {
        const __m256i w = _mm256_set1_epi32(EP_WEIGHTS[k]);
        const __m256i s = ep_along8(g, _mm256_add_epi32(from_x, _mm256_mullo_epi32(dx, w)),
                                    _mm256_add_epi32(from_y, _mm256_mullo_epi32(dy, w)), dx, dy);
        const __m256i pass = _mm256_castps_si256(_mm256_cmp_ps(_mm256_cvtepi32_ps(s), least, _CMP_GT_OQ));
        sum = _mm256_add_epi32(sum, s);
        passed = _mm256_sub_epi32(passed, pass);
    }
    const __m256i good = _mm256_and_si256(_mm256_cmpgt_epi32(passed, _mm256_set1_epi32(limb->min_passed - 1)),
                                          _mm256_cmpgt_epi32(sum, _mm256_setzero_si256()));
    const __m256 mean =
        _mm256_div_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_set1_ps(limb->mean_scale)), length);
    int bits = _mm256_movemask_ps(_mm256_castsi256_ps(good)) & ((1 << batch->count) - 1);
    float means[8];
    _mm256_storeu_ps(means, mean);
    for (; bits; bits &= bits - 1) {
        const int32_t lane = __builtin_ctz((unsigned)bits);
        if (n == room) {
            *capped = 1;
            break;
        }
        keys[n++] = ep_key(means[lane], limb, batch->a[lane], batch->b[lane]);
    }
    batch->count = 0;
    return n;
}

static int32_t ep_avx2_score_pairs(const ep_limb *limb, const ep_gather *g, uint64_t *keys, int32_t room,
                                   int32_t *capped)
{
    ep_batch batch = {.count = 0};
    ep_ends ends;
    int32_t n = 0;
    ep_fill_ends(limb, &ends);
    for (int32_t i = 0; i < limb->a_count; i++)
        for (int32_t j = 0; j < limb->b_count; j += 8) {
            const int32_t left = limb->b_count - j;
            int bits = ep_middle8(limb, g, &ends, i, j) & (left < 8 ? (1 << left) - 1 : 255);
            for (; bits; bits &= bits - 1) {
                const int32_t b = j + __builtin_ctz((unsigned)bits), at = batch.count++;
                batch.ax[at] = limb->ax[i];
                batch.ay[at] = limb->ay[i];
                batch.bx[at] = limb->bx[b];
                batch.by[at] = limb->by[b];
                batch.a[at] = i;
                batch.b[at] = b;
                if (batch.count == 8)
                    n = ep_score8(limb, g, &batch, keys, n, room, capped);
            }
        }
    return batch.count ? ep_score8(limb, g, &batch, keys, n, room, capped) : n;
}
