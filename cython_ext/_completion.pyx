"""Missing keypoints out of the regression that stands at people's centres; what is done and why: edgepose/completion.py.

tests/reference_completion.py is the same, written to be read rather than to be fast.
"""

import numpy as np

cimport cython
from libc.math cimport exp, log, pow, rint, sqrt
from libc.stdint cimport int8_t, int32_t, uint8_t
from maps cimport EP_FLOAT32, EP_INT8, EP_UINT8, ep_map, ep_raw

cdef enum:
    CENTRES_MAX = 40    # the warmest are looked at
    REACH = 6           # cells around the regressed place in which the heat map is searched
    ROOM = 2            # cells around a centre in which it is the warmest
    SPOT = 2            # cells around the top of a broad spot of heat that tell its middle
    CLIMB = 2           # cells that a keypoint may lie beside such a top

cdef enum:
    LOOSE, OWNER, ABSORBED

cdef double MIN_CENTRE = 0.05   # heat of a centre that is looked at
cdef double SPREAD = 0.1        # of a person's extent: how far regression and keypoint may be apart, a standard deviation
cdef double EXTENT_LEAST = 4.0  # cells
cdef double AGREE = 0.1         # mean agreement from which a centre may belong to a person
cdef double ABSORB = 0.3        # agreement from which a piece of a body belongs to the person of a centre
cdef double NEAR = 1.8          # cells: heat counts in parts of its distance from the regressed place and this
cdef double COLD = 1e-3         # heat that any place has, so that without any other the regressed place is the best
cdef double LOG_FLOOR = 1e-3    # heat below which logarithms tell nothing
cdef double BEND_LEAST = 1e-6   # of a parabola that has a top
cdef double GUESS_LEAST = 0.01  # confidence of a completed keypoint
cdef double GUESS_LIMIT = 0.09
cdef double ASTRAY = 0.15       # of a person's extent: a keypoint further from its regressed place is doubted
cdef double AS_WARM = 0.5       # of a doubted keypoint's heat: what a place nearer by must have to be believed instead
cdef double UNSURE = 1.0        # what a person without a centre is worth, beside one whose centre is certain
cdef double COARSE = 4.0        # cells: extent of a person whose keypoints the grid halves the worth of
cdef double UNSEEN = 0.4        # exponent: how little keypoints out of view say against a person
cdef double BROAD = 28.0        # cells: extent of a person from which spots of heat are broader than what a fit looks at
cdef double LUKEWARM = 0.05     # heat of a top that has a middle
cdef double FAR = 1e6           # cells: no offset leads further

LIMITS = {
    "centres": CENTRES_MAX, "reach": REACH, "room": ROOM, "min_centre": MIN_CENTRE, "spread": SPREAD,
    "extent_least": EXTENT_LEAST, "agree": AGREE, "absorb": ABSORB, "near": NEAR, "cold": COLD, "log_floor": LOG_FLOOR,
    "bend_least": BEND_LEAST, "guess_least": GUESS_LEAST, "guess_limit": GUESS_LIMIT, "astray": ASTRAY,
    "as_warm": AS_WARM, "unsure": UNSURE, "coarse": COARSE, "unseen": UNSEEN,
    "far": FAR, "spot": SPOT, "climb": CLIMB, "broad": BROAD, "lukewarm": LUKEWARM,
}


include "boundary.pxi"


@cython.final
cdef class Completer:
    """Fills in missing keypoints of people. Owns its workspace: calls from several threads wait for each other."""

    cdef int _keypoint_count, _told_count, _centre_channel, _heat_depth, _offset_depth
    cdef int _middle, _one, _other
    """A keypoint that lies half-way between two others, or -1."""
    cdef int32_t[:, ::1] _told
    """(T, 4): keypoint, its heat-map channel, x and y channel of its offset."""
    # Of the frame's centres, warmest first: cell, heat, where they believe the keypoints to be, and whose they are.
    cdef int _centre_count
    cdef int32_t[::1] _row, _column, _person
    cdef float[::1] _heat_of
    cdef double[:, :, ::1] _places
    cdef double[::1] _extent
    cdef double[:, ::1] _agreement
    """(P, CENTRES_MAX)."""
    cdef int32_t[::1] _state
    """(P,) of people: LOOSE, OWNER (of a centre) or ABSORBED."""
    cdef int32_t _best_row, _best_column
    """What _search found."""
    cdef ep_map _heat, _offsets
    cdef cython.pymutex _busy

    def __cinit__(self, channels):
        """Of an edgepose.completion.CentreChannels. Raises ValueError where it names no regression, or odd channels."""
        told = [
            (keypoint, heat, *pair)
            for keypoint, (heat, pair) in enumerate(zip(channels.heats, channels.offsets, strict=True))
            if pair is not None
        ]
        if not told:
            raise ValueError("people are completed from a regression of at least one keypoint; there is none")
        self._keypoint_count, self._told_count = len(channels.offsets), len(told)
        highest = max(channels.centre, *(channel for row in told for channel in row[1:]))
        if min(channels.centre, *(channel for row in told for channel in row[1:])) < 0 or highest >= CHANNELS_MAX:
            raise ValueError(f"channels of centres and offsets count from 0 to {CHANNELS_MAX - 1}")
        self._told = np.array(told, np.int32)
        self._centre_channel = channels.centre
        self._heat_depth = max(channels.centre, *(row[1] for row in told), 0) + 1
        self._offset_depth = max(max(row[2:]) for row in told) + 1
        self._middle, self._one, self._other = channels.between or (-1, -1, -1)
        if not all(-1 <= end < self._keypoint_count for end in (self._middle, self._one, self._other)):
            raise ValueError("the keypoint in the middle of two others and those two are keypoints of the layout")
        self._row, self._column, self._person = (np.zeros(CENTRES_MAX, np.int32) for _ in range(3))
        self._heat_of = np.zeros(CENTRES_MAX, np.float32)
        self._extent = np.zeros(CENTRES_MAX)
        self._places = np.zeros((CENTRES_MAX, len(told), 2))
        self._agreement = np.zeros((0, CENTRES_MAX))
        self._state = np.zeros(0, np.int32)

    def __call__(self, keypoints, scores, maps):
        """(P, K, 3) keypoints in cells and (P,) scores, both completed; what came in stays as it is.

        A person who turns out to be a piece of another is no longer among them.

        Scores come as the association gives them, roots of the mean confidence of all keypoints, and tell people apart
        by how exact they are: whom limbs and centre agree on is surer, whoever is of few cells is placed coarsely, and
        a keypoint that is out of view says less against a person than one that is seen faintly. Raises ValueError
        where the arrays do not fit.
        """
        if maps.offsets is None or not len(keypoints):
            return keypoints, scores
        completed, worth = np.array(keypoints, np.float32, order="C"), np.array(scores, np.float32, order="C")
        if completed.ndim != 3 or completed.shape[1:] != (self._keypoint_count, 3) or worth.shape != completed.shape[:1]:
            raise ValueError(
                f"keypoints must be (P, {self._keypoint_count}, 3) and scores (P,), "
                f"not {completed.shape} and {worth.shape}"
            )
        cdef float[:, :, ::1] people = completed
        cdef float[::1] rated = worth
        with self._busy:
            _fill_map(&self._heat, maps.heatmaps, (maps.heat_quant.scale, maps.heat_quant.zero_point),
                      self._heat_depth, "heatmaps")
            _fill_map(&self._offsets, maps.offsets, (maps.offset_quant.scale, maps.offset_quant.zero_point),
                      self._offset_depth, "offsets")
            if self._heat.height != self._offsets.height or self._heat.width != self._offsets.width:
                raise ValueError(
                    f"heatmaps are {self._heat.height} x {self._heat.width} cells, "
                    f"but offsets {self._offsets.height} x {self._offsets.width}"
                )
            if self._agreement.shape[0] < people.shape[0]:
                self._agreement = np.zeros((people.shape[0], CENTRES_MAX))
                self._state = np.zeros(people.shape[0], np.int32)
            with nogil:
                self._complete(people, rated)
            whole = np.asarray(self._state[:people.shape[0]]) != ABSORBED
        return (completed, worth) if whole.all() else (completed[whole], worth[whole])

    cdef void _complete(self, float[:, :, ::1] people, float[::1] scores) noexcept nogil:
        cdef Py_ssize_t p, c
        cdef int person
        cdef double extent
        self._find_centres()
        for c in range(self._centre_count):
            self._believe(c)
        for p in range(people.shape[0]):
            for c in range(self._centre_count):
                self._agreement[p, c] = self._agree(people, p, c)
        self._match(people.shape[0])
        self._absorb(people, scores)
        for p in range(people.shape[0]):
            scores[p] *= <float> self._of_found(people, p)
            scores[p] *= <float> (UNSURE / (1 + UNSURE))
        for c in range(self._centre_count):
            person = self._person[c]
            if person >= 0:
                scores[person] *= <float> ((UNSURE + self._heat_of[c]) / UNSURE)
                self._fill(people, person, c)
        for p in range(people.shape[0]):
            extent = self._extent_of(people, p)
            scores[p] *= <float> (extent / (extent + COARSE))
            if extent > BROAD:
                self._steady(people, p)

    # ---- worth

    cdef double _of_found(self, float[:, :, ::1] people, Py_ssize_t p) noexcept nogil:
        """What the root of a mean over all keypoints is multiplied by, since those that are not found say less."""
        cdef Py_ssize_t k
        cdef int found = 0
        for k in range(self._keypoint_count):
            found += people[p, k, 2] > 0
        return pow(self._keypoint_count / <double> max(found, 1), UNSEEN)

    cdef double _extent_of(self, float[:, :, ::1] people, Py_ssize_t p) noexcept nogil:
        """The longer side of the box around what is known of a person, in cells."""
        cdef double left = FAR, right = -FAR, top = FAR, bottom = -FAR
        cdef Py_ssize_t k
        for k in range(self._keypoint_count):
            if people[p, k, 2] > 0:
                left, right = min(left, people[p, k, 0]), max(right, people[p, k, 0])
                top, bottom = min(top, people[p, k, 1]), max(bottom, people[p, k, 1])
        return max(0, max(right - left, bottom - top))

    # ---- centres

    cdef void _find_centres(self) noexcept nogil:
        """The warmest cells of the centres' map, each the warmest around; of equal ones the first in reading order."""
        cdef double least = MIN_CENTRE / self._heat.scale + self._heat.zero_point
        cdef float value
        cdef int32_t y, x
        self._centre_count = 0
        for y in range(self._heat.height):
            for x in range(self._heat.width):
                value = ep_raw(&self._heat, y, x, self._centre_channel)
                if value > least and self._is_top(y, x, value):
                    self._keep_centre(y, x, value)

    cdef bint _is_top(self, int32_t y, int32_t x, float value) noexcept nogil:
        cdef int32_t ny, nx
        for ny in range(max(0, y - ROOM), min(self._heat.height, y + ROOM + 1)):
            for nx in range(max(0, x - ROOM), min(self._heat.width, x + ROOM + 1)):
                if not value >= ep_raw(&self._heat, ny, nx, self._centre_channel):
                    return False
        return True

    cdef void _keep_centre(self, int32_t y, int32_t x, float value) noexcept nogil:
        """Put it in its place by heat; the coldest goes where there are too many."""
        cdef float heat = min(<float> 1, (value - <float> self._heat.zero_point) * self._heat.scale)
        cdef int at = self._centre_count
        if at == CENTRES_MAX:
            at -= 1
            if not heat > self._heat_of[at]:
                return
        else:
            self._centre_count += 1
        while at > 0 and heat > self._heat_of[at - 1]:
            self._row[at], self._column[at] = self._row[at - 1], self._column[at - 1]
            self._heat_of[at] = self._heat_of[at - 1]
            at -= 1
        self._row[at], self._column[at], self._heat_of[at] = y, x, heat

    cdef void _believe(self, Py_ssize_t c) noexcept nogil:
        """Fill _places and _extent: where the centre believes the keypoints to be, in cells."""
        cdef double x, y, left = 1e9, right = -1e9, top = 1e9, bottom = -1e9
        cdef int t
        for t in range(self._told_count):
            x = self._column[c] + self._offset(c, self._told[t, 2])
            y = self._row[c] + self._offset(c, self._told[t, 3])
            self._places[c, t, 0], self._places[c, t, 1] = x, y
            left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
        self._extent[c] = max(EXTENT_LEAST, max(right - left, bottom - top))

    cdef double _offset(self, Py_ssize_t c, int32_t channel) noexcept nogil:
        """Cells; what is no number counts as none."""
        cdef float raw = ep_raw(&self._offsets, self._row[c], self._column[c], channel)
        cdef double cells = (raw - <float> self._offsets.zero_point) * self._offsets.scale
        return min(FAR, max(-FAR, cells)) if cells == cells else 0

    # ---- who is whose

    cdef double _agree(self, float[:, :, ::1] people, Py_ssize_t p, Py_ssize_t c) noexcept nogil:
        """0 to 1: how near the found keypoints of a person lie to where the centre believes them to be."""
        cdef double spread = SPREAD * self._extent[c], dx, dy, total = 0
        cdef int t, seen = 0
        cdef int32_t k
        for t in range(self._told_count):
            k = self._told[t, 0]
            if people[p, k, 2] > 0:
                dx, dy = people[p, k, 0] - self._places[c, t, 0], people[p, k, 1] - self._places[c, t, 1]
                total += exp(-(dx * dx + dy * dy) / (2 * spread * spread))
                seen += 1
        return total / max(seen, 1)

    cdef void _match(self, Py_ssize_t people) noexcept nogil:
        """Fill _person: pairs that agree best first, each person and each centre once, of equal pairs the first."""
        cdef Py_ssize_t p, c, best_p = 0, best_c = 0, other
        cdef double best
        for c in range(self._centre_count):
            self._person[c] = -1
        for p in range(people):
            self._state[p] = LOOSE
        while True:
            best = -1
            for p in range(people):
                for c in range(self._centre_count):
                    if self._agreement[p, c] > best:
                        best, best_p, best_c = self._agreement[p, c], p, c
            if not best >= AGREE:
                return
            self._person[best_c] = <int32_t> best_p
            self._state[best_p] = OWNER
            for p in range(people):
                self._agreement[p, best_c] = -1
            for other in range(self._centre_count):
                self._agreement[best_p, other] = -1

    cdef void _absorb(self, float[:, :, ::1] people, float[::1] scores) noexcept nogil:
        """Give pieces of bodies to the person whose centre they agree with best."""
        cdef Py_ssize_t p, c, best_c
        cdef double agrees, best
        for p in range(people.shape[0]):
            if self._state[p] == OWNER:
                continue
            best, best_c = -1, 0
            for c in range(self._centre_count):
                agrees = self._agree(people, p, c)
                if agrees > best:
                    best, best_c = agrees, c
            if best >= ABSORB and self._person[best_c] >= 0 and self._is_piece(people, p, best_c):
                self._join(people, scores, p, self._person[best_c])

    cdef bint _is_piece(self, float[:, :, ::1] people, Py_ssize_t p, Py_ssize_t c) noexcept nogil:
        """Whether at most half of what is found of one is found elsewhere of the centre's person: else they are two."""
        cdef float *one
        cdef float *other
        cdef double dx, dy, apart = SPREAD * self._extent[c]
        cdef Py_ssize_t k
        cdef int found = 0, elsewhere = 0
        for k in range(self._keypoint_count):
            one, other = &people[p, k, 0], &people[self._person[c], k, 0]
            if one[2] > 0:
                found += 1
                dx, dy = <double> one[0] - other[0], <double> one[1] - other[1]
                elsewhere += other[2] > 0 and dx * dx + dy * dy > apart * apart
        return 2 * elsewhere <= found

    cdef void _join(self, float[:, :, ::1] people, float[::1] scores, Py_ssize_t p, Py_ssize_t to) noexcept nogil:
        """Put the keypoints of one where the other has none."""
        cdef double square = scores[to] * <double> scores[to]
        cdef Py_ssize_t k
        for k in range(self._keypoint_count):
            if people[to, k, 2] == 0 and people[p, k, 2] > 0:
                people[to, k] = people[p, k]
                square += people[p, k, 2] / <double> self._keypoint_count
        scores[to] = <float> sqrt(square)
        self._state[p] = ABSORBED

    # ---- guesses

    cdef void _fill(self, float[:, :, ::1] people, Py_ssize_t p, Py_ssize_t c) noexcept nogil:
        """Put guesses where the person has nothing, and better places where keypoints lie astray."""
        cdef double x, y, astray = ASTRAY * self._extent[c]
        cdef int t
        cdef float *one
        cdef float *other
        cdef float *middle
        for t in range(self._told_count):
            one = &people[p, self._told[t, 0], 0]
            x, y = self._places[c, t, 0], self._places[c, t, 1]
            if one[2] == 0:
                self._put(one, self._told[t, 1], self._search(self._told[t, 1], x, y))
            elif (one[0] - x) * (one[0] - x) + (one[1] - y) * (one[1] - y) > astray * astray:
                self._call_back(one, self._told[t, 1], x, y)
        if self._middle < 0:
            return
        middle, one, other = &people[p, self._middle, 0], &people[p, self._one, 0], &people[p, self._other, 0]
        if middle[2] == 0 and one[2] > 0 and other[2] > 0:
            middle[0], middle[1] = (one[0] + other[0]) / 2, (one[1] + other[1]) / 2
            middle[2] = min(<float> GUESS_LIMIT, min(one[2], other[2]))

    cdef void _call_back(self, float *keypoint, int32_t channel, double x, double y) noexcept nogil:
        """Guess a keypoint anew, if that place is about as warm: the limb led to somebody else's, or to the other side."""
        cdef float heat = self._search(channel, x, y)
        if heat >= <float> AS_WARM * keypoint[2]:
            self._put(keypoint, channel, heat)

    cdef float _search(self, int32_t channel, double x, double y) noexcept nogil:
        """Fill _best_row and _best_column, by heat and nearness to the regressed place; return the heat there."""
        cdef int32_t near_x = <int32_t> rint(min(max(x, 0), self._heat.width - 1))
        cdef int32_t near_y = <int32_t> rint(min(max(y, 0), self._heat.height - 1))
        cdef int32_t ny, nx
        cdef double worth, best = 0, dx, dy
        cdef float heat
        self._best_row, self._best_column = near_y, near_x
        for ny in range(max(0, near_y - REACH), min(self._heat.height, near_y + REACH + 1)):
            for nx in range(max(0, near_x - REACH), min(self._heat.width, near_x + REACH + 1)):
                heat = self._warmth(ny, nx, channel) + <float> COLD
                if not heat > best * (NEAR * 0.999999):
                    continue   # not even at the regressed place would it win
                dx, dy = nx - x, ny - y
                worth = heat / (sqrt(dx * dx + dy * dy) + NEAR)
                if worth > best:
                    best, self._best_row, self._best_column = worth, ny, nx
        return self._warmth(self._best_row, self._best_column, channel)

    cdef void _put(self, float *keypoint, int32_t channel, float heat) noexcept nogil:
        """Put a guess where _search found it, between the cells."""
        keypoint[0] = <float> (self._best_column + self._shift(self._best_row, self._best_column, channel, 0, 1))
        keypoint[1] = <float> (self._best_row + self._shift(self._best_row, self._best_column, channel, 1, 0))
        keypoint[2] = min(<float> GUESS_LIMIT, max(<float> GUESS_LEAST, heat))

    # ---- people of many cells

    cdef void _steady(self, float[:, :, ::1] people, Py_ssize_t p) noexcept nogil:
        """Put keypoints into the middle of their spots of heat."""
        cdef int t
        cdef float *one
        for t in range(self._told_count):
            one = &people[p, self._told[t, 0], 0]
            if one[2] > 0:
                self._put_in_the_middle(one, self._told[t, 1])

    cdef void _put_in_the_middle(self, float *keypoint, int32_t channel) noexcept nogil:
        """Of the spot whose top is at most CLIMB cells away: the mean of the cells around it by their heat's cube."""
        cdef int32_t x = <int32_t> rint(min(max(keypoint[0], 0), self._heat.width - 1))
        cdef int32_t y = <int32_t> rint(min(max(keypoint[1], 0), self._heat.height - 1))
        cdef int32_t ny, nx
        cdef double heat, weight, total = 0, across = 0, down = 0
        self._best_row, self._best_column = y, x
        for _ in range(CLIMB):
            self._climb(channel)
        y, x = self._best_row, self._best_column
        if self._warmth(y, x, channel) < <float> LUKEWARM:
            return
        for ny in range(max(0, y - SPOT), min(self._heat.height, y + SPOT + 1)):
            for nx in range(max(0, x - SPOT), min(self._heat.width, x + SPOT + 1)):
                heat = self._warmth(ny, nx, channel)
                weight = heat * heat * heat
                total, across, down = total + weight, across + weight * nx, down + weight * ny
        keypoint[0], keypoint[1] = <float> (across / total), <float> (down / total)

    cdef void _climb(self, int32_t channel) noexcept nogil:
        """Move _best_row and _best_column to the warmest of the cells around, if one is warmer."""
        cdef int32_t y = self._best_row, x = self._best_column, ny, nx
        cdef float heat, best = self._warmth(y, x, channel)
        for ny in range(max(0, y - 1), min(self._heat.height, y + 2)):
            for nx in range(max(0, x - 1), min(self._heat.width, x + 2)):
                heat = self._warmth(ny, nx, channel)
                if heat > best:
                    best, self._best_row, self._best_column = heat, ny, nx

    cdef float _warmth(self, int32_t y, int32_t x, int32_t channel) noexcept nogil:
        """The heat there, 0 to 1; what is no number is cold."""
        cdef float heat = (ep_raw(&self._heat, y, x, channel) - <float> self._heat.zero_point) * self._heat.scale
        return min(<float> 1, heat) if heat > 0 else 0

    cdef double _shift(self, int32_t y, int32_t x, int32_t channel, int down, int right) noexcept nogil:
        """Where the parabola through the logarithms of three neighbours is highest, -0.5 to 0.5 cells."""
        cdef double before = self._log(y - down, x - right, channel), after = self._log(y + down, x + right, channel)
        cdef double bend = before - 2 * self._log(y, x, channel) + after
        if not bend < -BEND_LEAST:
            return 0
        return min(0.5, max(-0.5, 0.5 * (before - after) / bend))

    cdef double _log(self, int32_t y, int32_t x, int32_t channel) noexcept nogil:
        y, x = min(max(y, 0), self._heat.height - 1), min(max(x, 0), self._heat.width - 1)
        return log(max(<double> self._warmth(y, x, channel), LOG_FLOOR))
