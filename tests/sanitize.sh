#!/bin/sh
# Runs tests three times on builds that look for mistakes: Cython's own bounds checks, then AddressSanitizer, then
# UndefinedBehaviorSanitizer. Builds in a folder of its own; the installed package stays as it is.
# Usage: tests/sanitize.sh [PYTHON [TESTS…]]   (PYTHON has the test extra installed; those of cython_ext unless named)
set -eu
cd "$(dirname "$0")/.."
python=$(command -v "${1:-.venv/bin/python}")
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")
shift || true
export EDGEPOSE_SHARED="${EDGEPOSE_SHARED:-$(dirname "$PWD")/shared}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -cf - --exclude=./.venv --exclude=./.git --exclude=./build --exclude='*.so' . | tar -xf - -C "$work"
cd "$work"
[ $# -gt 0 ] || set -- tests/test_association*.py tests/test_completion*.py tests/test_bodies_kernel.py tests/test_wholebody.py

run() { # NAME LIBRARIES FLAGS TESTS…: build with these flags, test with these libraries loaded first
    name=$1 libraries=$2 flags=$3
    shift 3
    rm -rf build edgepose/*.so
    CFLAGS="$flags" LDFLAGS="$flags" "$python" setup.py -q build_ext --inplace >build.log 2>&1 || { cat build.log; exit 1; }
    echo "== $name"
    # Python itself leaks by design, and its allocator would hide overruns of small blocks. A test reads where it must
    # not, to see that this ends the process: so the sanitizers shall leave that signal alone.
    LD_PRELOAD="$libraries" PYTHONMALLOC=malloc ASAN_OPTIONS="detect_leaks=0:handle_segv=0:log_path=$work/report" \
        UBSAN_OPTIONS="handle_segv=0:log_path=$work/report" \
        "$python" -m pytest -q -p no:cacheprovider -c pyproject.toml "$@" \
        || { cat "$work"/report.* 2>/dev/null; exit 1; }
}

library() { gcc -print-file-name="$1"; }

EDGEPOSE_CHECKED=1 run "bounds checked" "" "-O1 -g" "$@"
# libstdc++ too: the sanitizer wants to know what the network runtime throws.
run "AddressSanitizer" "$(library libasan.so) $(library libstdc++.so.6)" "-O1 -g -fsanitize=address -fno-omit-frame-pointer" "$@"
run "UndefinedBehaviorSanitizer" "$(library libubsan.so) $(library libstdc++.so.6)" \
    "-O1 -g -fsanitize=undefined,float-divide-by-zero,float-cast-overflow -fno-sanitize-recover=all" "$@"
