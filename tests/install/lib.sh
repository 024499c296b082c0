# shellcheck shell=sh disable=SC2034
# lib.sh: what the tests here share. A test is a piece of sh that runs with -eu after
# this; it passes if it gets to its end.
# shellcheck disable=SC2154 # lane: the folder that all this travelled in

dev=/dev/vfifo0
attr=/sys/class/vfifo/vfifo0

fail() { echo "FAIL: $*"; exit 1; }

# is GOT WANTED WHAT
is() { [ "$1" = "$2" ] || fail "$3: got '$1', wanted '$2'"; echo "$3: $1"; }

as() { # USER COMMAND-LINE, in a session as a login makes it
	local user="$1"
	shift
	su -s /bin/sh "$user" -c "$*"
}

# refused USER COMMAND-LINE: it fails, and for want of permission
refused() {
	local said
	if said=$(as "$@" 2>&1); then fail "$1 was let in: $2"; fi
	case $said in
	*"Permission denied"*) echo "$1 is refused: $2" ;;
	*) fail "$1 failed otherwise: $said" ;;
	esac
}

# One line of ours in FILE (/tmp/apt.log), and it says TEXT.
says() { # TEXT [FILE]
	set -- "${2:-/tmp/apt.log}" "$1"
	is "$(grep -c '^vfifo-dkms: ' "$1")" 1 "lines for the user"
	grep '^vfifo-dkms: ' "$1" | grep -F -- "$2" || fail "the line does not say: $2"
}

audit() { is "$(dpkg --audit)" "" "dpkg --audit"; }

installed() { is "$(dpkg-query -W -f '${db:Status-Status} ${Version}' vfifo-dkms)" "installed $1" "vfifo-dkms"; }

# apt, with its output in /tmp/apt.log and shown; it must succeed, and dpkg be content.
apt() {
	apt-get -q -y -o Dpkg::Use-Pty=0 "$@" >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; fail "apt-get $*"; }
	grep -vE '^(Reading |Building dependency|Selecting |Preparing |Need to |After this |Get:)' /tmp/apt.log || :
	audit
}

# The next version, from a local archive.
offer_upgrade() {
	echo "deb [trusted=yes] file:$lane/repo ./" >/etc/apt/sources.list.d/lane.list
	apt update -o Acquire::Languages=none
}

# Nothing of the package is left but the group.
nothing_left() {
	local left
	left=$(find / -xdev -path /proc -prune -o -path /tmp -prune -o -path /vfifo -prune -o -path /out -prune -o \
		-path /lane -prune -o -name '*vfifo*' ! -name 'vfifo-lane*' -print)
	is "$left" "" "files left"
	is "$(dpkg-query -W -f '${db:Status-Status}' vfifo-dkms 2>/dev/null || :)" "" "dpkg knows of it"
	is "$(getent group vfifo | cut -d: -f1)" vfifo "the group stays"
}
