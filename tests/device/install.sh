#!/bin/sh
# Tests the installer from a checkout on fresh systems of Debian 12 and 13 (as Raspberry Pi OS bookworm and trixie are),
# with their own systemd booted.
# usage: tests/device/install.sh [PYTHON] [PYTEST ARGUMENTS]   (PYTHON has the test extra installed)
set -eu
python=$(command -v "${1:-.venv/bin/python}")
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")
[ $# = 0 ] || shift
. "$(dirname "$0")/roots.sh"
need debootstrap ca-certificates systemd-container
bookworm=$(base bookworm "$(dpkg --print-architecture)" systemd-sysv,dbus,ca-certificates,udev)
trixie=$(base trixie "$(dpkg --print-architecture)" systemd-sysv,dbus,ca-certificates,udev)
cd "$TOP"
EDGEPOSE_DEVICE=install EDGEPOSE_FRESH_ROOTS=$bookworm:$trixie exec "$python" -m pytest "$@" tests/device/test_install.py
