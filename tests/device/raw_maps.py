"""The runtime alone: it loads the networks, and gives the maps of x86-64.

usage: raw_maps.py MAPS.npz MODELS. Needs nothing but numpy and a runtime: ai-edge-litert gives the very same numbers.
tflite-runtime rounds otherwise on every processor: by 0.2 to 0.4 steps in the mean, and up to 80 in a cell.
"""

import platform
import sys
from pathlib import Path

import numpy as np

try:
    from ai_edge_litert.interpreter import Interpreter

    exact = True
except ImportError:
    from tflite_runtime.interpreter import Interpreter

    exact = False

kept = np.load(sys.argv[1])
for path in sorted(Path(sys.argv[2]).glob("*.tflite")):
    network = Interpreter(model_path=str(path), num_threads=1)
    network.allocate_tensors()
    outputs = {detail["name"]: detail["index"] for detail in network.get_output_details()}
    apart = []
    for number, picture in enumerate(kept[f"{path.stem}/pictures"]):
        network.set_tensor(network.get_input_details()[0]["index"], picture[None])
        network.invoke()
        for name, key in (("heatmaps", "heat"), ("pafs", "paf")):
            expected = kept[f"{path.stem}/{key}"][number].astype(int)
            answer = network.get_tensor(outputs[name])[0][..., : expected.shape[2]].astype(int)
            apart.append(np.abs(answer - expected).ravel())
    steps = np.concatenate(apart)
    told = f"{steps.mean():.3f} steps of 255 from LiteRT on x86-64, at most {steps.max()}"
    print(f"{platform.machine()}, {path.stem}: {told}", flush=True)
    assert not steps.any() if exact else steps.mean() < 2
