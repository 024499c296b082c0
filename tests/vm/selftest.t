#!/bin/sh
# selftest.t [KERNEL]: shows that the kernel lane reports every kind of failure (TAP). Runs the
# lane over tests/vm/selftest, where each test fails in its own way, and sends it invalid verdicts.
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

# $tmp/tap has RESULT for NAME, with TEXT in its diagnostics.
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

# The results are numbered from 1 to the number in the plan.
well_formed() {
	awk '/^1\.\./ { plan = substr($0, 4) }
		/^(not )?ok / { n++; if ($0 !~ "^(not )?ok " n " - ") bad = 1 }
		NR == 1 && $0 != "TAP version 13" { bad = 1 }
		!/^(TAP version 13|1\.\.[0-9]+|(not )?ok .*|#.*|    .*)$/ { bad = 1 }
		END { exit !(plan == n && !bad) }' "$tap"
}

[ "$(id -u)" = 0 ] || command -v sudo >/dev/null || { echo '1..0 # SKIP needs root'; exit 0; }
echo 'TAP version 13'

# --- guests in which tests fail -----------------------------------------------------
# tests/vm/selftest/NAME.sh or NAME.c is the test.

VFIFO_GRACE=15 lane -m tests/vm/selftest/kmod
while IFS='|' read -r name result text; do
	[ -n "$name" ] || continue
	check "$name: $result, and why" reported "$name" "$result" "$text"
done <<'END'
cases|not ok|second case: cases.c:
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
not-ok|not ok|it printed `not ok`
oops|not ok|NULL pointer dereference
panic|not ok|sysrq triggered crash
panic|not ok|about to panic
pass|ok|
poweroff|not ok|it died
room|ok|
skip|ok|# SKIP nothing to test here
stood-still|ok|
stuck|not ok|cannot be unloaded
timed|not ok|exit status 4
unkillable|not ok|killed, but not dead
warn|not ok|planted_do
guest|ok|
END
check 'every test has its result, once' well_formed
check 'a test that measures time is run again after a standstill, and only then' \
	test "$(grep -c '^# again: ' "$tap") $(grep -c '^# again: stood-still failed, ' "$tap")" = '1 1'
printf '    %s\n' 'ok 1 - first case' 'not ok 2 - second case' 1..2 >"$tmp/expected"
sed -n '/^# running cases/,/^not ok/s/^    /&/p' "$tap" >"$tmp/cases"
check 'the cases of a test are its subtests' cmp "$tmp/cases" "$tmp/expected"
check 'the exit status is a failure' [ "$status" != 0 ]
planted=$(find "$top/tests/vm/selftest" -maxdepth 1 \( -name '*.sh' -o -name '*.c' \) | wc -l)
check 'no planted test is left out' grep -qx "1\.\.$((planted + 1))" "$tap"

lane -m tests/vm/selftest/kmod pass skip nomod
check 'with no failure the exit status is 0' [ "$status" = 0 ]
lane -p --no-module pass skip
check 'without a module too' [ "$status" = 0 ]
check 'with -p only the tests with smp run' grep -qx '1\.\.2' "$tap"
lane -j 2 -m tests/vm/selftest/kmod pass skip fail panic
check 'two guests at a time: one verdict, with the failures of each' \
	test "$status $(grep -c '^ok' "$tap") $(grep -c '^not ok [0-9]* - \(fail\|panic\)$' "$tap")" = '1 3 2'
check 'which is well formed' well_formed
lane --no-module 'no-such-*'
check 'no test at all is a failure' [ "$status" != 0 ]
check 'which is in the TAP' grep -q '^not ok 1 - ' "$tap"

# --- modules and kernels that do not exist ------------------------------------------

# The only result is a failure with TEXT.
not_begun() { # TEXT
	[ "$status" != 0 ] && well_formed && [ "$(grep -c '^not ok' "$tap")" = 1 ] && grep -q "^not ok 1 - .*$1" "$tap"
}

lane -m tests/vm/selftest/broken-api pass
check 'a module that does not compile: for which kernel, and the first error' \
	not_begun "$kernel: .* does not build for $kernel\.[^ ]*: .*: error: too many arguments to function"
lane -m tests/vm/selftest/broken-warning pass
check 'one with a warning' not_begun "$kernel: .*/broken-warning/planted.c:[0-9:]* warning: no previous prototype"
lane -m tests/vm/selftest/broken-sparse pass
check 'one with a warning of sparse' not_begun "$kernel: .*/broken-sparse/planted.c:[0-9:]* warning: dereference of noderef"
# The module maps the data twice, so it does not support caches that alias. Builds it as for an
# architecture with such a cache.
aliasing() {
	mkdir "$tmp/aliasing"
	cp -R "$top/scripts" "$top/src" "$top/dkms.conf" "$tmp/aliasing/"
	echo 'ccflags-y += -DCONFIG_PARISC=1' >>"$tmp/aliasing/src/kmod/Kbuild"
	"$tmp/aliasing/scripts/lib/module" "$kernel" "$tmp/aliasing/out" >"$tap" 2>&1 && status=0 || status=$?
}
aliasing
check 'an architecture whose data cache aliases: no module' [ "$status" != 0 ]
check 'with the reason' grep -q 'error.*vfifo: the data cache of this architecture aliases' "$tap"

# Makes a kernels.list of one LINE, in which _ is a blank.
list() { # LINE
	printf '%s\n' "$1" | tr ' _' '\t ' >"$tmp/list"
}
kernels() { # LINE
	list "$1"
	VFIFO_KERNELS_LIST=$tmp/list "$top/scripts/vm-test" -k "${1%% *}" >"$tap" && status=0 || status=$?
}
kernels 'no-such amd64 no-such-flavour trixie check'
check 'a kernel that the archive does not have' not_begun 'no-such is gone: no linux-image-no-such-flavour for amd64 in trixie'
kernels '6.1 amd64 amd64 trixie check'
check 'a suite with another series' not_begun '6.1 is gone: linux-image-amd64 of trixie is 6.12'
kernels '6.1 amd64 amd64 trixie_bookworm check'
check 'the newest of several suites' not_begun '6.1 is gone: linux-image-amd64 of trixie is 6.12'
list '6.12 amd64 amd64 trixie chekc'
VFIFO_KERNELS_LIST=$tmp/list "$top/scripts/check" -l >"$tap" 2>&1 && status=0 || status=$?
check 'a kernel in no lane' [ "$status" != 0 ]
check 'by name' grep -q 'in no lane: 6.12' "$tap"
kernels '6.12 amd64 amd64 no-such-suite check'
check 'a suite that the archive does not have' not_begun '6.12 is gone: '

# --- the parts of a check -----------------------------------------------------------

# The third begins when the second has ended, although the first has printed a line.
cat >"$tmp/parts" <<END
first	echo 1..1; echo said >&2; timeout 20 sh -c 'until [ -e $tmp/third ]; do sleep 0.1; done' && echo ok 1
second	sleep 1; echo 1..1; echo ok 1
third	: >$tmp/third; echo 1..1; echo ok 1
END
"$top/scripts/lib/tap" 2 <"$tmp/parts" >"$tap" 2>/dev/null && status=0 || status=$?
check 'no part waits for the output of another' [ "$status" = 0 ]
check 'each is counted' [ "$(tail -n 1 "$tap")" = '3 passed, 0 failed' ]
printf '%s\n' 'fine	echo 1..1; echo ok 1' 'broken	echo 1..2; echo ok 1' >"$tmp/parts"
"$top/scripts/lib/tap" 2 <"$tmp/parts" >"$tap" 2>/dev/null && status=0 || status=$?
check 'a part with an incomplete plan is a failure' [ "$status" != 0 ]
cat >"$tmp/parts" <<'END'
fine	echo 1..2; echo ok 1; echo '# well'; echo ok 2
bad	echo 1..3; echo ok 1; echo '    ok 1 - a'; echo '    not ok 2 - b'; echo not ok 2 - this; echo '# as that'; echo ok 3; echo '# well'
END
printf 'bad: %s\n' '    not ok 2 - b' 'not ok 2 - this' '# as that' '1 more' '4 passed, 1 failed' |
	sed 's/^bad: \([14] \)/\1/' >"$tmp/expected"
"$top/scripts/lib/tap" 2 echo 1 more <"$tmp/parts" 2>/dev/null | tail -n 5 >"$tap"
check 'failures come at the end, with subtests and diagnostics' cmp -s "$tap" "$tmp/expected"

# --- the models -----------------------------------------------------------------------

# A selection can lack either litmus tests or configurations for spin.
model() { # NAME...
	VFIFO_ANEW=y "$top/scripts/lib/model-test" "$@" >"$tap" 2>/dev/null && status=0 || status=$?
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

# While a root folder is unpacked, it can have the old date of a package.
mkdir -p "$tmp/kept/new"
touch -d 2021-01-01 "$tmp/kept/new"
(cd "$top/scripts/lib" && sh -c '. ./lib.sh; prune "$1"' lib "$tmp/kept")
check 'a folder that is being made is not removed' [ -d "$tmp/kept/new" ]

# --- a shell ------------------------------------------------------------------------

shell() {
	printf 'echo one\n[ -e /sys/module/planted ] && printf two\nexit 5\n' >"$tmp/commands"
	printf 'one\ntwo' >"$tmp/expected"
	"$top/scripts/vm-shell" -k "$kernel" -m tests/vm/selftest/kmod \
		<"$tmp/commands" >"$tap" && status=0 || status=$?
}
shell
check 'vm-shell prints the output of its commands' cmp -s "$tap" "$tmp/expected"
check 'and has their exit status' [ "$status" = 5 ]

# --- guests that lie ----------------------------------------------------------------

cat >"$tmp/qemu" <<'END'
#!/bin/sh
# Replaces QEMU: writes a verdict to fd 3. While the file $BOOTS has lines, it removes the first
# one and writes that to the console instead, as a boot that fails does.
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

# Sends a verdict to a lane that has asked for the tests pass and skip: a whole one, as COMMAND
# changes it.
told() { # COMMAND...
	whole | "$@" >"$tmp/told"
	lane --no-module pass skip 2>"$tmp/err"
}

# The lane has failed, with NAME not ok.
disbelieved() { # NAME
	[ "$status" != 0 ] && well_formed && grep -q "^not ok [0-9]* - $1\$" "$tap"
}

whole() {
	cat <<'END'
TAP version 13
1..2
# running pass (120 s)
    ok 1 - a case
    1..1
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
told sed 's/^    ok/    not ok/'
check 'one with a failed subtest in a test that passed is not' disbelieved pass
told sed '/^# running pass/d; s/^ok 1/# running pass (120 s)\n&/'
check 'one with a subtest of no test' disbelieved pass
told sed '/^# finished/d'
check 'one without its trailer' disbelieved guest
told sed '/^# running skip/q'
check 'one that ends while a test runs: that test failed' disbelieved skip
printf 'Oops: int3: 0000\n%.0s' 1 2 >"$BOOTS"
told cat
check 'a boot that the emulator spoils is made again, twice' believed
check 'as the TAP reports' [ "$(grep -c 'started again' "$tap")" = 2 ]
printf 'Oops: int3: 0000\n%.0s' 1 2 3 >"$BOOTS"
told cat
check 'but not a third time' disbelieved pass
printf 'double fault: 0000\n%.0s' 1 2 >"$BOOTS"
told cat
check 'so is one that did not reach init' believed
printf 'double fault: 0000\n%.0s' 1 2 3 >"$BOOTS"
told cat
check 'not a third time either' disbelieved pass
echo 'Run /init as init process' >"$BOOTS"
told cat
check 'a guest that ends in its init is a failure' disbelieved pass
told head -c 50
check 'one that ends within a line: that test failed' disbelieved pass
told head -c -1
check 'one that ends within the trailer' disbelieved guest
told true
check 'an empty one: every test failed' disbelieved skip
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
check 'a trailer with another count' disbelieved guest
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
# The same for scripts/lib/guest, with a complete stream at the end.
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
	VFIFO_QEMU=$tmp/debian "$top/scripts/lib/guest" "$tmp/image" "$tmp/lane" "$tmp/console" \
		>"$tap" 2>"$tmp/err" && status=0 || status=$?
}

printf 'double fault: 0000\n%.0s' 1 2 >"$BOOTS"
debian
check 'a Debian that does not boot is started again, twice' [ "$status" = 0 ]
check 'as it reports' [ "$(grep -c 'started again' "$tmp/err")" = 2 ]
printf 'double fault: 0000\n%.0s' 1 2 3 >"$BOOTS"
debian
check 'but not a third time' [ "$status" != 0 ]
echo 'Welcome to Debian' >"$BOOTS"
debian
check 'one that ends once it has booted is a failure' [ "$status" != 0 ]

checked
