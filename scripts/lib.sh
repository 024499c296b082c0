# shellcheck shell=sh disable=SC3043,SC2034,SC2120,SC2119  # `local`: in dash, busybox and bash alike
# lib.sh: what the scripts here share. Sourced with `. "$(dirname "$0")/lib.sh"`.
#
#   say TEXT...        one line of progress, with the seconds since the script began
#   warn, die TEXT...  the same on standard error; die ends the script
#   told FILE          the TEXT of the last of them that is in FILE
#   as_root CMD...     CMD as root: directly, or through sudo
#   need PACKAGE...    apt-installs those that this machine does not have yet
#   mirror [SECURITY]  the Debian mirror of this machine's apt configuration
#   archive_version SUITE PACKAGE [ARCHITECTURE]
#                      the version that the archive has now (looked up once a day), or
#                      nothing; of amd64, if not of another ARCHITECTURE
#   kernels            the lines of kernels.list, or of the file $VFIFO_KERNELS_LIST
#   kernel_line NAME   that of one of them
#   quietly LOG CMD... CMD with its output in LOG and a dot every ten seconds; the
#                      log's end is shown if it fails
#   key TEXT...        a short hash, to name what is cached after what made it
#   made DIR CMD...    DIR, if it is not there yet, made by `CMD... NEWDIR` (one maker
#                      at a time; a half-made one never gets the name; what is mounted
#                      in it, by a maker that was killed, is left alone)
#   prune DIR          removes from DIR, a folder of the cache, what no one used for a month
#
# Everything slow is kept in $cache and named after what it was made from, so that a
# changed recipe makes a new one and nothing needs to be told. Removing $cache is safe.

set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vfifo
began=${VFIFO_BEGAN:-$(date +%s)}
export VFIFO_BEGAN="$began"
mkdir -p "$cache"

say()  { printf '[%4d s] %s\n' $(($(date +%s) - began)) "$*" >&2; }
warn() { say "warning: $*"; }
told() { tail -n 1 "$1" | sed 's/^\[[^]]*\] [a-z]*: //'; }
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
	local missing
	missing=$(for p in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || echo "$p"
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

# The first URI of the apt sources, deb822 or one-line, that has a suite `main`-like
# (or, with SECURITY, one whose suite ends in -security).
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
	# (The sleep outlives its loop: it must hold nobody's pipe, nor the lock of `made`.)
	(while sleep 10 >/dev/null 2>&1 9>&-; do printf . >&2; done) >/dev/null &
	local dots=$!
	wait "$pid" || rc=$?
	# Not TERM, which a new process of a shell with a trap can miss.
	kill -9 "$dots" 2>/dev/null
	wait "$dots" 2>/dev/null || :
	if [ "$rc" != 0 ]; then
		tail -n 40 "$log" >&2
		warn "failed ($rc): $* (all of it in $log)"
	fi
	return "$rc"
}

made() {
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
	# apt-cache takes half a second, and the scripts ask for the same thing again and again.
	if [ ! -e "$state/$day.$package" ]; then
		archive_apt apt-cache show --no-all-versions "$package" 2>/dev/null |
			sed -n 's/^Version: //p' | head -n 1 >"$state/$day.$package.$$"
		mv "$state/$day.$package.$$" "$state/$day.$package"
	fi
	cat "$state/$day.$package"
}

# An apt of its own, that looks at one suite only and touches nothing of the machine's: what
# archive_apt runs next is about SUITE and ARCHITECTURE (into $state, $arch and $day).
archive_of() { # SUITE ARCHITECTURE
	arch=$2
	day=$(date +%F)
	state=$cache/archive/$1-$arch
	mkdir -p "$state"
	# One at a time: apt refuses to look while another does.
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

# A lock is left while someone may wait for it; an old one is of something long gone.
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
		warn "cannot reach the archive for $1 ($arch); going by what it had earlier"
	fi
}

# (Not by its mtime: a folder that is being unpacked into has for a while that of a package.)
prune() {
	[ ! -d "$1" ] || [ -z "$(find "$1" -mindepth 1 -maxdepth 1 -ctime +30)" ] ||
		as_root find "$1" -mindepth 1 -maxdepth 1 -ctime +30 -exec rm -rf --one-file-system {} + || :
}
