#!/bin/sh
# selftest-debug.t [KERNEL]: shows that the debug kernel finds planted faults of each kind, and
# that the test with the fault fails (TAP).
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
kernel=${1:-debug}
tap=$(mktemp)
trap 'rm -f "$tap"' EXIT
. "$top/tests/vm/selftest.lib"

lane() { # TEST...
	"$top/scripts/vm-test" -k "$kernel" -t tests/vm/selftest-debug -m tests/vm/selftest/kmod "$@" >"$tap" || :
}

said() { grep -q -- "$1" "$tap"; }

echo 'TAP version 13'
lane leak on
check 'all its debug options are on' said '^ok 2 - on$'
check 'a leak fails the run, as the scan is at the end' said '^not ok 3 - guest'
check 'with the report of kmemleak' said 'kmemleak: [0-9]* new suspected memory leak'
lane inversion use-after-free
check 'a use after free fails its test' said '^not ok 2 - use-after-free'
check 'with the report of KASAN' said 'KASAN: slab-use-after-free in .*\[planted\]'
check 'two locks taken in both orders fail their test' said '^not ok 1 - inversion'
check 'with the report of lockdep' said 'possible circular locking dependency'
checked
