#!/bin/sh
# selftest.t [KERNEL]: shows that the kernel lane cannot pass silently (TAP). It runs the
# lane over tests/vm/selftest, where each test goes wrong in a way of its own, and feeds it
# verdicts that no honest guest would give.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
kernel=${1:-6.12}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tap=$tmp/tap
. "$top/tests/vm/selftest.lib"

lane() { # ARG...
	status=0
	"$top/scripts/vm-test" -k "$kernel" -t tests/vm/selftest "$@" >"$tap" || status=$?
}

# NAME's result, in $tmp/tap, is RESULT and its diagnostics have a line with TEXT.
reported() { # NAME RESULT TEXT
	awk -v name="$1" -v result="$2" -v text="$3" '
		/^(not )?ok / {
			here = 0
			if ($0 ~ "^(not )?ok [0-9]+ - " name "( #|$)") {
				seen++
				right = index($0, result " ") == 1
				here = 1
			}
		}
		here && index($0, text) { said = 1 }
		/^# running / { here = 0 }
		END { exit !(seen == 1 && right && said) }' "$tap"
}

# As many results as planned, numbered one after the other.
well_formed() {
	awk '/^1\.\./ { plan = substr($0, 4) }
		/^(not )?ok / { n++; if ($0 !~ "^(not )?ok " n " - ") bad = 1 }
		NR == 1 && $0 != "TAP version 13" { bad = 1 }
		!/^(TAP version 13|1\.\.[0-9]+|(not )?ok .*|#.*)$/ { bad = 1 }
		END { exit !(plan == n && !bad) }' "$tap"
}

[ "$(id -u)" = 0 ] || command -v sudo >/dev/null || { echo '1..0 # SKIP needs root'; exit 0; }
echo 'TAP version 13'

# --- guests in which things go wrong ------------------------------------------------
# What is behind the name of each is in tests/vm/selftest/NAME.sh.

VFIFO_GRACE=15 lane -m tests/vm/selftest/kmod
while IFS='|' read -r name result text; do
	[ -n "$name" ] || continue
	check "$name: $result, and why" reported "$name" "$result" "$text"
done <<'END'
crash|not ok|killed by signal 11
fail|not ok|the reason why
fail|not ok|exit status 3
flood|not ok|lines were lost
freeze|not ok|it hung
freeze|not ok|stop_cpu
hang|not ok|its limit of 3 s
hang|not ok|(sleep), state S
kmsg|not ok|WARNING: CPU: 0
late|not ok|late_warning
leftover|not ok|left behind: process
nomod|ok|
not-ok|not ok|it said `not ok`
oops|not ok|NULL pointer dereference
panic|not ok|sysrq triggered crash
panic|not ok|about to panic
pass|ok|
poweroff|not ok|it died
room|ok|
skip|ok|# SKIP nothing to test here
stuck|not ok|cannot be unloaded
unkillable|not ok|killed, and still there
warn|not ok|planted_do
guest|ok|
END
check 'every test has its result, once' well_formed
check 'the exit status says that tests failed' [ "$status" != 0 ]
planted=$(find "$top/tests/vm/selftest" -maxdepth 1 \( -name '*.sh' -o -name '*.c' \) | wc -l)
check 'no planted test is left out' grep -qx "1\.\.$((planted + 1))" "$tap"

lane -m tests/vm/selftest/kmod pass skip nomod
check 'with nothing wrong the exit status is 0' [ "$status" = 0 ]
lane --no-module pass
check 'without a module too' [ "$status" = 0 ]
lane --no-module 'no-such-*'
check 'no test at all is a failure' [ "$status" != 0 ]
check 'and is said in TAP' grep -q '^not ok 1 - ' "$tap"

# --- modules and kernels that are not to be had -------------------------------------

not_begun() { # TEXT: the only result is a failure, which says TEXT
	[ "$status" != 0 ] && well_formed && [ "$(grep -c '^not ok' "$tap")" = 1 ] && grep -q "^not ok 1 - .*$1" "$tap"
}

lane -m tests/vm/selftest/broken-api pass
check 'a module that does not compile: for which kernel, and the first error' \
	not_begun "$kernel: .* does not build for $kernel\.[^ ]*: .*: error: too many arguments to function"
lane -m tests/vm/selftest/broken-warning pass
check 'one with a warning' not_begun "$kernel: .*/broken-warning/planted.c:[0-9:]* warning: no previous prototype"
lane -m tests/vm/selftest/broken-sparse pass
check 'one that sparse objects to' not_begun "$kernel: .*/broken-sparse/planted.c:[0-9:]* warning: dereference of noderef"
# The module maps the data twice, which a cache that aliases would tear apart.
aliasing() { # what the build for an architecture with such a cache says, to $tap
	mkdir "$tmp/aliasing"
	cp -R "$top/scripts" "$top/src" "$top/dkms.conf" "$tmp/aliasing/"
	echo 'ccflags-y += -DCONFIG_PARISC=1' >>"$tmp/aliasing/src/kmod/Kbuild"
	"$tmp/aliasing/scripts/build-module" "$kernel" "$tmp/aliasing/out" >"$tap" 2>&1 && status=0 || status=$?
}
aliasing
check 'an architecture whose data cache aliases: no module' [ "$status" != 0 ]
check 'and that is said' grep -q 'error.*vfifo: the data cache of this architecture aliases' "$tap"

list() { # LINE: there is nothing else in it; _ is a blank
	printf '%s\n' "$1" | tr ' _' '\t ' >"$tmp/list"
}
kernels() { # LINE
	list "$1"
	VFIFO_KERNELS_LIST=$tmp/list "$top/scripts/vm-test" -k "${1%% *}" >"$tap" && status=0 || status=$?
}
kernels 'no-such amd64 no-such-flavour trixie check'
check 'a kernel that the archive does not have' not_begun 'no-such is gone: no linux-image-no-such-flavour for amd64 in trixie'
kernels '6.1 amd64 amd64 trixie check'
check 'a suite that has come to have another series' not_begun '6.1 is gone: linux-image-amd64 of trixie is 6.12'
kernels '6.1 amd64 amd64 trixie_bookworm check'
check 'of suites the newest' not_begun '6.1 is gone: linux-image-amd64 of trixie is 6.12'
list '6.12 amd64 amd64 trixie chekc'
VFIFO_KERNELS_LIST=$tmp/list "$top/scripts/check" -l >"$tap" 2>&1 && status=0 || status=$?
check 'a kernel in no lane' [ "$status" != 0 ]
check 'by name' grep -q 'in no lane: 6.12' "$tap"
kernels '6.12 amd64 amd64 no-such-suite check'
check 'a suite that the archive does not have' not_begun '6.12 is gone: '

# --- the parts of a check -----------------------------------------------------------

# The third begins when the second has ended, whatever the first one says meanwhile.
cat >"$tmp/parts" <<END
first	echo 1..1; echo said >&2; timeout 20 sh -c 'until [ -e $tmp/third ]; do sleep 0.1; done' && echo ok 1
second	sleep 1; echo 1..1; echo ok 1
third	: >$tmp/third; echo 1..1; echo ok 1
END
"$top/scripts/tap" 2 <"$tmp/parts" >"$tap" 2>/dev/null && status=0 || status=$?
check 'no part waits for what another says' [ "$status" = 0 ]
check 'each is counted' [ "$(tail -n 1 "$tap")" = '3 passed, 0 failed' ]
printf '%s\n' 'fine	echo 1..1; echo ok 1' 'broken	echo 1..2; echo ok 1' >"$tmp/parts"
"$top/scripts/tap" 2 <"$tmp/parts" >"$tap" 2>/dev/null && status=0 || status=$?
check 'a part that breaks off is a failure' [ "$status" != 0 ]
cat >"$tmp/parts" <<'END'
fine	echo 1..2; echo ok 1; echo '# well'; echo ok 2
bad	echo 1..3; echo ok 1; echo not ok 2 - this; echo '# as that'; echo ok 3; echo '# well'
END
printf 'bad: %s\n' 'not ok 2 - this' '# as that' '1 more' '4 passed, 1 failed' |
	sed 's/^bad: \([14] \)/\1/' >"$tmp/expected"
"$top/scripts/tap" 2 echo 1 more <"$tmp/parts" 2>/dev/null | tail -n 4 >"$tap"
check 'what fails is shown at the end, with why' cmp -s "$tap" "$tmp/expected"

# --- the models -----------------------------------------------------------------------

# A part of them need not have both a litmus test and a configuration for spin.
model() { # NAME...
	VFIFO_ANEW=y "$top/scripts/model-test" "$@" >"$tap" 2>/dev/null && status=0 || status=$?
}
model litmus/sigio-entry
check 'a single litmus test, and no configuration' [ "$status" = 0 ]
check 'is one result' grep -q '^ok 1 - model/litmus/sigio-entry' "$tap"
check 'and no more' [ "$(head -n 1 "$tap")" = 1..1 ]
model order/incompatible
check 'a single configuration, and no litmus test' [ "$status" = 0 ]
check 'is one result too' grep -qx 'ok 1 - model/order/incompatible' "$tap"
model order/incompatible mutant/litmus/sigio-entry/no-D
check 'one of each kind' [ "$(grep -c '^ok ' "$tap")" = 2 ]
model no-such
check 'a name that nothing begins with is a failure' [ "$status" != 0 ]

# --- the cache ----------------------------------------------------------------------

# Another part may be unpacking a root folder, which has the date of its packages meanwhile.
mkdir -p "$tmp/kept/new"
touch -d 2021-01-01 "$tmp/kept/new"
(cd "$top/scripts" && sh -c '. ./lib.sh; prune "$1"' lib "$tmp/kept")
check 'what is being made is not removed' [ -d "$tmp/kept/new" ]

# --- a shell ------------------------------------------------------------------------

shell() {
	printf 'echo one\n[ -e /sys/module/planted ] && printf two\nexit 5\n' >"$tmp/commands"
	printf 'one\ntwo' >"$tmp/expected"
	"$top/scripts/vm-shell" -k "$kernel" -m tests/vm/selftest/kmod \
		<"$tmp/commands" >"$tap" && status=0 || status=$?
}
shell
check 'vm-shell gives back what its commands say' cmp -s "$tap" "$tmp/expected"
check 'and their exit status' [ "$status" = 5 ]

# --- guests that lie ----------------------------------------------------------------

cat >"$tmp/qemu" <<'END'
#!/bin/sh
# Stands in for QEMU: fd 3 is where a guest's verdict goes. As long as there is a line in
# the file $BOOTS it takes one and does not get as far as that; the line is what the
# console has of it.
if [ -s "$BOOTS" ]; then
	while [ "${1#file:}" = "$1" ]; do shift; done
	head -n 1 "$BOOTS" >"${1#file:}"
	sed -i 1d "$BOOTS"
	exit 0
fi
cat "$TOLD" >&3
exit "${TOLD_STATUS:-0}"
END
chmod +x "$tmp/qemu"
export VFIFO_QEMU="$tmp/qemu" TOLD="$tmp/told" TOLD_STATUS=0 BOOTS="$tmp/boots"

told() { # COMMAND...: tells what that makes of a whole verdict, to a lane that asked
	whole | "$@" >"$tmp/told" # for pass and skip
	lane --no-module pass skip 2>"$tmp/err"
}

disbelieved() { # NAME: a failure, with NAME not ok
	[ "$status" != 0 ] && well_formed && grep -q "^not ok [0-9]* - $1\$" "$tap"
}

whole() {
	cat <<'END'
TAP version 13
1..2
# running pass (120 s)
ok 1 - pass
# took 0.1 s
# running skip (120 s)
ok 2 - skip # SKIP nothing to test here
# took 0.1 s
# finished: 2 of 2, 1 passed, 0 failed, 1 skipped
END
}

believed() { [ "$status" = 0 ] && well_formed; }

told cat
check 'a whole verdict is believed' believed
told sed '/^# finished/d'
check 'one without its trailer is not' disbelieved guest
told sed '/^# running skip/q'
check 'one that ends while a test runs: that test failed' disbelieved skip
printf 'Oops: int3: 0000\n%.0s' 1 2 >"$BOOTS"
told cat
check 'a boot that the emulator spoils is made again, twice' believed
check 'and that is said' [ "$(grep -c 'started again' "$tap")" = 2 ]
printf 'Oops: int3: 0000\n%.0s' 1 2 3 >"$BOOTS"
told cat
check 'but not for ever' disbelieved pass
printf 'double fault: 0000\n%.0s' 1 2 >"$BOOTS"
told cat
check 'so is one that did not get to its init' believed
printf 'double fault: 0000\n%.0s' 1 2 3 >"$BOOTS"
told cat
check 'not for ever either' disbelieved pass
echo 'Run /init as init process' >"$BOOTS"
told cat
check 'a guest that ends in its init is a failure' disbelieved pass
told head -c 50
check 'one that ends within a line: that test failed' disbelieved pass
told head -c -1
check 'one that ends within the trailer' disbelieved guest
told true
check 'one that says nothing: every test failed' disbelieved skip
check 'the first one too' disbelieved pass
told sed 's/^1\.\.2/1..1/'
check 'one with another plan' disbelieved pass
told sed '/^1\.\./d'
check 'one without a plan' disbelieved pass
told sed 's/^ok 1 - pass/ok 1 - other/'
check 'a result of another test' disbelieved pass
told sed 's/^ok 2 - skip.*/ok 3 - skip/'
check 'a result with the wrong number' disbelieved skip
told sed '/^# running skip/d'
check 'a result of a test that did not run' disbelieved skip
told sed 's/^ok 2.*/maybe 2 - skip/'
check 'a line that is not TAP' disbelieved skip
told sed 's/^# finished: 2 of 2/# finished: 1 of 2/'
check 'a trailer that counts otherwise' disbelieved guest
told sed '/^ok 2/d'
check 'a result that was lost' disbelieved skip
told sed 's/^# finished/# late: WARNING: something\n&/'
check 'a warning after the last test' disbelieved guest
told printf '%s\n' 'TAP version 13' 1..2 '# finished: 0 of 2, 0 passed, 0 failed, 0 skipped'
check 'a guest that runs nothing, in good order' disbelieved pass
TOLD_STATUS=1
told cat
check 'a QEMU that fails after a whole verdict' disbelieved guest

# --- whole Debians ------------------------------------------------------------------

cat >"$tmp/debian" <<'END'
#!/bin/sh
# As above, for scripts/guest. It tells a whole story in the end.
while [ "${1#file:}" = "$1" ]; do shift; done
if [ -s "$BOOTS" ]; then
	head -n 1 "$BOOTS" >"${1#file:}"
	sed -i 1d "$BOOTS"
	exit 0
fi
echo 'Welcome to Debian' >"${1#file:}"
echo '# done'
END
chmod +x "$tmp/debian"
mkdir "$tmp/image" "$tmp/lane"
debian() {
	VFIFO_QEMU=$tmp/debian "$top/scripts/guest" "$tmp/image" "$tmp/lane" "$tmp/console" \
		>"$tap" 2>"$tmp/err" && status=0 || status=$?
}

printf 'double fault: 0000\n%.0s' 1 2 >"$BOOTS"
debian
check 'a Debian that does not boot is started again, twice' [ "$status" = 0 ]
check 'and that is said' [ "$(grep -c 'started again' "$tmp/err")" = 2 ]
printf 'double fault: 0000\n%.0s' 1 2 3 >"$BOOTS"
debian
check 'but not for ever' [ "$status" != 0 ]
echo 'Welcome to Debian' >"$BOOTS"
debian
check 'one that ends once it has booted is a failure' [ "$status" != 0 ]

checked
