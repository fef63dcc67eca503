"""Types of the kernel in cython_ext/_association.pyx; what it promises stands there."""

from typing import final

from edgepose.domain import FloatArray, MapArray
from edgepose.skeleton import Skeleton

PATHS: dict[str, int]
LIMITS: dict[str, int]

@final
class People:
    @property
    def keypoints(self) -> FloatArray: ...
    @property
    def scores(self) -> FloatArray: ...
    @property
    def capped(self) -> bool: ...
    def __len__(self) -> int: ...

@final
class Associator:
    path: str
    def __init__(
        self, skeleton: Skeleton, *, min_keypoint: float = 0.1, min_limb: float = 0.05, max_people: int = 20
    ) -> None: ...
    def __call__(
        self,
        heatmaps: MapArray,
        pafs: MapArray,
        *,
        heat_quant: tuple[float, int] = (1.0, 0),
        paf_quant: tuple[float, int] = (1.0, 0),
    ) -> People: ...
    def seconds_a_frame(
        self,
        heatmaps: MapArray,
        pafs: MapArray,
        *,
        heat_quant: tuple[float, int] = (1.0, 0),
        paf_quant: tuple[float, int] = (1.0, 0),
        repeats: int = 100,
    ) -> float: ...
    def seconds_to_read(self, heatmaps: MapArray, pafs: MapArray, *, repeats: int = 100) -> float: ...
