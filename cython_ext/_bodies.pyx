"""What the tracker does with every keypoint of everybody in a frame; what is remembered and why: edgepose/known.py.

tests/reference_bodies.py is the same, written to be read rather than to be fast.
"""

import numpy as np

cimport cython
from libc.math cimport INFINITY, NAN, exp, fabs, isnan, sqrt
from libc.stdint cimport int32_t

cdef enum:
    KEYPOINTS_MAX = 64
    COLUMNS = 7     # of what is remembered of a keypoint
    FACTS = 4       # of what is remembered of a person

cdef enum:          # the columns: where it was last, moved along while hidden; when it was seen; smoothed; its speed
    X, Y, AT_S, SMOOTH_X, SMOOTH_Y, SPEED_X, SPEED_Y

cdef enum:          # the facts
    SEEN_S, STATURE_PX, VELOCITY_X, VELOCITY_Y

cdef enum:          # levels of the body, as in edgepose.anthropometry.groups
    SHOULDERS = 1
    HIPS = 2
    KNEES = 3

cdef double PI = 3.141592653589793
cdef double COAST_S = 0.35      # a person out of sight is expected to slow down within this time
cdef double REMEMBER_S = 1.5    # a keypoint counts for recognising its person so long after it was seen
cdef double UPRIGHT_S = 0.5     # the stature follows that of an upright person soon,
cdef double GROW_S = 2.0        # else slowly,
cdef double SHRINK_S = 10.0     # since bones of somebody lying are foreshortened
cdef double SPEED_S = 0.15      # over which the speed of a body is averaged
cdef double MARGIN = 0.06       # of the stature: what lies so far outside the box around somebody's keypoints is on them
cdef double DRIFT = 0.03        # statures: how far keypoints may lie from where they are expected: at once,
cdef double STEADY_PER_S = 0.2  # with each second unseen, in steady motion
cdef double FALL_PER_S = 1.0    # and in a fall,
cdef double DRIFT_MOST = 0.7    # and at most
cdef double WIDTH = 0.8         # of COCO's constants, which are twice as wide as a keypoint is sure
cdef double PLACE = 0.1         # statures: how far the middle of what is seen may move at once
cdef double PLACE_WORTH = 0.5   # of a body at the expected place, beside one whose keypoints are there
cdef double FEW = 4.0           # keypoints in common under which a likeness is worth less
cdef double BODY_KEYPOINTS = 8.0    # of which a body at the expected place is worth all that it can be
cdef double SHORTEST_S = 1e-3

LIMITS = {"coast": COAST_S, "remember": REMEMBER_S, "margin": MARGIN, "keypoints": KEYPOINTS_MAX}


@cython.final
cdef class Bodies:
    """Compares and advances what is remembered of people. Keeps no state: the caller does, in arrays.

    memory: (N, K, 7) float64, of each keypoint x, y, when it was seen last, smoothed x, y and its speed; facts: (N, 4)
    float64, of each person when they were seen last, their stature and the velocity of the body. Pixels and seconds.
    """

    cdef Py_ssize_t _count
    cdef const int32_t[:, ::1] _bones
    cdef const double[::1] _shares
    cdef const int32_t[::1] _levels
    cdef const double[::1] _sigmas
    cdef bint _smooths
    cdef double _min_cutoff_hz, _beta_hz, _speed_cutoff_hz, _forget_s

    def __init__(self, const int32_t[:, ::1] bones, const double[::1] shares, const int32_t[::1] levels,
                 const double[::1] sigmas, smoothing):
        """bones (B, 2): both ends of each, whose shares (B,) of the stature are known; levels, sigmas (K,): 1 where a
        keypoint is of the shoulders, 2 hips, 3 knees, and COCO's constants. smoothing: a OneEuroSettings, or None.
        """
        cdef Py_ssize_t bone
        self._count = sigmas.shape[0]
        if not 1 <= self._count <= KEYPOINTS_MAX or levels.shape[0] != self._count:
            raise ValueError(f"bodies have 1 to {KEYPOINTS_MAX} keypoints, each with a level and a sigma")
        if bones.shape[1] != 2 or shares.shape[0] != bones.shape[0]:
            raise ValueError("each bone has two ends and a share")
        for bone in range(bones.shape[0]):
            if not (0 <= bones[bone, 0] < self._count and 0 <= bones[bone, 1] < self._count):
                raise ValueError(f"bone {bone} ends at a keypoint that there is none of")
        self._bones, self._shares, self._levels, self._sigmas = bones, shares, levels, sigmas
        self._smooths = smoothing is not None
        if self._smooths:
            self._min_cutoff_hz, self._beta_hz = smoothing.min_cutoff_hz, smoothing.beta_hz
            self._speed_cutoff_hz, self._forget_s = smoothing.speed_cutoff_hz, smoothing.forget_s

    def alike(self, const double[:, :, ::1] memory, const double[:, ::1] facts, const float[:, :, ::1] found,
              double t_s):
        """(N, P) float64, 0 to 1: how well (P, K, 3) float32 found bodies fit the people that are remembered.

        The better of keypoints alike and, at a discount, bodies at the expected place. Keypoints count half where they
        lie as near as steady motion brings them, half where a fall could.
        """
        cdef Py_ssize_t person, body
        self._check(memory, facts, found)
        table = np.empty((memory.shape[0], found.shape[0]))
        cdef double[:, ::1] out = table
        with nogil:
            for person in range(memory.shape[0]):
                for body in range(found.shape[0]):
                    out[person, body] = self._likeness(memory, facts, found, person, body, t_s)
        return table

    def advance(self, double[:, :, ::1] memory, double[:, ::1] facts, const float[:, :, ::1] found, double t_s):
        """Take (N, K, 3) float32 keypoints, one body for each person, into memory and facts.

        Gives what is to be told of them, (N, K, 3) float32, and the boxes around what was seen of late, (N, 4) float64:
        left, top, right, bottom.
        """
        cdef Py_ssize_t person
        self._check(memory, facts, found)
        if found.shape[0] != memory.shape[0]:
            raise ValueError(f"{memory.shape[0]} people can't take {found.shape[0]} bodies")
        told_of, boxes_of = np.array(found), np.empty((memory.shape[0], 4))
        cdef float[:, :, ::1] told = told_of
        cdef double[:, ::1] boxes = boxes_of
        with nogil:
            for person in range(memory.shape[0]):
                self._follow(memory, facts, found, person, t_s)
                self._grow(facts, found, person, t_s)
                self._take(memory, facts, found, told, person, t_s)
                self._surround(memory, facts, boxes, person, t_s)
                facts[person, SEEN_S] = t_s
        return told_of, boxes_of

    cdef int _check(self, const double[:, :, ::1] memory, const double[:, ::1] facts, const float[:, :, ::1] found
                    ) except -1:
        if memory.shape[1] != self._count or memory.shape[2] != COLUMNS:
            raise ValueError(f"memory must be (N, {self._count}, {COLUMNS})")
        if facts.shape[0] != memory.shape[0] or facts.shape[1] != FACTS:
            raise ValueError(f"facts must be ({memory.shape[0]}, {FACTS})")
        if found.shape[1] != self._count or found.shape[2] != 3:
            raise ValueError(f"keypoints must be (P, {self._count}, 3)")
        return 0

    cdef double _likeness(self, const double[:, :, ::1] memory, const double[:, ::1] facts,
                          const float[:, :, ::1] found, Py_ssize_t person, Py_ssize_t body, double t_s
                          ) noexcept nogil:
        cdef double seen_s = facts[person, SEEN_S]
        cdef double unseen_s = t_s - seen_s
        cdef double coasted_s = COAST_S * (1 - exp(-unseen_s / COAST_S))
        cdef double ahead_x = facts[person, VELOCITY_X] * coasted_s
        cdef double ahead_y = facts[person, VELOCITY_Y] * coasted_s
        cdef double stature = facts[person, STATURE_PX]
        cdef double steady = min(DRIFT + STEADY_PER_S * unseen_s, DRIFT_MOST)
        cdef double sudden = min(DRIFT + FALL_PER_S * unseen_s, DRIFT_MOST)
        cdef double total = 0, common = 0, known_count = 0, found_count = 0
        cdef double known_x = 0, known_y = 0, found_x = 0, found_y = 0
        cdef double x, y, width, gap, spread, near
        cdef bint fresh, there
        cdef Py_ssize_t k
        for k in range(self._count):
            x, y = memory[person, k, X] + ahead_x, memory[person, k, Y] + ahead_y
            fresh = memory[person, k, AT_S] >= seen_s - REMEMBER_S
            there = found[body, k, 2] > 0
            if fresh:
                known_x, known_y, known_count = known_x + x, known_y + y, known_count + 1
            if there:
                found_x, found_y = found_x + found[body, k, 0], found_y + found[body, k, 1]
                found_count += 1
            if fresh and there:
                width = WIDTH * self._sigmas[k]
                gap = (x - found[body, k, 0]) ** 2 + (y - found[body, k, 1]) ** 2
                gap /= -2 * stature * stature
                total += exp(gap / (width * width + steady * steady)) + exp(gap / (width * width + sudden * sudden))
                common += 1
        total *= 0.5 * min(common, FEW) / FEW / max(common, 1.0)
        spread = stature * (PLACE + sudden)
        x = known_x / max(known_count, 1.0) - found_x / max(found_count, 1.0)
        y = known_y / max(known_count, 1.0) - found_y / max(found_count, 1.0)
        near = exp(-(x * x + y * y) / (2 * spread * spread))
        return max(total, PLACE_WORTH * near * min(found_count / BODY_KEYPOINTS, 1.0))

    cdef void _follow(self, double[:, :, ::1] memory, double[:, ::1] facts, const float[:, :, ::1] found,
                      Py_ssize_t person, double t_s) noexcept nogil:
        """The velocity of the body: the median of keypoints that were seen in both frames, averaged over a moment."""
        cdef double x_steps[KEYPOINTS_MAX]
        cdef double y_steps[KEYPOINTS_MAX]
        cdef double elapsed_s = max(t_s - facts[person, SEEN_S], SHORTEST_S)
        cdef double share
        cdef Py_ssize_t k, count = 0
        for k in range(self._count):
            if found[person, k, 2] > 0 and memory[person, k, AT_S] >= facts[person, SEEN_S]:
                _insert(x_steps, count, found[person, k, 0] - memory[person, k, X])
                _insert(y_steps, count, found[person, k, 1] - memory[person, k, Y])
                count += 1
        if count:
            share = 1 - exp(-elapsed_s / SPEED_S)
            facts[person, VELOCITY_X] += share * (x_steps[count // 2] / elapsed_s - facts[person, VELOCITY_X])
            facts[person, VELOCITY_Y] += share * (y_steps[count // 2] / elapsed_s - facts[person, VELOCITY_Y])
        else:
            share = exp(-elapsed_s / COAST_S)
            facts[person, VELOCITY_X] *= share
            facts[person, VELOCITY_Y] *= share

    cdef void _grow(self, double[:, ::1] facts, const float[:, :, ::1] found, Py_ssize_t person, double t_s
                    ) noexcept nogil:
        """The stature, drawn towards what the bones say now."""
        cdef double before = facts[person, STATURE_PX]
        cdef double said = self._stature(found, person)
        cdef double elapsed_s = max(t_s - facts[person, SEEN_S], SHORTEST_S)
        cdef double follow_s
        if isnan(said):
            return
        follow_s = UPRIGHT_S if self._upright(found, person) else GROW_S if said > before else SHRINK_S
        facts[person, STATURE_PX] += (1 - exp(-elapsed_s / follow_s)) * (said - before)

    cdef double _stature(self, const float[:, :, ::1] found, Py_ssize_t person) noexcept nogil:
        """The second largest of what the bones say, as edgepose.anthropometry.stature; not-a-number for fewer."""
        cdef double most = -1, second = -1, said, x, y
        cdef Py_ssize_t bone
        cdef int32_t a, b
        for bone in range(self._bones.shape[0]):
            a, b = self._bones[bone, 0], self._bones[bone, 1]
            if found[person, a, 2] > 0 and found[person, b, 2] > 0:
                x, y = found[person, a, 0] - found[person, b, 0], found[person, a, 1] - found[person, b, 1]
                said = sqrt(x * x + y * y) / self._shares[bone]
                if said > most:
                    most, second = said, most
                elif said > second:
                    second = said
        return NAN if second < 0 else second

    cdef bint _upright(self, const float[:, :, ::1] found, Py_ssize_t person) noexcept nogil:
        """Whether torso and thighs are seen, and hang straight down: bones then have their full length."""
        cdef double x[KNEES + 1]
        cdef double y[KNEES + 1]
        cdef double count[KNEES + 1]
        cdef Py_ssize_t k
        cdef int32_t level
        for level in range(KNEES + 1):
            x[level] = y[level] = count[level] = 0
        for k in range(self._count):
            level = self._levels[k]
            if SHOULDERS <= level <= KNEES and found[person, k, 2] > 0:
                x[level] += found[person, k, 0]
                y[level] += found[person, k, 1]
                count[level] += 1
        for level in range(SHOULDERS, KNEES + 1):
            if count[level] == 0:
                return False
            x[level] /= count[level]
            y[level] /= count[level]
        for level in range(SHOULDERS, KNEES):
            if not y[level + 1] - y[level] > 2 * fabs(x[level + 1] - x[level]):
                return False
        return True

    cdef void _take(self, double[:, :, ::1] memory, const double[:, ::1] facts, const float[:, :, ::1] found,
                    float[:, :, ::1] told, Py_ssize_t person, double t_s) noexcept nogil:
        """Remember keypoints that are seen, and smooth them; what is hidden moves with the rest."""
        cdef double coasted_s = min(max(t_s - facts[person, SEEN_S], SHORTEST_S), COAST_S)
        cdef double* one
        cdef Py_ssize_t k
        for k in range(self._count):
            one = &memory[person, k, 0]
            if found[person, k, 2] > 0:
                if self._smooths:
                    self._smooth(one, found[person, k, 0], found[person, k, 1], t_s, facts[person, STATURE_PX])
                    told[person, k, 0], told[person, k, 1] = <float>one[SMOOTH_X], <float>one[SMOOTH_Y]
                one[X], one[Y], one[AT_S] = found[person, k, 0], found[person, k, 1], t_s
            else:
                one[X] += facts[person, VELOCITY_X] * coasted_s
                one[Y] += facts[person, VELOCITY_Y] * coasted_s
                if self._smooths:
                    told[person, k, 0] = told[person, k, 1] = 0

    cdef void _smooth(self, double* one, double x, double y, double t_s, double stature) noexcept nogil:
        """One step of the one-euro filter of one keypoint; afresh where it was unseen for long."""
        cdef double elapsed_s = t_s - one[AT_S]
        cdef double share, speed
        if not elapsed_s <= self._forget_s:
            one[SMOOTH_X], one[SMOOTH_Y], one[SPEED_X], one[SPEED_Y] = x, y, 0, 0
            return
        elapsed_s = max(elapsed_s, SHORTEST_S)
        x -= one[SMOOTH_X]
        y -= one[SMOOTH_Y]
        share = _weight(self._speed_cutoff_hz, elapsed_s)
        one[SPEED_X] += share * (x / elapsed_s - one[SPEED_X])
        one[SPEED_Y] += share * (y / elapsed_s - one[SPEED_Y])
        speed = sqrt(one[SPEED_X] * one[SPEED_X] + one[SPEED_Y] * one[SPEED_Y]) / max(stature, 1.0)
        share = _weight(self._min_cutoff_hz + self._beta_hz * speed, elapsed_s)
        one[SMOOTH_X] += share * x
        one[SMOOTH_Y] += share * y

    cdef void _surround(self, const double[:, :, ::1] memory, const double[:, ::1] facts, double[:, ::1] boxes,
                        Py_ssize_t person, double t_s) noexcept nogil:
        """The box around the keypoints seen of late, a little larger."""
        cdef double left = INFINITY, top = INFINITY, right = -INFINITY, bottom = -INFINITY
        cdef double margin = MARGIN * facts[person, STATURE_PX]
        cdef Py_ssize_t k
        for k in range(self._count):
            if memory[person, k, AT_S] >= t_s - REMEMBER_S:
                left, right = min(left, memory[person, k, X]), max(right, memory[person, k, X])
                top, bottom = min(top, memory[person, k, Y]), max(bottom, memory[person, k, Y])
        boxes[person, 0], boxes[person, 1] = left - margin, top - margin
        boxes[person, 2], boxes[person, 3] = right + margin, bottom + margin


cdef inline double _weight(double cutoff_hz, double elapsed_s) noexcept nogil:
    """Weight of the newest value in a first-order low-pass."""
    cdef double turned = 2 * PI * cutoff_hz * elapsed_s
    return turned / (1 + turned)


cdef inline void _insert(double* ascending, Py_ssize_t count, double value) noexcept nogil:
    """Put a value where it belongs among `count` that are in order."""
    cdef Py_ssize_t place = count
    while place > 0 and ascending[place - 1] > value:
        ascending[place] = ascending[place - 1]
        place -= 1
    ascending[place] = value
