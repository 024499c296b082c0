# shellcheck shell=sh disable=SC2164,SC2034  # -e; the tests use version
# lib.sh: what the tests here share. A test is sh code that runs with -eu after this file, as root in a
# root folder of scripts/lib/roots.list. It passes if it reaches its end. /out has the packages and the
# source package. $base names the root folder in /out/base.tar, if it has one.

version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' /vfifo/dkms.conf)

fail() { echo "FAIL: $*"; exit 1; }

# is GOT WANTED WHAT
is() { [ "$1" = "$2" ] || fail "$3: got '$1', wanted '$2'"; echo "$3: $1"; }

# Copies the tree into FOLDER.
copy_tree() { # FOLDER
	mkdir -p "$1"
	tar -C /vfifo -c --exclude=.git --exclude='*.deb' . | tar -C "$1" -x --no-same-owner
}

# Builds the sources in /tmp/NAME/FOLDER: the packages come into /tmp/NAME, and the output into
# /tmp/NAME/log.
build() { # NAME FOLDER OPTION...
	local name="$1"
	cd "/tmp/$name/$2"
	shift 2
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
