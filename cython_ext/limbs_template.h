/* Scores of the pairs of peaks that a limb may join, in portable code. Included once for each value type with
 *   EP_NAME(f)           the name of f for this type
 *   EP_SUM               type of a sample: int32_t where it is exact, float otherwise
 *   EP_FIELD(limb, at)   one component of the field
 */

/* Field in a cell along a way, times the way. */
static inline __attribute__((always_inline)) EP_SUM EP_NAME(along)(const ep_limb *limb, int32_t x, int32_t y, int32_t dx,
                                                                   int32_t dy)
{
    const char *cell = ep_cell(limb->field, y, x);
    return EP_FIELD(limb, cell + limb->x_bytes) * (EP_SUM)dx + EP_FIELD(limb, cell + limb->y_bytes) * (EP_SUM)dy;
}

/* All samples of a pair whose middle one passed: its mean, or 0 where it can't be a limb. */
static float EP_NAME(mean)(const ep_limb *limb, int32_t ax, int32_t ay, int32_t bx, int32_t by, float length)
{
    const float least = limb->min_sample * length;
    EP_SUM sum = 0;
    int32_t passed = 0;
    for (int32_t k = 0; k < EP_SAMPLES; k++) {
        const int32_t w = EP_WEIGHTS[k];
        const EP_SUM s = EP_NAME(along)(limb, (ax * (256 - w) + bx * w + 32768) >> 16,
                                        (ay * (256 - w) + by * w + 32768) >> 16, bx - ax, by - ay);
        sum += s;
        passed += (float)s > least;
    }
    return passed >= limb->min_passed && sum > 0 ? (float)sum * limb->mean_scale / length : 0.0f;
}

static int32_t EP_NAME(score_pairs)(const ep_limb *limb, uint64_t *keys, int32_t room, int32_t *capped)
{
    const int32_t w = EP_WEIGHTS[EP_MIDDLE];
    int32_t n = 0;
    for (int32_t i = 0; i < limb->a_count; i++) {
        const int32_t ax = limb->ax[i], ay = limb->ay[i];
        const int32_t from_x = ax * (256 - w) + 32768, from_y = ay * (256 - w) + 32768;
        for (int32_t j = 0; j < limb->b_count; j++) {
            const int32_t bx = limb->bx[j], by = limb->by[j], dx = bx - ax, dy = by - ay;
            const EP_SUM middle = EP_NAME(along)(limb, (from_x + bx * w) >> 16, (from_y + by * w) >> 16, dx, dy);
            if (!(middle > 0))
                continue;
            const float length = ep_length(dx, dy);
            if (!((float)middle > limb->min_sample * length))
                continue;
            const float mean = EP_NAME(mean)(limb, ax, ay, bx, by, length);
            if (!(mean > 0.0f))
                continue;
            if (n == room) {
                *capped = 1;
                return n;
            }
            keys[n++] = ep_key(mean, limb, i, j);
        }
    }
    return n;
}
