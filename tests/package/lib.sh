# shellcheck shell=sh disable=SC2164  # the tests run with -e
# lib.sh: what the tests here share. A test is sh code that runs with -eu after this file, as root in
# the root folder `packages` (scripts/lib/roots.list). It passes if it reaches its end.

version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' /vfifo/dkms.conf)

fail() { echo "FAIL: $*"; exit 1; }

# is GOT WANTED WHAT
is() { [ "$1" = "$2" ] || fail "$3: got '$1', wanted '$2'"; echo "$3: $1"; }

# Builds the packages in /tmp/NAME/FOLDER, as a build writes into the parent of its folder, and keeps
# its output in /tmp/NAME/log.
build() { # NAME FOLDER OPTION...
	local name="$1" folder="$2"
	shift 2
	mkdir -p "/tmp/$name/$folder"
	tar -C /vfifo -c --exclude=.git --exclude='*.deb' . | tar -C "/tmp/$name/$folder" -x --no-same-owner
	cd "/tmp/$name/$folder"
	dpkg-buildpackage "$@" -us -uc >"/tmp/$name/log" 2>&1 || {
		tail -n 30 "/tmp/$name/log"
		fail "dpkg-buildpackage $*"
	}
	echo "built by dpkg-buildpackage $*"
}

# The packages of a build, without those of debugging symbols.
packages() { # NAME
	(cd "/tmp/$1" && ls ./*.deb) | sed 's|^./||; s/_.*//' | grep -v -e -dbgsym | xargs
}

# The files of the packages of a build, with their modes.
files() { # NAME PACKAGE...
	local name="$1" package
	shift
	for package in "$@"; do
		dpkg-deb -c "/tmp/$name/${package}_${version}"_*.deb | awk '{ print $1, $2, $6, $7, $8 }'
	done
}
