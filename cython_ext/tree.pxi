"""Which limbs of a skeleton make people, and which only help to merge them."""


cdef list _limbs_of_tree(int keypoints, limbs):
    """Of each limb, whether it reaches a keypoint that the limbs before it did not: the others only help to merge."""
    root = list(range(keypoints))
    starts = []
    for a, b in limbs:
        starts.append(root[a] != root[b])
        root = [root[a] if r == root[b] else r for r in root]
    return starts
