#!/bin/sh
# planted.t [NAME...]: shows that the fuzzer finds faults that were once in the module (TAP). Each file
# of tests/fuzz/planted plants one into a copy of the sources. Its lines `test:` and `kernel:` say
# where it must be found, within a minute.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
tree=$(mktemp -d)
tap=$tree.tap
trap 'rm -rf "$tree" "$tap"' EXIT
. "$top/tests/vm/selftest.lib"

value() { sed -n "s/^$2: //p" "$1"; } # FILE NAME

found() { # PATCH
	local name
	name=$(value "$1" test)
	rm -rf "$tree"
	mkdir "$tree"
	cp -R "$top/scripts" "$top/src" "$top/tests" "$top/dkms.conf" "$tree/"
	patch -s -p1 -d "$tree" <"$1" || return 1
	if VFIFO_FUZZ=seed=1,operations=4000000000,seconds=60 \
		"$tree/scripts/vm-test" -k "$(value "$1" kernel)" "$name" >"$tap"; then
		return 1
	fi
	# The module was built and the guest began, so it is the fault that was found.
	grep -q "^not ok 1 - $name" "$tap"
}

echo 'TAP version 13'
for patch in "$top"/tests/fuzz/planted/*.patch; do
	name=${patch##*/}
	name=${name%.patch}
	[ $# = 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
	check "$name is found within a minute" found "$patch"
	sed -n '/^# took/s/^/# /p; /fail:/,/^# again/s/^/# /p' "$tap"
done
checked
