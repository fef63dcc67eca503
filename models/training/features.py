"""The frozen trunk as the head's training sees it: pictures in, features and keypoint heat maps out."""

import keras
import tensorflow as tf
from keras import layers

from .coco import FloatArray
from .tfjs_graph import Graph
from .trunk import build_trunk
from .trunk_maps import TrunkMaps


class FloatTrunk:
    """The trunk in float32."""

    def __init__(self, graph: Graph) -> None:
        trunk = build_trunk(graph)
        heats = layers.Activation("sigmoid", name="heats")(trunk.heads["kpt_heatmap_0"])
        model = keras.Model(trunk.image, [trunk.features, heats])
        self._run = tf.function(lambda pictures: model(pictures, training=False))

    def __call__(self, pictures: FloatArray) -> TrunkMaps:
        """See TrunkRunner."""
        features, heats = self._run(pictures)
        return TrunkMaps(features.numpy(), heats.numpy())
