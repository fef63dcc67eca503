"""What goes out to Python."""


@cython.final
cdef class People:
    """The people of one frame, best first. Frozen; the arrays are the caller's own."""

    cdef readonly object keypoints
    """(P, K, 3) float32: x, y in grid cells (cell centres are integers), confidence 0 to 1; 0, 0, 0 where not found."""
    cdef readonly object scores
    """(P,) float32, 0 to 1: the root of the mean over all K keypoints of the squared confidence."""
    cdef readonly bint capped
    """True where the maps held more peaks, pairs or people than are looked at."""

    def __cinit__(self, keypoints, scores, bint capped):
        self.keypoints, self.scores, self.capped = keypoints, scores, capped

    def __len__(self):
        return len(self.scores)

    def __repr__(self):
        return f"People({len(self)} people, capped={bool(self.capped)})"
