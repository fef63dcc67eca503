#!/bin/sh
# Sees to the Debian packages that a make target needs: names the missing ones, asks, installs them.
# usage: debian-packages.sh demo|test [PYTHON]
# Looks for what the packages provide (a compiler, a header), so that a Python or gcc from elsewhere counts too.
set -eu
target=${1:?usage: debian-packages.sh demo|test [PYTHON]}
python=${2:-python3}
missing=

need() { # need PACKAGE TEST…: notes the package where the test fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
header() { "$python" -c 'import os, sysconfig; assert os.path.exists(sysconfig.get_path("include") + "/Python.h")'; }
broker() { command -v mosquitto || test -x /usr/sbin/mosquitto; }
rtsp() { /usr/bin/python3 -c 'import gi; gi.require_version("GstRtspServer", "1.0"); from gi.repository import GstRtspServer'; }
gst_plugin() { ls /usr/lib/*/gstreamer-1.0/libgst"$1".so; }

need python3 command -v "$python"
need python3-venv "$python" -c 'import venv, ensurepip'
need python3-dev header
need gcc command -v cc
need libc6-dev test -e /usr/include/stdio.h
if [ "$target" = test ]; then
    need mosquitto broker
    need mosquitto-clients command -v mosquitto_sub
    need openssl command -v openssl
    need python3-gi /usr/bin/python3 -c 'import gi'
    need gir1.2-gst-rtsp-server-1.0 rtsp
    need gstreamer1.0-plugins-base gst_plugin videotestsrc
    need gstreamer1.0-plugins-good gst_plugin rtp
    # A systemd that really boots needs root; without, its tests are skipped.
    [ "$(id -u)" != 0 ] || need systemd-container command -v systemd-nspawn
fi
[ -n "$missing" ] || exit 0

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
if ! command -v apt-get >/dev/null; then
    echo "make $target needs these, under their Debian names; please install them:$missing" >&2
    exit 1
fi
echo "make $target needs Debian packages that are not installed:$missing"
if [ -t 0 ]; then
    printf 'Install them now with %sapt-get? [Y/n] ' "${sudo:+$sudo }"
    read -r answer
    case $answer in
    "" | y* | Y*) ;;
    *)
        echo "Then please install them yourself, and type make $target again." >&2
        exit 1
        ;;
    esac
elif [ -n "$sudo" ] && ! sudo -n true 2>/dev/null; then
    echo "Nobody is here to be asked for the password; please run: sudo apt-get install$missing" >&2
    exit 1
fi

# The tests start brokers of their own, so no broker shall start by itself because of us.
policy=/usr/sbin/policy-rc.d
if [ "$target" = test ] && [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
    $sudo chmod +x $policy
    trap '$sudo rm -f $policy' EXIT INT TERM
fi
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
