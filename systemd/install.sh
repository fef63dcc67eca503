#!/bin/sh
# Installs edgepose as a service on Debian 12 or newer and Raspberry Pi OS (bookworm or newer), upgrades it, removes it.
# usage: install.sh [--config FILE | --setup] [--mqtt-password FILE] [--wheels FOLDER] [--no-start]
#        install.sh --uninstall [--purge]
# What it puts where:
#   /opt/edgepose/venv                       a virtual environment; an upgrade makes a new one beside it, then switches
#   /usr/local/bin/edgepose                  the command
#   /usr/local/lib/systemd/system/           the unit; /etc/systemd/system stays yours (systemctl edit edgepose)
#   /usr/local/lib/udev/rules.d/             who may use a Coral accelerator
#   /etc/edgepose/edgepose.yaml              the configuration; one that is there is never touched
#   /etc/edgepose/secrets/                   mqtt-password, and camera/NAME; only root reads them, systemd hands them on
set -eu

HOME_DIR=/opt/edgepose
UNIT_DIR=/usr/local/lib/systemd/system
CONFIG=/etc/edgepose/edgepose.yaml
SECRETS=/etc/edgepose/secrets
UDEV_RULE=/usr/local/lib/udev/rules.d/60-edgepose-coral.rules
COMMAND=/usr/local/bin/edgepose
OLDEST_SYSTEMD=250 # LoadCredential= of a folder

usage() {
    cat <<END
Installs edgepose as a service from this checkout; run it again to upgrade.
  --config FILE         a first configuration; without it, on a terminal, --setup asks for what it needs
  --setup               ask five questions (edgepose setup), also where nobody sits at a terminal
  --mqtt-password FILE  a file that holds the broker's password, kept as credential:mqtt-password
  --wheels FOLDER       take every Python package from this folder: no network, no compiler
  --no-start            leave it to you when the service starts; also for building images
  --uninstall           remove the service and the program; configuration, secrets and state stay
  --purge               with --uninstall: remove these too
END
}

say() { echo "edgepose: $*"; }
fail() {
    echo "edgepose: $*" >&2
    exit 1
}

main() {
    config='' password='' wheels='' start=yes uninstall='' purge='' ask=''
    while [ $# -gt 0 ]; do
        case $1 in
        --config | --mqtt-password | --wheels)
            [ $# -gt 1 ] || fail "$1 needs a path after it; see --help"
            [ -r "$2" ] || fail "$2, which $1 names, can't be read"
            case $1 in
            --config) config=$2 ;;
            --mqtt-password) password=$2 ;;
            --wheels) wheels=$(cd "$2" && pwd) ;;
            esac
            shift
            ;;
        --no-start) start='' ;;
        --setup) ask=yes ;;
        --uninstall) uninstall=yes ;;
        --purge) purge=yes ;;
        -h | --help)
            usage
            exit
            ;;
        *) fail "$1 is not an option; see --help" ;;
        esac
        shift
    done
    [ "$(id -u)" = 0 ] || fail "this needs root: sudo $0"
    [ -z "$purge" ] || [ -n "$uninstall" ] || fail "--purge goes with --uninstall"
    [ -z "$ask" ] || [ -z "$config" ] || fail "--config and --setup are two ways to the same; give one of them"
    [ -n "$config" ] || [ -e "$CONFIG" ] || [ ! -t 0 ] || ask=yes
    if [ -n "$uninstall" ]; then
        remove
    else
        install_all
    fi
}

install_all() {
    check_machine
    here=$(cd "$(dirname "$0")" && pwd)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM
    umask 022

    first=''
    [ -e "$CONFIG" ] || first=${config:-$here/edgepose.example.yaml}
    make_environment
    "$new/bin/edgepose" check "${first:-$CONFIG}" ||
        fail "mend the configuration ${first:-$CONFIG}, and run this again; nothing has been changed"
    touch "$new/.complete"
    put_configuration
    [ -z "$ask" ] || ask_questions
    put_units
    previous=$(readlink "$HOME_DIR/venv" || true)
    switch_to "$new"
    start_service
    remove_others
    say "$("$COMMAND" --version) is installed"
    [ -z "${next_steps:-}" ] || printf '%s\n' "$next_steps"
}

check_machine() {
    command -v systemctl >/dev/null || fail "this machine has no systemd, which the service needs"
    version=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
    [ "$version" -ge $OLDEST_SYSTEMD ] ||
        fail "systemd $version is too old; $OLDEST_SYSTEMD is needed, which Debian 12 and Raspberry Pi OS bookworm have"
    getent group video >/dev/null || fail "there is no group video, to which cameras belong; addgroup --system video"
    [ -d /run/systemd/system ] || start='' # an image that is being built, a chroot

    python=/usr/bin/python3
    missing=
    $python -c 'import venv, ensurepip' 2>/dev/null || missing="python3 python3-venv"
    if [ -z "$wheels" ]; then
        command -v cc >/dev/null || missing="$missing gcc"
        [ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"
        has_header || missing="$missing python3-dev"
    fi
    if grep -qs 'Raspberry Pi' /proc/device-tree/model && ! $python -c 'import picamera2' 2>/dev/null; then
        missing="$missing python3-picamera2"
    fi
    [ -z "$missing" ] || apt_install
    $python -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$($python -V) is too old; Python 3.11 is needed, which Debian 12 and Raspberry Pi OS bookworm have"
}

has_header() {
    $python -c 'import os, sysconfig; assert os.path.exists(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null
}

apt_install() {
    command -v apt-get >/dev/null ||
        fail "these are missing (under their Debian names), and there is no apt-get to install them:" "$missing"
    say "installing Debian packages:" "$missing"
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# Sets $new to a virtual environment with edgepose in it; the one in use is left as it is.
make_environment() {
    new=$HOME_DIR/venv-$(date +%Y%m%d-%H%M%S)
    mkdir -p "$HOME_DIR"
    # Only what a failed run has left behind: the name has a second in it.
    rm -rf "$new"
    trap 'rm -rf "$work"; [ -e "$new/.complete" ] || rm -rf "$new"' EXIT

    # picamera2 comes from apt, with compiled parts that want the numpy they were compiled for.
    set --
    touch "$work/constraints"
    if $python -c 'import picamera2' 2>/dev/null; then
        set -- --system-site-packages
        $python -c 'import numpy, sys; sys.exit(numpy.__version__ >= "2")' && echo 'numpy<2' >"$work/constraints"
    fi
    say "making the virtual environment $new"
    $python -m venv "$@" "$new" || fail "the virtual environment could not be made; is the disk full?"

    set -- --quiet --disable-pip-version-check --no-cache-dir --constraint "$work/constraints"
    if [ -n "$wheels" ]; then
        "$new/bin/pip" install "$@" --no-index --find-links "$wheels" edgepose ||
            fail "$wheels lacks something; fill it with: pip wheel --wheel-dir $wheels CHECKOUT"
    else
        copy_sources
        "$new/bin/pip" install "$@" "$work/source" ||
            fail "the Python packages could not be installed; what went wrong stands above, and nothing has been changed"
    fi
}

# A copy to build in, so that nothing that belongs to root is left in the checkout.
copy_sources() {
    top=$(dirname "$here")
    [ -e "$top/pyproject.toml" ] || fail "$here is not the systemd folder of a checkout; --wheels installs without one"
    mkdir "$work/source"
    for name in cython_ext edgepose models pyproject.toml setup.py README.md LICENSE MANIFEST.in; do
        cp -R "$top/$name" "$work/source/"
    done
}

put_configuration() {
    mkdir -p /etc/edgepose "$SECRETS/camera"
    chmod 0700 "$SECRETS"
    if [ -n "$first" ]; then
        install -m 0644 "$first" "$CONFIG"
    elif [ -n "$config" ] && ! cmp -s "$config" "$CONFIG"; then
        say "$CONFIG is there already and stays as it is; $config was not used"
    fi
    [ -z "$password" ] || install -m 0600 "$password" "$SECRETS/mqtt-password"
}

# Answers that can't be used leave the example in place, to be edited, or setup to be run again.
ask_questions() {
    if "$new/bin/edgepose" setup --config "$CONFIG"; then
        config=$CONFIG # as good as one that was given: it is started
    else
        say "the questions were not answered to the end; sudo edgepose setup asks them again"
    fi
}

put_units() {
    mkdir -p "$UNIT_DIR/edgepose.service.d"
    install -m 0644 "$here/edgepose.service" "$UNIT_DIR/"
    newer="$UNIT_DIR/edgepose.service.d/10-systemd-254.conf"
    if [ "$version" -ge 254 ]; then
        install -m 0644 "$here/edgepose-254.conf" "$newer"
    else
        rm -f "$newer"
    fi
    install -D -m 0644 "$here/60-edgepose-coral.rules" "$UDEV_RULE"
    udevadm control --reload 2>/dev/null || true # none in a chroot
    udevadm trigger --subsystem-match=usb 2>/dev/null || true
    install -m 0755 "$here/install.sh" "$HOME_DIR/install.sh"
    [ ! -e "$here/../README.md" ] || install -m 0644 "$here/../README.md" "$HOME_DIR/"
}

switch_to() {
    ln -s "$(basename "$1")" "$HOME_DIR/venv.next"
    mv -T "$HOME_DIR/venv.next" "$HOME_DIR/venv"
    mkdir -p "$(dirname $COMMAND)"
    ln -sfn "$HOME_DIR/venv/bin/edgepose" $COMMAND
}

start_service() {
    systemctl --quiet enable edgepose.service
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
    [ -n "$start" ] || return 0
    if [ -n "$first" ] && [ -z "$config" ]; then
        next_steps="Run sudo edgepose setup, or edit $CONFIG, then: edgepose check $CONFIG && systemctl start edgepose
The broker's password goes into $SECRETS/mqtt-password."
        return
    fi
    systemctl restart edgepose.service 2>/dev/null && return 0
    [ -e "$HOME_DIR/${previous:-none}/.complete" ] ||
        fail "it is installed, but does not start; what it said last: $(last_words)"
    why=$(last_words)
    switch_to "$HOME_DIR/$previous"
    systemctl restart edgepose.service 2>/dev/null || true
    rm -rf "$new"
    fail "the new version does not start, so the previous one is in its place again; what the new one said last: $why"
}

last_words() {
    journalctl --sync
    journalctl --unit edgepose.service --lines 1 --output cat --no-pager _TRANSPORT=stdout
}

# Environments of earlier versions, and of attempts that were cut off.
remove_others() {
    for other in "$HOME_DIR"/venv-*; do
        [ "$other" = "$new" ] || rm -rf "$other"
    done
}

remove() {
    [ ! -d /run/systemd/system ] || systemctl --quiet stop edgepose.service 2>/dev/null || true
    systemctl --quiet disable edgepose.service 2>/dev/null || true
    rm -rf "$UNIT_DIR/edgepose.service" "$UNIT_DIR/edgepose.service.d" "$HOME_DIR" "$UDEV_RULE"
    rules=$(dirname $UDEV_RULE)
    [ ! -d "$rules" ] || rmdir --ignore-fail-on-non-empty "$rules" "$(dirname "$rules")"
    [ ! -d "$UNIT_DIR" ] || rmdir --ignore-fail-on-non-empty "$UNIT_DIR" "$(dirname "$UNIT_DIR")"
    [ "$(readlink $COMMAND)" != "$HOME_DIR/venv/bin/edgepose" ] || rm -f $COMMAND
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        systemctl reset-failed edgepose.service 2>/dev/null || true
    fi
    if [ -n "$purge" ]; then
        rm -rf /etc/edgepose /etc/systemd/system/edgepose.service.d /var/lib/private/edgepose /var/lib/edgepose
        say "everything of edgepose has been removed"
    else
        say "removed; /etc/edgepose and /var/lib/edgepose are still there (--uninstall --purge removes them)"
    fi
}

# All of it has been read when it begins, so it may remove or replace itself.
main "$@"
exit
