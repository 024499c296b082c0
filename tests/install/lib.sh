# shellcheck shell=sh disable=SC2034
# lib.sh: what the tests here share. A test is sh code that runs with -eu after this file. It
# passes if it reaches its end. `subtest NAME` begins a case of a test; the one before it has passed.
# shellcheck disable=SC2154 # lane: the folder with the tests and the packages

dev=/dev/vfifo0
attr=/sys/class/vfifo/vfifo0

# The cache has the results of the compiler runs of image.sh.
if [ -e /var/cache/ccache ]; then export DEBIAN_KERNEL_USE_CCACHE=y; fi

fail() { echo "FAIL: $*"; exit 1; }

subtest() { # NAME
	echo "--- $1"
	echo "$(date +%s) $1" >>/tmp/lane.cases
}

# is GOT WANTED WHAT
is() { [ "$1" = "$2" ] || fail "$3: got '$1', wanted '$2'"; echo "$3: $1"; }

# COMMAND-LINE succeeds, sooner or later.
until_true() {
	local i=0
	until eval "$1"; do
		i=$((i + 1))
		[ $i -lt 300 ] || { journalctl -q -b -n 80 -o short-monotonic || :; fail "not within a minute: $1"; }
		sleep 0.2
	done
}

# Removes the mark of an ended stream: a receiver that starts before its sender would end at once.
new_stream() { vfifo send --method map vfifo0 /dev/null; }

# Runs COMMAND-LINE with the groups of a login. (Not su: with PAM it takes a second in an emulator.)
as() { # USER COMMAND-LINE
	local user="$1" home
	shift
	home=$(getent passwd "$user" | cut -d: -f6)
	setpriv --reuid="$user" --regid="$user" --init-groups \
		env HOME="$home" USER="$user" LOGNAME="$user" SHELL=/bin/sh sh -c "$*"
}

# COMMAND-LINE fails with EACCES.
refused() { # USER COMMAND-LINE
	local output
	if output=$(as "$@" 2>&1); then fail "$1 has permission: $2"; fi
	case $output in
	*"Permission denied"*) echo "$1 has no permission: $2" ;;
	*) fail "$1 has another error: $output" ;;
	esac
}

# FILE (/tmp/apt.log) has exactly one line of vfifo-dkms, which contains TEXT.
says() { # TEXT [FILE]
	set -- "${2:-/tmp/apt.log}" "$1"
	is "$(grep -c '^vfifo-dkms: ' "$1")" 1 "lines for the user"
	grep '^vfifo-dkms: ' "$1" | grep -F -- "$2" || fail "the line lacks: $2"
}

audit() { is "$(dpkg --audit)" "" "dpkg --audit"; }

# The version of the module is the upstream version of its package.
version_of() { dpkg-deb -f "$1" Version | sed 's/-[^-]*$//'; } # DEB
installed_version() { dpkg-query -W -f '${Version}' vfifo-dkms | sed 's/-[^-]*$//'; }

installed() { # VERSION
	is "$(dpkg-query -W -f '${db:Status-Status}' vfifo-dkms) $(installed_version)" "installed $1" "vfifo-dkms"
}

# Runs apt-get, which must succeed, with its output in /tmp/apt.log. dpkg --audit must be empty.
apt() {
	apt-get -q -y -o Dpkg::Use-Pty=0 "$@" >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; fail "apt-get $*"; }
	grep -vE '^(Reading |Building dependency|Selecting |Preparing |Need to |After this |Get:)' /tmp/apt.log || :
	audit
}

# Makes the next version available from a local archive.
offer_upgrade() {
	echo "deb [trusted=yes] file:$lane/repo ./" >/etc/apt/sources.list.d/lane.list
	apt update -o Acquire::Languages=none
}

# In STEP of image.sh, apt succeeded, dpkg --audit was empty, and each kernel with headers had its
# module.
after() { # STEP
	local record="/var/lib/vfifo-lane/$1"
	cat "$record"
	[ "$(sed -n 's/^exit: //p' "$record")" = 0 ] || { cat "$record.log"; fail "apt, at $1"; }
	is "$(sed -n 's/^audit: //p' "$record")" "" "dpkg --audit, after $1"
	is "$(kernels "$1" | grep 'headers -')" "" "kernels without a module, after $1"
}

# Prints lines KERNEL image|- headers|- module|-, oldest first.
kernels() { # STEP
	grep '^[0-9]' "/var/lib/vfifo-lane/$1" | sort -V
}

# Prints the kernels that have a module now, oldest first, with a note if it is for another kernel.
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

# The device exists, belongs to the group, and passes bytes on.
works() {
	is "$(stat -c '%a %U %G' $dev)" "660 root vfifo" "node"
	as alice "echo hello >$dev"
	is "$(as alice "head -c 6 $dev")" hello "alice reads"
	refused mallory "cat <$dev"
	is "$(cat /sys/module/vfifo/srcversion)" "$(modinfo -F srcversion vfifo)" "srcversion that is loaded"
}

# Starts programs that send numbered lines from one mapping to another.
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
	sleep 1 # the consumer still writes the last lines into the file
	kill "${stream_ends#* }"
	wait || :
	cmp ~alice/in ~alice/out || fail "the stream is not whole"
	is "$(tail -n 1 ~alice/out)" "$(wc -l <~alice/in)" "lines that came through"
}

# Only the group is left of the package.
nothing_left() {
	local left
	left=$(find / -xdev -path /proc -prune -o -path /tmp -prune -o -path /vfifo -prune -o -path /out -prune -o \
		-path /lane -prune -o -name '*vfifo*' ! -name 'vfifo-lane*' -print)
	is "$left" "" "files left"
	is "$(grep -l vfifo /usr/lib/modules/*/modules.dep)" "" "lists of modules that have it"
	is "$(dpkg-query -W -f '${db:Status-Status}' vfifo-dkms 2>/dev/null || :)" "" "state in dpkg"
	is "$(getent group vfifo | cut -d: -f1)" vfifo "group that is kept"
}
