# shellcheck shell=sh disable=SC2034
# lib.sh: what the tests here share. A test is a piece of sh that runs with -eu after
# this; it passes if it gets to its end.
# shellcheck disable=SC2154 # lane: the folder that all this travelled in

dev=/dev/vfifo0
attr=/sys/class/vfifo/vfifo0

# What image.sh has had compiled is not compiled again.
if [ -e /var/cache/ccache ]; then export DEBIAN_KERNEL_USE_CCACHE=y; fi

fail() { echo "FAIL: $*"; exit 1; }

# is GOT WANTED WHAT
is() { [ "$1" = "$2" ] || fail "$3: got '$1', wanted '$2'"; echo "$3: $1"; }

# (In an emulated machine su takes a second, for all that PAM has to do.)
as() { # USER COMMAND-LINE, in the groups that a login would give
	local user="$1" home
	shift
	home=$(getent passwd "$user" | cut -d: -f6)
	setpriv --reuid="$user" --regid="$user" --init-groups \
		env HOME="$home" USER="$user" LOGNAME="$user" SHELL=/bin/sh sh -c "$*"
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

# A step of the image's making, see image.sh: apt ended well, dpkg was content, and each kernel
# that had its headers then had its module.
after() { # STEP
	local record="/var/lib/vfifo-lane/$1"
	cat "$record"
	[ "$(sed -n 's/^exit: //p' "$record")" = 0 ] || { cat "$record.log"; fail "apt, at $1"; }
	is "$(sed -n 's/^audit: //p' "$record")" "" "dpkg --audit, after $1"
	is "$(kernels "$1" | grep 'headers -')" "" "kernels without a module, after $1"
}

# KERNEL image|- headers|- module|-, a line each, oldest first
kernels() { # STEP
	grep '^[0-9]' "/var/lib/vfifo-lane/$1" | sort -V
}

# The kernels that have a module now, oldest first; one that was made for another says so.
modules() {
	local ko kernel made_for
	find /usr/lib/modules -name 'vfifo.ko*' | while read -r ko; do
		kernel=${ko#/usr/lib/modules/}
		kernel=${kernel%%/*}
		made_for=$(modinfo -F vermagic "$ko" | cut -d' ' -f1)
		[ "$made_for" = "$kernel" ] || kernel="$kernel has one for $made_for"
		echo "$kernel"
	done | sort -V
}

# The device is there, it is for the group, and what goes in comes out.
works() {
	is "$(stat -c '%a %U %G' $dev)" "660 root vfifo" "node"
	as alice "echo hello >$dev"
	is "$(as alice "head -c 6 $dev")" hello "alice reads"
	refused mallory "cat <$dev"
	is "$(cat /sys/module/vfifo/srcversion)" "$(modinfo -F srcversion vfifo)" "srcversion that runs"
}

# Programs that go on meanwhile: numbered lines from one mapping into another.
start_stream() {
	rm -f /tmp/stream.end
	as alice "i=0; until [ -e /tmp/stream.end ]; do echo \$((i += 1)); sleep 1; done |
		tee ~/in | $lane/bin/example-producer" &
	stream=$!
	as alice "$lane/bin/example-consumer >~/out" &
	until [ "$(cat $attr/producer)" != 0 ] && [ "$(cat $attr/consumer)" != 0 ]; do sleep 0.1; done
	stream_ends="$(cat $attr/producer) $(cat $attr/consumer)"
}

end_stream() {
	is "$(cat $attr/producer) $(cat $attr/consumer)" "$stream_ends" "producer and consumer, as before"
	touch /tmp/stream.end
	wait "$stream" || fail "the producer"
	until [ "$(cat $attr/size)" = 0 ]; do sleep 0.1; done
	sleep 1 # the last of it is on its way into the file
	kill "${stream_ends#* }"
	wait || :
	cmp ~alice/in ~alice/out || fail "the stream is not whole"
	is "$(tail -n 1 ~alice/out)" "$(wc -l <~alice/in)" "lines that came through"
}

# Nothing of the package is left but the group.
nothing_left() {
	local left
	left=$(find / -xdev -path /proc -prune -o -path /tmp -prune -o -path /vfifo -prune -o -path /out -prune -o \
		-path /lane -prune -o -name '*vfifo*' ! -name 'vfifo-lane*' -print)
	is "$left" "" "files left"
	is "$(grep -l vfifo /usr/lib/modules/*/modules.dep)" "" "lists of modules that have it"
	is "$(dpkg-query -W -f '${db:Status-Status}' vfifo-dkms 2>/dev/null || :)" "" "dpkg knows of it"
	is "$(getent group vfifo | cut -d: -f1)" vfifo "the group stays"
}
