#!/bin/sh
# Tests the picamera2 adapter against the real picamera2 and libcamera's virtual camera, in a Debian trixie of its own.
# usage: tests/device/picamera2.sh [PYTEST ARGUMENTS]
set -eu
. "$(dirname "$0")/roots.sh"
need debootstrap ca-certificates

SETUP=$(
    cat <<'END'
apt-get update -qq
apt-get install -y -qq --no-install-recommends python3-libcamera libcamera-ipa python3-numpy python3-prctl python3-av \
    python3-pip python3-venv python3-dev gcc libc6-dev mosquitto mosquitto-clients openssl
# On a Pi these come from apt as well, as python3-picamera2 and what it depends on.
pip install -q --break-system-packages --no-deps picamera2
pip install -q --break-system-packages pidng piexif simplejpeg videodev2 libarchive-c jsonschema tqdm pillow
python3 -m venv --system-site-packages /opt/venv
/opt/venv/bin/pip install -q 'setuptools>=77' 'cython>=3.1' 'paho-mqtt>=2.1' 'prometheus-client>=0.20' \
    'msgspec>=0.19' 'PyYAML>=6' 'av>=17.1' 'ai-edge-litert>=2.0' 'pytest>=8'
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/* /root/.cache
END
)
RUN=$(
    cat <<'END'
cp -r /srv/edgepose/edgepose /srv/edgepose/cython_ext /srv/edgepose/models /srv/edgepose/tests \
    /srv/edgepose/pyproject.toml /srv/edgepose/setup.py /srv/edgepose/README.md /srv/edgepose/LICENSE /root/
cd /root
rm -f edgepose/*.so
/opt/venv/bin/pip install -q --no-deps --no-build-isolation --editable .
mkdir -p /srv/frames
install -D -m 644 tests/device/virtual_camera.yaml /usr/share/libcamera/pipeline/virtual/virtual.yaml
gcc -O2 -Wall -Werror -shared -fPIC tests/device/fakedma.c -o /usr/local/lib/fakedma.so
# libcamera 0.4 leaves the status of the virtual camera's buffers as it finds it in memory, and picamera2 throws away a
# frame whose status is not 0; so all memory that is handed out is zeros (mallopt(3), M_PERTURB).
export GLIBC_TUNABLES=glibc.malloc.perturb=255:glibc.malloc.tcache_count=0
export EDGEPOSE_DEVICE=picamera2 LD_PRELOAD=/usr/local/lib/fakedma.so
exec /opt/venv/bin/python -m pytest -p no:cacheprovider tests/device/test_picamera2.py "$@"
END
)
root=$(base trixie amd64)
root=$(layer picamera2 "$root" "$SETUP")
over "$root" sh -eu -c "$RUN" sh "$@"
