"""People out of the maps as the network leaves them.

Peaks of all keypoints in one pass, sub-pixel by the log-quadratic; part affinity fields integrated in integers; greedy
matching limb by limb; grouping with an owner table (the order of steps is that of Cao et al., arXiv 1812.08008).
tests/reference_association.py is the same, written to be read rather than to be fast.
"""

import math
import time

import numpy as np

cimport cython
from headers cimport (
    EP_AVX2, EP_CELL, EP_LOG_ONE, EP_PEAKS_MAX, EP_PLATEAU_MAX, EP_PORTABLE, EP_SAMPLES, ep_best_path, ep_fill_lowest,
    ep_key_a, ep_key_b, ep_limb, ep_lowest_row_bytes, ep_peak, ep_place_peak, ep_scan_row, ep_score_limb, ep_walk,
)
from libc.stdint cimport int8_t, int32_t, uint8_t, uint64_t
from maps cimport EP_FLOAT32, EP_FLOAT_ONE, EP_INT8, EP_LEVEL_MAX, EP_UINT8, ep_map, ep_raw, ep_read


include "boundary.pxi"


cdef enum:
    PAIRS_MAX = 4096        # of one limb
    MIN_PASSED = 5          # samples of ten, one in the middle among them, that must reach min_limb
    MIN_SURE = 3            # a person has at least so many keypoints that are SURE above min_keypoint

PATHS = {"portable": EP_PORTABLE, "avx2": EP_AVX2} if ep_best_path() == EP_AVX2 else {"portable": EP_PORTABLE}
"""The instruction sets that can be chosen on this machine; all give the same people, to the bit."""

LIMITS = {
    "grid": GRID_MAX, "peaks": EP_PEAKS_MAX, "pairs": PAIRS_MAX, "plateau": EP_PLATEAU_MAX, "min_passed": MIN_PASSED,
    "min_sure": MIN_SURE,
}

cdef uint64_t USED = <uint64_t> -1   # no key: its peaks would have no number
cdef float PEAK_WEIGHT = 0.45   # of the logarithms of the heights of a limb's ends, beside the mean of its field
cdef double ENOUGH = 0.6        # higher than this, heights count alike: then it is for the field to tell pairs apart
cdef float SURE = 0.15          # noise makes people of weak peaks, so those only join a person, they don't make one
cdef float FIELD_LIMIT = 2.0    # unit vectors are at most 1 long; what a float map holds beyond this is garbage

# ln(level) in 1 / EP_LOG_ONE, level 0 standing for half a step. Only differences matter, so any scale fits.
_LOGS = np.rint(EP_LOG_ONE * np.log(np.maximum(np.arange(EP_LEVEL_MAX + 1), 0.5))).astype(np.int32)
_LOGS.flags.writeable = False
cdef const int32_t[::1] LOGS = _LOGS


include "people.pxi"
include "tree.pxi"


@cython.final
cdef class Associator:
    """Groups keypoints into people. Owns its workspace: calls from several threads wait for each other."""

    cdef int _keypoint_count, _limb_count, _max_people, _path
    cdef int _heat_depth, _paf_depth, _first_channel, _channel_span
    cdef double _min_keypoint, _min_limb
    cdef int32_t[::1] _keypoint_of_channel
    """Of each heat-map channel from _first_channel on; -1 where no keypoint uses it."""
    cdef int32_t[:, ::1] _limbs
    """(L, 5): keypoint a, keypoint b, x channel, y channel, whether it may start a person."""
    # Of the frame's peaks, (K, EP_PEAKS_MAX): place in 1 / EP_CELL, raw value, confidence, logarithm of its
    # height, the person it belongs to or -1.
    cdef int32_t[::1] _count
    cdef int32_t[::1] _weakest
    """Of each keypoint that has EP_PEAKS_MAX peaks, the first to go."""
    cdef int32_t[:, ::1] _x, _y, _owner
    cdef float[:, ::1] _raw, _confidence, _strength
    # Of a limb: its pairs, and the best pair of each of its peaks.
    cdef uint64_t[::1] _keys, _best_a, _best_b
    # Of the frame's people: (slots, K) peaks or -1.
    cdef int32_t[:, ::1] _parts
    cdef int32_t[::1] _alive, _order
    cdef int32_t _slots
    cdef float[::1] _slot_score
    cdef int32_t[::1] _slot_first
    cdef float[:, :, ::1] _keypoints
    cdef float[::1] _scores
    cdef object _keypoints_array, _scores_array
    # Sized by the grid.
    cdef int32_t[::1] _found, _stamps
    cdef ep_walk _walk
    cdef char[::1] _lowest
    cdef ep_map _heat, _paf
    cdef int32_t _capped
    cdef int32_t _enough
    """Logarithm of the height from which on heights count alike."""
    cdef uint64_t _read
    cdef cython.pymutex _busy

    def __cinit__(self, skeleton, *, double min_keypoint=0.1, double min_limb=0.05, int max_people=20):
        """Of an edgepose.skeleton.Skeleton.

        min_keypoint: least confidence of a keypoint, above 0, at most 1. min_limb: least field along a limb, 0 to 1.
        A person has at least 3 keypoints whose confidence is min_keypoint + 0.15. Raises ValueError where a value is
        out of range.
        """
        if not 0 < min_keypoint <= 1:
            raise ValueError(f"min_keypoint must be above 0 and at most 1, not {min_keypoint}")
        if not 0 <= min_limb <= 1:
            raise ValueError(f"min_limb must be between 0 and 1, not {min_limb}")
        if not 1 <= max_people <= 1000:
            raise ValueError(f"max_people must be between 1 and 1000, not {max_people}")
        self._min_keypoint, self._min_limb, self._max_people = min_keypoint, min_limb, max_people
        self._path = ep_best_path()
        self._read_skeleton(skeleton)
        self._make_workspace()

    cdef _read_skeleton(self, skeleton):
        if max(skeleton.heat_depth, skeleton.paf_depth) > CHANNELS_MAX:
            raise ValueError(f"the skeleton names a channel beyond {CHANNELS_MAX - 1}, the last that a map can have")
        channels = np.array(skeleton.heat_channels, np.int32)
        if not len(channels) or not len(skeleton.limbs):
            raise ValueError("people are put together from a skeleton with keypoints and limbs; this one has none")
        if len(set(channels)) < len(channels):
            raise ValueError("two keypoints of the skeleton share a heat-map channel")
        self._keypoint_count, self._limb_count = len(channels), len(skeleton.limbs)
        self._heat_depth, self._paf_depth = skeleton.heat_depth, skeleton.paf_depth
        self._first_channel = channels.min()
        self._channel_span = channels.max() + 1 - channels.min()
        keypoint_of_channel = np.full(self._channel_span, -1, np.int32)
        keypoint_of_channel[channels - channels.min()] = np.arange(len(channels))
        self._keypoint_of_channel = keypoint_of_channel
        starts = _limbs_of_tree(len(channels), skeleton.limbs)
        self._limbs = np.array(
            [(*limb, *pair, start) for limb, pair, start in zip(skeleton.limbs, skeleton.paf_channels, starts)], np.int32
        )

    cdef _make_workspace(self):
        cdef int k = self._keypoint_count
        cdef int slots = k * EP_PEAKS_MAX // 2 + 1   # a person starts with two peaks that no other has
        self._count, self._weakest = (np.zeros(k, np.int32) for _ in range(2))
        self._x, self._y, self._owner = (np.zeros((k, EP_PEAKS_MAX), np.int32) for _ in range(3))
        self._raw, self._confidence, self._strength = (np.zeros((k, EP_PEAKS_MAX), np.float32) for _ in range(3))
        self._keys = np.zeros(PAIRS_MAX, np.uint64)
        self._best_a, self._best_b = (np.zeros(EP_PEAKS_MAX, np.uint64) for _ in range(2))
        self._parts = np.zeros((slots, k), np.int32)
        self._alive, self._order, self._slot_first = (np.zeros(slots, np.int32) for _ in range(3))
        self._slot_score = np.zeros(slots, np.float32)
        self._keypoints_array = np.zeros((self._max_people, k, 3), np.float32)
        self._scores_array = np.zeros(self._max_people, np.float32)
        self._keypoints, self._scores = self._keypoints_array, self._scores_array
        self._found = self._stamps = np.zeros(0, np.int32)
        self._lowest = np.zeros(0, np.int8)

    def __call__(self, heatmaps, pafs, *, tuple heat_quant=(1.0, 0), tuple paf_quant=(1.0, 0)):
        """The people of one frame.

        heatmaps (H, W, >=K) and pafs (H, W, >=2L): int8, uint8 or float32, both of one kind, of any strides. A quant
        is (scale, zero_point) and means value = (raw - zero_point) * scale. Raises ValueError where they do not fit.
        """
        cdef int people
        with self._busy:
            self._describe(heatmaps, pafs, heat_quant, paf_quant)
            with nogil:
                people = self._associate()
            return People(
                self._keypoints_array[:people].copy(), self._scores_array[:people].copy(), self._capped != 0
            )

    @property
    def path(self):
        """The instruction set in use: the best of this machine unless another one of PATHS is set."""
        return next(name for name, path in PATHS.items() if path == self._path)

    @path.setter
    def path(self, str name):
        if name not in PATHS:
            raise ValueError(f"path must be one of {', '.join(PATHS)} on this machine, not {name}")
        self._path = PATHS[name]

    def seconds_a_frame(self, heatmaps, pafs, *, tuple heat_quant=(1.0, 0), tuple paf_quant=(1.0, 0), int repeats=100):
        """Seconds that one frame takes without Python around it: the mean over `repeats` in a row. For tests/bench."""
        cdef int i
        with self._busy:
            self._describe(heatmaps, pafs, heat_quant, paf_quant)
            start = time.perf_counter()
            with nogil:
                for i in range(repeats):
                    self._associate()
            return (time.perf_counter() - start) / repeats

    def seconds_to_read(self, heatmaps, pafs, *, int repeats=100):
        """Seconds that only reading the maps' bytes takes, each once, for comparison. For tests/bench."""
        cdef int i
        cdef uint64_t total = 0
        with self._busy:
            self._describe(heatmaps, pafs, (1.0, 0), (1.0, 0))
            start = time.perf_counter()
            with nogil:
                for i in range(repeats):
                    total ^= ep_read(&self._heat) + ep_read(&self._paf)
            self._read = total
            return (time.perf_counter() - start) / repeats

    # ---- boundary

    cdef int _describe(self, heatmaps, pafs, tuple heat_quant, tuple paf_quant) except -1:
        _fill_map(&self._heat, heatmaps, heat_quant, self._heat_depth, "heatmaps")
        _fill_map(&self._paf, pafs, paf_quant, self._paf_depth, "pafs")
        if self._heat.height != self._paf.height or self._heat.width != self._paf.width:
            raise ValueError(
                f"heatmaps are {self._heat.height} x {self._heat.width} cells, "
                f"but pafs {self._paf.height} x {self._paf.width}"
            )
        if self._heat.dtype != self._paf.dtype:
            raise ValueError(f"heatmaps are {heatmaps.dtype}, but pafs {pafs.dtype}; both must be of one kind")
        cdef int cells = self._heat.height * self._heat.width
        if self._stamps.shape[0] < cells:
            self._stamps = np.zeros(cells, np.int32)
            self._walk.generation = 0
        if self._walk.generation > 1 << 30:
            self._stamps[:] = 0
            self._walk.generation = 0
        self._walk.stamps = &self._stamps[0]
        if self._found.shape[0] < self._heat.width * self._channel_span:
            self._found = np.zeros(self._heat.width * self._channel_span, np.int32)
        cdef Py_ssize_t lowest = ep_lowest_row_bytes(&self._heat)
        if self._lowest.shape[0] < lowest:
            self._lowest = np.zeros(lowest, np.int8)
        if lowest:
            ep_fill_lowest(&self._heat, &self._lowest[0], lowest)
        return 0

    # ---- the frame

    cdef int _associate(self) noexcept nogil:
        """Fill _keypoints, _scores and _capped; return how many people there are."""
        cdef int limb, k
        self._capped = 0
        self._slots = 0
        for k in range(self._keypoint_count):
            self._count[k] = 0
        self._find_peaks()
        for limb in range(self._limb_count):
            self._match(limb, self._score_limb(limb))
        return self._write_people()

    # ---- peaks

    cdef void _find_peaks(self) noexcept nogil:
        cdef ep_map *heat = &self._heat
        cdef double least = self._min_keypoint / heat.scale
        cdef float threshold
        cdef int32_t y, i, n, pitch = 1
        if heat.dtype == EP_FLOAT32:
            threshold = <float> (heat.zero_point + least)
        else:
            threshold = <float> (heat.zero_point + max(1, <int> min(512.0, math_ceil(least - 1e-6))))
            if threshold > (127 if heat.dtype == EP_INT8 else 255):
                return
        cdef double level_one = (EP_FLOAT_ONE if heat.dtype == EP_FLOAT32 else 1) / <double> heat.scale
        self._enough = LOGS[<int> min(<double> EP_LEVEL_MAX, ENOUGH * level_one)]
        cdef const char *lowest = &self._lowest[0] if self._lowest.shape[0] else NULL
        for y in range(heat.height):
            n = ep_scan_row(heat, self._path, lowest, y, self._first_channel, self._channel_span, threshold,
                            &self._found[0], &pitch)
            for i in range(n):
                self._add_peak(y, self._found[i] // pitch, self._found[i] % pitch)

    cdef void _add_peak(self, int32_t y, int32_t x, int32_t channel) noexcept nogil:
        """Keep the candidate unless its plateau is no peak, or the keypoint has enough better ones."""
        cdef int32_t k = self._keypoint_of_channel[channel]
        cdef ep_peak peak
        if k < 0:
            return
        cdef int32_t i = self._count[k]
        channel += self._first_channel
        if i == EP_PEAKS_MAX and self._capped and not ep_raw(&self._heat, y, x, channel) > self._raw[k, self._weakest[k]]:
            return   # soon, so that garbage is done with soon; but a frame is only capped where a real peak was refused
        if not ep_place_peak(&self._heat, &LOGS[0], y, x, channel, &self._walk, &peak):
            return
        if i == EP_PEAKS_MAX:
            self._capped = 1
            if not peak.raw > self._raw[k, self._weakest[k]]:
                return
            self._drop_weakest(k)
            i -= 1
        self._count[k] = i + 1
        self._x[k, i], self._y[k, i], self._raw[k, i] = peak.x, peak.y, peak.raw
        self._confidence[k, i] = min(<float> 1, (peak.raw - <float> self._heat.zero_point) * self._heat.scale)
        self._strength[k, i] = <float> min(peak.log_height, self._enough) / <float> EP_LOG_ONE
        self._owner[k, i] = -1
        if i == EP_PEAKS_MAX - 1:
            self._find_weakest(k)

    cdef void _find_weakest(self, int32_t k) noexcept nogil:
        """Note the weakest peak of a full keypoint; of equal ones the latest."""
        cdef int32_t weakest = 0, i
        for i in range(1, EP_PEAKS_MAX):
            if self._raw[k, i] <= self._raw[k, weakest]:
                weakest = i
        self._weakest[k] = weakest

    cdef void _drop_weakest(self, int32_t k) noexcept nogil:
        cdef int32_t i
        for i in range(self._weakest[k], EP_PEAKS_MAX - 1):
            self._x[k, i], self._y[k, i], self._raw[k, i] = self._x[k, i + 1], self._y[k, i + 1], self._raw[k, i + 1]
            self._confidence[k, i], self._strength[k, i] = self._confidence[k, i + 1], self._strength[k, i + 1]

    # ---- limbs

    cdef int _score_limb(self, int limb) noexcept nogil:
        """Fill _keys with the pairs that the limb may join; return how many there are."""
        cdef int32_t a = self._limbs[limb, 0], b = self._limbs[limb, 1]
        cdef ep_limb view
        if not self._count[a] or not self._count[b]:
            return 0
        view.field = &self._paf
        view.x_bytes = self._limbs[limb, 2] * self._paf.channel_bytes
        view.y_bytes = self._limbs[limb, 3] * self._paf.channel_bytes
        view.ax, view.ay, view.a_strength = &self._x[a, 0], &self._y[a, 0], &self._strength[a, 0]
        view.bx, view.by, view.b_strength = &self._x[b, 0], &self._y[b, 0], &self._strength[b, 0]
        view.a_count, view.b_count = self._count[a], self._count[b]
        view.min_passed = MIN_PASSED
        view.min_sample = <float> (self._min_limb / self._paf.scale)
        view.mean_scale = self._paf.scale / <float> EP_SAMPLES
        view.peak_weight = PEAK_WEIGHT
        view.field_limit = FIELD_LIMIT / self._paf.scale
        return ep_score_limb(&view, self._path, &self._keys[0], PAIRS_MAX, &self._capped)

    cdef void _match(self, int limb, int32_t n) noexcept nogil:
        """Join pairs, best first, each peak once.

        A pair that is the best of both its peaks is one that greedy matching takes, so whole rounds of such pairs are
        taken at once and nothing need be sorted.
        """
        cdef int32_t a = self._limbs[limb, 0], b = self._limbs[limb, 1], i, j, p, kept
        cdef uint64_t key
        if not n:
            return
        for i in range(self._count[a]):
            self._best_a[i] = 0
        for j in range(self._count[b]):
            self._best_b[j] = 0
        while n:
            for p in range(n):
                key = self._keys[p]
                i, j = ep_key_a(key), ep_key_b(key)
                self._best_a[i], self._best_b[j] = max(self._best_a[i], key), max(self._best_b[j], key)
            kept = 0
            for p in range(n):
                key = self._keys[p]
                i, j = ep_key_a(key), ep_key_b(key)
                if self._best_a[i] == key and self._best_b[j] == key:
                    self._join(a, i, b, j, self._limbs[limb, 4])
                    self._best_a[i] = self._best_b[j] = USED
                else:
                    self._keys[kept] = key
                    kept += 1
            n = self._forget_used(kept)

    cdef int32_t _forget_used(self, int32_t n) noexcept nogil:
        """Keep the pairs whose peaks are both free, and forget the best pairs of those; return how many are kept."""
        cdef uint64_t key
        cdef int32_t p, kept = 0
        for p in range(n):
            key = self._keys[p]
            if self._best_a[ep_key_a(key)] != USED and self._best_b[ep_key_b(key)] != USED:
                self._keys[kept] = key
                kept += 1
        for p in range(kept):
            self._best_a[ep_key_a(self._keys[p])] = self._best_b[ep_key_b(self._keys[p])] = 0
        return kept

    # ---- people

    cdef void _join(self, int32_t a, int32_t i, int32_t b, int32_t j, bint starts) noexcept nogil:
        """Let a limb start a person, extend one or merge two; a person keeps the keypoint it has."""
        cdef int32_t first = self._owner[a, i], second = self._owner[b, j], k
        if first < 0 and second < 0:
            if starts:
                for k in range(self._keypoint_count):
                    self._parts[self._slots, k] = -1
                self._alive[self._slots] = 1
                self._give(self._slots, a, i)
                self._give(self._slots, b, j)
                self._slots += 1
        elif second < 0:
            if self._parts[first, b] < 0:
                self._give(first, b, j)
        elif first < 0:
            if self._parts[second, a] < 0:
                self._give(second, a, i)
        elif first != second:
            self._merge(first, second)

    cdef void _give(self, int32_t person, int32_t k, int32_t i) noexcept nogil:
        self._parts[person, k] = i
        self._owner[k, i] = person

    cdef void _merge(self, int32_t into, int32_t other) noexcept nogil:
        """Two halves become one person where they have no keypoint in common."""
        cdef int32_t k
        for k in range(self._keypoint_count):
            if self._parts[into, k] >= 0 and self._parts[other, k] >= 0:
                return
        for k in range(self._keypoint_count):
            if self._parts[other, k] >= 0:
                self._give(into, k, self._parts[other, k])
        self._alive[other] = 0

    cdef int _write_people(self) noexcept nogil:
        """Fill the output with the best people, best first; of equal ones, the one with the earliest peak."""
        cdef int32_t person, place, k, i, n = 0
        for person in range(self._slots):
            if not self._alive[person] or not self._rate(person):
                continue
            place = n
            while place and self._is_better(person, self._order[place - 1]):
                place -= 1
            if n == self._max_people:
                self._capped = 1
                if place == n:
                    continue
                n -= 1
            for i in range(n, place, -1):
                self._order[i] = self._order[i - 1]
            self._order[place] = person
            n += 1
        for place in range(n):
            person = self._order[place]
            self._scores[place] = self._slot_score[person]
            for k in range(self._keypoint_count):
                i = self._parts[person, k]
                self._keypoints[place, k, 0] = <float> self._x[k, i] / EP_CELL if i >= 0 else 0
                self._keypoints[place, k, 1] = <float> self._y[k, i] / EP_CELL if i >= 0 else 0
                self._keypoints[place, k, 2] = self._confidence[k, i] if i >= 0 else 0
        return n

    cdef bint _rate(self, int32_t person) noexcept nogil:
        """Whether the person has sure keypoints enough; fills _slot_score and _slot_first."""
        cdef float least = <float> self._min_keypoint + SURE, confidence, total = 0
        cdef int32_t k, i, sure = 0
        for k in range(self._keypoint_count - 1, -1, -1):
            i = self._parts[person, k]
            if i >= 0:
                confidence = self._confidence[k, i]
                sure += confidence >= least
                total += confidence * confidence
                self._slot_first[person] = k * EP_PEAKS_MAX + i
        self._slot_score[person] = sqrtf(total / <float> self._keypoint_count)
        return sure >= MIN_SURE

    cdef bint _is_better(self, int32_t person, int32_t other) noexcept nogil:
        if self._slot_score[person] != self._slot_score[other]:
            return self._slot_score[person] > self._slot_score[other]
        return self._slot_first[person] < self._slot_first[other]


cdef extern from "<math.h>" nogil:
    double math_ceil "ceil"(double) noexcept
    float sqrtf(float) noexcept
