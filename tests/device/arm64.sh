#!/bin/sh
# Builds the wheel and runs what depends on the processor on arm64, and the kernel on armv7, under qemu-user.
# usage: tests/device/arm64.sh [PYTHON]   (PYTHON has the test extra installed; it fetches wheels and computes the maps)
set -eu
python=$(command -v "${1:-.venv/bin/python}")
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")
. "$(dirname "$0")/roots.sh"
need debootstrap ca-certificates

wheels() { # wheels PROCESSOR PACKAGE…: wheels for Python 3.11 of Debian bookworm, as this machine fetches them
    folder=$ROOTS/wheels-$1-$(printf '%s' "$*" | sha256sum | cut -c1-10)
    if [ ! -e "$folder" ]; then
        say "fetching wheels for $1"
        platforms=
        for glibc in 5 12 17 24 26 27 28 31 34 35 36; do platforms="$platforms --platform manylinux_2_${glibc}_$1"; done
        processor=$1
        shift
        # shellcheck disable=SC2086 # a list of flags
        "$python" -m pip download -q --dest "$folder.part" --only-binary=:all: --python-version 3.11 \
            --implementation cp --abi cp311 --abi abi3 --abi none --platform "manylinux2014_$processor" $platforms "$@"
        mv "$folder.part" "$folder"
    fi
    echo "$folder"
}

BUILD=$(
    cat <<'END'
mkdir -p /opt/site /root/work
for wheel in /srv/wheels/*.whl; do python3 -m zipfile -e "$wheel" /opt/site; done
cd /root/work
for name in edgepose cython_ext models tests pyproject.toml setup.py README.md LICENSE; do cp -r "/srv/edgepose/$name" .; done
rm -f edgepose/*.so
export PYTHONPATH=/opt/site PYTHONDONTWRITEBYTECODE=1
python3 setup.py -q bdist_wheel >/tmp/build.log 2>&1 || { tail -n 20 /tmp/build.log; exit 1; }
ls dist/*.whl
python3 -m zipfile -e dist/*.whl /opt/site
mv edgepose models /tmp # the tests are to meet the wheel
END
)
run() { # run ROOT WHEELS COMMAND: the wheel built and installed, then the command
    WHEELS=$2
    root=$1 command=$3
    export WHEELS
    over "$root" sh -eu -c "$BUILD
$command"
    unset WHEELS
}

say "computing the maps of this machine"
mkdir -p "$TOP/build"
(cd "$TOP" && "$python" -m tests.device.maps build/maps.npz)

arm64() {
    emulate aarch64 '\x02' '\xb7'
    export QEMU_CPU=cortex-a72 # a Pi 4's
    runtime=$("$python" -c 'from importlib.metadata import version; print(version("ai-edge-litert"))')
    packages="numpy paho-mqtt prometheus-client msgspec PyYAML av ai-edge-litert==$runtime pytest hypothesis wheel"
    # shellcheck disable=SC2086 # a list of words
    folder=$(wheels aarch64 $packages setuptools cython)
    root=$(base bookworm arm64)
    root=$(unpacked arm64 "$root" "python3 python3-dev gcc libc6-dev")
    say "testing on arm64"
    run "$root" "$folder" 'cp /srv/edgepose/build/maps.npz /srv/
EDGEPOSE_DEVICE=arm64 python3 -m pytest -q -s -p no:cacheprovider tests/device/test_arm64.py tests/test_association.py \
    tests/test_association_garbage.py tests/test_association_networks.py tests/test_preprocess.py \
    tests/test_tracking.py tests/test_smoothing.py tests/test_wire.py tests/test_sidecar.py \
    tests/test_bodies_kernel.py tests/test_completion_kernel.py tests/test_wholebody.py'
}

armv7() { # no wheels of msgspec and av there, so the daemon itself is not tried
    emulate arm '\x01' '\x28'
    export QEMU_CPU=cortex-a15
    folder=$(wheels armv7l --no-deps tflite-runtime pytest hypothesis sortedcontainers iniconfig packaging pluggy \
        pygments setuptools cython wheel)
    root=$(base bookworm armhf)
    root=$(unpacked armv7 "$root" "python3 python3-dev python3-numpy gcc libc6-dev")
    say "testing on armv7"
    # Debian's numpy finds its linear algebra by alternatives, which are not configured.
    run "$root" "$folder" 'export LD_LIBRARY_PATH=/usr/lib/arm-linux-gnueabihf/blas:/usr/lib/arm-linux-gnueabihf/lapack
python3 tests/device/raw_maps.py /srv/edgepose/build/maps.npz /srv/edgepose/models
python3 -m pytest -q --noconftest --hypothesis-profile=ci -p no:cacheprovider tests/test_association.py tests/test_association_garbage.py \
    tests/test_completion_kernel.py tests/test_bodies_kernel.py'
}

for processor in ${EDGEPOSE_PROCESSORS:-arm64 armv7}; do
    $processor
done
