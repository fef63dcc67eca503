# Systems of other Debian releases and processors to test in; to be sourced.
# They are kept in EDGEPOSE_ROOTS (/var/cache/edgepose-roots), so that only the first run has to fetch them. What is
# kept is never run itself: every run gets a layer of memory over it, in namespaces that end with the run.
ROOTS=${EDGEPOSE_ROOTS:-/var/cache/edgepose-roots}
TOP=$(cd "$(dirname "$0")/../.." && pwd)

say() { echo "== $*" >&2; }
fail() {
    echo "$*" >&2
    exit 1
}

need() { # need PACKAGE…: Debian packages that this machine itself must have
    [ "$(id -u)" = 0 ] || fail "this needs root, for a system of its own to test in: sudo make …"
    missing=
    for package in "$@"; do
        dpkg -s "$package" 2>/dev/null | grep -q '^Status: .* installed$' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing Debian packages:$missing"
    # shellcheck disable=SC2086 # a list of words
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >&2
}

base() { # base SUITE ARCH [PACKAGES]: a fresh system with these packages too; says where it is
    made=$ROOTS/$1-$2${3:+-$(echo "$3" | tr , -)}
    if [ ! -e "$made" ]; then
        say "fetching Debian $1 for $2 into $made"
        mkdir -p "$ROOTS"
        rm -rf "$made.part"
        foreign=
        [ "$2" = "$(dpkg --print-architecture)" ] || foreign=--foreign
        # shellcheck disable=SC2086 # a flag or nothing
        debootstrap $foreign --variant=minbase --arch="$2" ${3:+--include="$3"} "$1" "$made.part" \
            "${EDGEPOSE_MIRROR:-http://deb.debian.org/debian}" >"$made.log" 2>&1 || fail "$(tail -n 20 "$made.log")"
        if [ -n "$foreign" ]; then
            inside "$made.part" /debootstrap/debootstrap --second-stage >>"$made.log" 2>&1 ||
                fail "$(tail -n 20 "$made.log")"
        fi
        rm -rf "$made.part"/var/cache/apt/archives/*.deb
        mv "$made.part" "$made"
    fi
    echo "$made"
}

# Programs of other processors run under qemu-user of Debian trixie: the one of bookworm computes wrong int8 results.
# The kernel is told so by binfmt_misc, for as long as this shell runs; what is registered already stays as it is.
BINFMT=/proc/sys/fs/binfmt_misc
ZEROS='\x00\x00\x00\x00\x00\x00\x00\x00'
MASK='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'

emulate() { # emulate PROCESSOR CLASS MACHINE: aarch64 '\x02' '\xb7' or arm '\x01' '\x28', as ELF numbers them
    qemu=$ROOTS/qemu-$1
    if [ ! -e "$qemu" ]; then
        trixie=$(base trixie "$(dpkg --print-architecture)")
        say "fetching qemu-user of Debian trixie"
        rm -rf "$ROOTS/qemu.part"
        mkdir "$ROOTS/qemu.part"
        lend_network "$trixie"
        over "$trixie" sh -euc 'cd /tmp; apt-get update -qq; apt-get download -qq qemu-user; cat qemu-user_*.deb' \
            >"$ROOTS/qemu.part/qemu-user.deb"
        dpkg-deb -x "$ROOTS/qemu.part/qemu-user.deb" "$ROOTS/qemu.part"
        mv "$ROOTS/qemu.part/usr/bin/qemu-$1" "$qemu"
        rm -rf "$ROOTS/qemu.part"
    fi
    [ -e $BINFMT/register ] || mount -t binfmt_misc none $BINFMT
    [ ! -e "$BINFMT/qemu-$1" ] || return 0 # somebody else's
    printf '%s' ":edgepose-$1:M::\\x7fELF$2\\x01\\x01\\x00$ZEROS\\x02\\x00$3\\x00:$MASK:$qemu:F" >$BINFMT/register
    emulated="${emulated:-} edgepose-$1"
    trap 'for name in $emulated; do echo -1 >$BINFMT/$name; done' EXIT
    trap 'exit 1' INT TERM
}

layer() { # layer NAME BASE SCRIPT: a copy of a system in which a script of the shell has been run; says where it is
    made=$ROOTS/$1-$(printf '%s' "$2 $3" | sha256sum | cut -c1-10)
    if [ ! -e "$made" ]; then
        say "setting up $made"
        rm -rf "$made.part" "$ROOTS/$1"-??????????
        cp -a "$2" "$made.part"
        lend_network "$made.part"
        inside "$made.part" sh -eu -c "$3" >"$made.log" 2>&1 || fail "$(tail -n 30 "$made.log")"
        mv "$made.part" "$made"
    fi
    echo "$made"
}

unpacked() { # unpacked NAME BASE PACKAGES: a copy of another processor's system with these packages; says where it is
    # They are unpacked by this machine and not configured, which is minutes instead of an hour, and all that tests need.
    made=$ROOTS/$1-$(printf '%s' "$2 $3" | sha256sum | cut -c1-10)
    if [ ! -e "$made" ]; then
        say "setting up $made"
        rm -rf "$made.part" "$ROOTS/$1"-??????????
        cp -a "$2" "$made.part"
        lend_network "$made.part"
        inside "$made.part" sh -euc "apt-get update -qq
            apt-get install -y -qq --download-only --no-install-recommends $3" >"$made.log" 2>&1 ||
            fail "$(tail -n 30 "$made.log")"
        for package in "$made.part"/var/cache/apt/archives/*.deb; do
            dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$made.part"
        done
        rm -rf "$made.part"/var/cache/apt/archives/*.deb "$made.part"/var/lib/apt/lists/*
        mv "$made.part" "$made"
    fi
    echo "$made"
}

lend_network() { # lend_network ROOT: what a system needs to fetch packages as this machine does
    cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
    cp -L "${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}" "$1/etc/authorities.pem"
}

# In a shell of its own namespaces: $1 is a root, $2 the folder that it is run from, or empty to change the root itself.
ENTER=$(
    cat <<'END'
set -eu
root=$1 scratch=$2
shift 2
if [ -n "$scratch" ]; then
    mount -t tmpfs -o size=6g tmpfs "$scratch"
    mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
    mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
    root=$scratch/root
fi
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
if [ -n "${SHOWN:-}" ]; then # a folder of this machine, read only, at /srv/edgepose
    mkdir -p "$root/srv/edgepose"
    mount --bind "$SHOWN" "$root/srv/edgepose"
    mount -o remount,bind,ro "$root/srv/edgepose"
fi
if [ -n "${WHEELS:-}" ]; then
    mkdir -p "$root/srv/wheels"
    mount --bind "$WHEELS" "$root/srv/wheels"
fi
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive PIP_CERT=/etc/authorities.pem PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore ${QEMU_CPU:+QEMU_CPU=$QEMU_CPU} chroot "$root" "$@"
END
)

inside() { # inside ROOT COMMAND…: changes the root itself
    root=$1
    shift
    unshare --mount --propagation private --pid --fork --kill-child sh -c "$ENTER" sh "$root" "" "$@"
}

over() { # over ROOT COMMAND…: on a layer of memory, with the checkout at /srv/edgepose, read only
    root=$1
    shift
    scratch=$(mktemp -d)
    code=0
    SHOWN=$TOP unshare --mount --propagation private --pid --fork --kill-child \
        sh -c "$ENTER" sh "$root" "$scratch" "$@" || code=$?
    rmdir "$scratch"
    return $code
}
