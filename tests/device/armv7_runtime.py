"""tflite-runtime on armv7 with numpy 1: it loads the networks, and gives the maps of x86-64.

usage: armv7_runtime.py MAPS.npz MODELS. Needs nothing but numpy and tflite-runtime.
"""

import platform
import sys
from pathlib import Path

import numpy as np
from tflite_runtime.interpreter import Interpreter

assert platform.machine() == "armv7l", platform.machine()
kept = np.load(sys.argv[1])
for path in sorted(Path(sys.argv[2]).glob("*.tflite")):
    network = Interpreter(model_path=str(path), num_threads=1)
    network.allocate_tensors()
    outputs = {detail["name"]: detail["index"] for detail in network.get_output_details()}
    worst = 0
    for number, picture in enumerate(kept[f"{path.stem}/pictures"]):
        network.set_tensor(network.get_input_details()[0]["index"], picture[None])
        network.invoke()
        for name, key in (("heatmaps", "heat"), ("pafs", "paf")):
            answer = network.get_tensor(outputs[name])[0].astype(int)
            worst = max(worst, np.abs(answer - kept[f"{path.stem}/{key}"][number]).max())
    print(f"{path.stem}: at most {worst} steps of 255 from x86-64's LiteRT, numpy {np.__version__}")
    assert worst <= 3, "another runtime rounds otherwise, but not by much"
