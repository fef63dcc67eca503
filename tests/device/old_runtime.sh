#!/bin/sh
# Tests the networks and the delegates under tflite-runtime with numpy 1, as on armv7 and old Coral set-ups.
# usage: tests/device/old_runtime.sh [PYTHON] [PYTEST ARGUMENTS]   (PYTHON is 3.11, and edgepose is installed editable in it)
set -eu
python=$(command -v "${1:-.venv/bin/python}")
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")
[ $# = 0 ] || shift
cd "$(dirname "$0")/../.."
venv=build/venv-tflite-runtime
if [ ! -e $venv/.complete ]; then
    rm -rf $venv
    "$python" -m venv $venv
    # Without edgepose itself, which would bring the current runtime along.
    $venv/bin/pip install -q --disable-pip-version-check 'numpy>=1.26,<2' 'tflite-runtime>=2.14' 'paho-mqtt>=2.1' \
        'prometheus-client>=0.20' 'msgspec>=0.19' 'PyYAML>=6' 'av>=17.1' 'pytest>=8'
    touch $venv/.complete
fi
# The package as it would be installed: its networks are part of it.
mkdir -p $venv/own/edgepose
ln -sfn "$PWD"/edgepose/* $venv/own/edgepose/
ln -sfn "$PWD/models" $venv/own/edgepose/models
$venv/bin/python -c 'import importlib.util as u; assert not u.find_spec("ai_edge_litert"), "the current runtime is here too"'
EDGEPOSE_DEVICE=old_runtime exec $venv/bin/python -m pytest -p no:cacheprovider -o "pythonpath=$venv/own . models" "$@" tests/test_model_fallback.py tests/device/test_old_runtime.py
