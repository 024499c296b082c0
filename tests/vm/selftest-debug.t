#!/bin/sh
# selftest-debug.t [KERNEL]: shows that the debug kernel is one: what it is made to find is
# planted, found, and costs the test that did it (TAP).
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
kernel=${1:-debug}
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
number=0 failed=0

check() { # WHAT COMMAND...
	local what="$1"
	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $what"
	else
		failed=$((failed + 1))
		echo "not ok $number - $what"
		sed 's/^/# /' "$tmp" | head -n 60
	fi
}

lane() { # TEST
	"$top/scripts/vm-test" -k "$kernel" -t tests/vm/selftest-debug -m tests/vm/selftest/kmod "$1" >"$tmp" || :
}

said() { grep -q -- "$1" "$tmp"; }

echo 'TAP version 13'
lane on
check 'all that it is made of is on' said '^ok 1 - on$'
lane use-after-free
check 'a use after free fails its test' said '^not ok 1 - use-after-free'
check 'as KASAN says' said 'KASAN: slab-use-after-free in .*\[planted\]'
lane inversion
check 'two locks taken in both orders fail their test' said '^not ok 1 - inversion'
check 'as lockdep says' said 'possible circular locking dependency'
lane leak
check 'a leak fails the run, as it is found at the end' said '^not ok 2 - guest'
check 'as kmemleak says' said 'kmemleak: [0-9]* new suspected memory leak'
echo "1..$number"
[ $failed = 0 ]
