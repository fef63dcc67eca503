/* Scores of the pairs of peaks that a limb may join. Included once for each value type with
 *   EP_NAME(f)            the name of f for this type
 *   EP_SUM                type of a sample: int32_t where it is exact, float otherwise
 *   EP_FIELD(map, at)     one component of the field
 */

/* Field along the pair at weight / 256 of its length, times the pair's length in 1/256 cell. */
static inline __attribute__((always_inline)) EP_SUM EP_NAME(sample)(const ep_limb *limb, const ep_pair *pair,
                                                                    int32_t weight)
{
    const int32_t x = (pair->ax * (256 - weight) + pair->bx * weight + 32768) >> 16;
    const int32_t y = (pair->ay * (256 - weight) + pair->by * weight + 32768) >> 16;
    const char *cell = ep_cell(limb->field, y, x);
    return EP_FIELD(limb, cell + limb->x_bytes) * (EP_SUM)pair->dx +
           EP_FIELD(limb, cell + limb->y_bytes) * (EP_SUM)pair->dy;
}

static int32_t EP_NAME(score_pairs)(const ep_limb *limb, uint64_t *keys, int32_t room, int32_t *capped)
{
    int32_t n = 0;
    for (int32_t i = 0; i < limb->a_count; i++)
        for (int32_t j = 0; j < limb->b_count; j++) {
            const ep_pair pair = {limb->ax[i],
                                  limb->ay[i],
                                  limb->bx[j],
                                  limb->by[j],
                                  limb->bx[j] - limb->ax[i],
                                  limb->by[j] - limb->ay[i]};
            const EP_SUM first = EP_NAME(sample)(limb, &pair, EP_WEIGHTS[EP_MIDDLE]);
            if (!(first > 0))
                continue;
            const float length = ep_length(pair.dx, pair.dy), least = limb->min_sample * length;
            if (!((float)first > least))
                continue;
            EP_SUM sum = 0;
            int32_t passed = 0, middle = 0;
            for (int32_t k = 0; k < EP_SAMPLES; k++) {
                const EP_SUM s = EP_NAME(sample)(limb, &pair, EP_WEIGHTS[k]);
                const int32_t pass = (float)s > least;
                sum += s;
                passed += pass;
                middle += pass & ((k == EP_MIDDLE) | (k == EP_MIDDLE + 1));
            }
            if (middle < 2 || passed < limb->min_passed || !(sum > 0))
                continue;
            if (n == room) {
                *capped = 1;
                return n;
            }
            keys[n++] = ep_key((float)sum * limb->mean_scale / length, limb, i, j);
        }
    return n;
}
