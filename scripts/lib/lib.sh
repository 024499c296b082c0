# shellcheck shell=sh disable=SC3043,SC2034,SC2120,SC2119  # `local`: in dash, busybox and bash alike
# lib.sh: what the scripts share. A script sources it first: `. "$(dirname "$0")/lib/lib.sh"`.
#
#   say TEXT...        prints a line of progress, with the seconds since the script began
#   warn, die TEXT...  the same for a warning and an error; die ends the script
#   last_message FILE  prints the TEXT of the last line of say, warn or die in FILE
#   bad_usage          prints the usage on standard error and ends the script with 2
#   as_root CMD...     runs CMD as root: directly, or through sudo
#   need PACKAGE...    installs with apt the packages that this machine lacks
#   mirror [security]  prints the Debian mirror of this machine's apt configuration
#   archive_version SUITE PACKAGE [ARCHITECTURE]
#                      prints the version that the archive has now, or nothing. The default
#                      architecture is amd64. The archive is asked once a day
#   kernels            prints the lines of kernels.list, or of the file $VFIFO_KERNELS_LIST
#   kernel_line NAME   prints the line of the kernel NAME
#   quietly LOG CMD... runs CMD with its output in LOG and prints a dot every ten seconds;
#                      if CMD fails, prints the end of LOG
#   cached DIR CMD...  makes the folder DIR with `CMD... NEWDIR`, unless DIR exists. One
#                      process at a time makes it, and DIR is never incomplete. The rest of
#                      a killed maker is removed, but not what is mounted in it
#   prune DIR          removes from the folder DIR of the cache what was not used for a month
#
# Usage is the comment at the head of a script, from `usage:` on. `SCRIPT -h` prints it and
# does nothing else.
#
# What is slow to make is kept in $cache, under a name that contains a hash of its recipe. A
# changed recipe therefore makes a new copy. $cache may be removed at any time.

set -eu

top=$(cd "$(dirname "$0")" && pwd)
top=${top%/lib}
top=${top%/scripts}
lib=$top/scripts/lib
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vfifo

usage() { sed -n '1d; /^#/!q; s/^# \{0,1\}//p' "$0"; }

bad_usage() {
	usage | awk '!/^(usage:|       )/ { exit } { print }' >&2
	exit 2
}

case ${1:-} in
-h | --help)
	usage
	exit ;;
esac
began=${VFIFO_BEGAN:-$(date +%s)}
export VFIFO_BEGAN="$began"
mkdir -p "$cache"

say()  { printf '[%4d s] %s\n' $(($(date +%s) - began)) "$*" >&2; }
warn() { say "warning: $*"; }
last_message() { tail -n 1 "$1" | sed 's/^\[[^]]*\] [a-z]*: //'; }
die()  { say "error: $*"; exit 1; }

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		die "this needs root: run it as root, or install sudo"
	fi
}

need() {
	local missing here
	here="$(dpkg --print-architecture) installed"
	# A package can be there for several architectures.
	missing=$(for p in "$@"; do
		dpkg-query -W -f '${Architecture} ${db:Status-Status}\n' "$p" 2>/dev/null |
			grep -qxF -e "$here" -e 'all installed' || echo "$p"
	done)
	[ -n "$missing" ] || return 0
	# shellcheck disable=SC2086 # one word a package
	set -- $missing
	say "installing $* (apt)"
	(
		flock 9
		quietly "$cache/apt.log" as_root apt-get -q update
		quietly "$cache/apt.log" as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get -q -y --no-install-recommends install "$@"
	) 9>"$cache/apt.lock"
}

# Prints the first URI of the apt sources, in either format, whose suite is a Debian release.
# With `security`, the suite must end in -security.
mirror() {
	local want='bookworm|trixie|forky|sid|stable|testing|unstable'
	[ "${1:-}" != security ] || want='[a-z]*-security'
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
	    /etc/apt/sources.list.d/*.sources 2>/dev/null |
	awk -v want="^($want)\$" '
		function offer(uri, suite) {
			if (suite ~ want && uri ~ /^(https?|file|copy|mirror)/ && !done++) print uri
		}
		/^deb[ \t]/ { sub(/\[[^]]*\]/, ""); offer($2, $3) }
		/^URIs:/    { uri = $2 }
		/^Suites:/  { for (i = 2; i <= NF; i++) offer(uri, $i) }'
}

key() { printf '%s\n' "$@" | sha256sum | cut -c1-12; }

quietly() {
	local log="$1" rc=0 pid
	shift
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	# The sleep outlives its loop, so it must not hold a pipe of the caller or the lock of
	# `cached`.
	(while sleep 10 >/dev/null 2>&1 9>&-; do printf . >&2; done) >/dev/null &
	local dots=$!
	wait "$pid" || rc=$?
	# KILL: a new process of a shell with a trap can miss TERM.
	kill -9 "$dots" 2>/dev/null
	wait "$dots" 2>/dev/null || :
	if [ "$rc" != 0 ]; then
		tail -n 40 "$log" >&2
		warn "failed ($rc): $* (full log: $log)"
	fi
	return "$rc"
}

cached() {
	local dir="$1"
	shift
	[ ! -d "$dir" ] || { touch -c "$dir"; return 0; }
	mkdir -p "${dir%/*}"
	(
		flock 9
		[ ! -d "$dir" ] || exit 0
		as_root rm -rf --one-file-system "$dir.new"
		"$@" "$dir.new" || exit 1
		mv "$dir.new" "$dir"
	) 9>"$dir.lock"
}

kernels() { grep -v '^#' "${VFIFO_KERNELS_LIST:-$top/scripts/kernels.list}"; }

kernel_line() { # NAME
	kernels | grep "^$1	" || die "kernels.list has no $1"
}

archive_version() {
	local suite="$1" package="$2" day state arch
	archive_of "$suite" "${3:-amd64}"
	# apt-cache takes half a second, and the scripts ask for the same version many times.
	if [ ! -e "$state/$day.$package" ]; then
		archive_apt apt-cache show --no-all-versions "$package" 2>/dev/null |
			sed -n 's/^Version: //p' | head -n 1 >"$state/$day.$package.$$"
		mv "$state/$day.$package.$$" "$state/$day.$package"
	fi
	cat "$state/$day.$package"
}

# Sets $state, $arch and $day for archive_apt: an apt with its own state, which knows one suite
# and does not touch that of the machine.
archive_of() { # SUITE ARCHITECTURE
	arch=$2
	day=$(date +%F)
	state=$cache/archive/$1-$arch
	mkdir -p "$state"
	# One process at a time, as apt fails while another updates the same lists.
	[ -e "$state/$day" ] || (
		flock 9
		[ -e "$state/$day" ] || archive_update "$1"
	) 9>"$state.lock"
}

archive_apt() {
	local cmd="$1"
	shift
	"$cmd" -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" \
		-o Dir::State::status=/dev/null -o Acquire::Languages=none \
		-o APT::Sandbox::User=root -o APT::Architecture="$arch" -o APT::Architectures="$arch" \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o APT::Default-Release= "$@"
}

archive_update() { # SUITE
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	case $1 in
	*-security) echo "deb $(mirror security) $1 main" ;;
	*) echo "deb $(mirror) $1 main" ;;
	esac >"$state/sources.list"
	if archive_apt apt-get -q update >"$state/log" 2>&1; then
		rm -f "$state"/20*
		: >"$state/$day"
	else
		warn "cannot reach the archive for $1 ($arch); using the lists of an earlier day"
	fi
}

# By ctime: while a folder is unpacked, it has the mtime of a package.
prune() {
	[ ! -d "$1" ] || [ -z "$(find "$1" -mindepth 1 -maxdepth 1 -ctime +30)" ] ||
		as_root find "$1" -mindepth 1 -maxdepth 1 -ctime +30 -exec rm -rf --one-file-system {} + || :
}
