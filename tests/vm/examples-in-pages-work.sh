#!/bin/sh
# The examples of the manual pages that need no more than the device: scripts/vm-test compiles the
# programs, without a change, and puts the scripts beside them (vm_examples). A function run_NAME runs
# the example NAME, with _ for . and -. tests/cli/examples and tests/install/manual run the others.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
dev=/dev/vfifo0
attr=/sys/class/vfifo/vfifo0
work=$(mktemp -d)
cd "$work"
seq 20000 >in
n=$(wc -c <in)

fail() { echo "FAIL: $*"; exit 1; }
is() { [ "$1" = "$2" ] || fail "$3: got '$1', wanted '$2'"; }
example() { # NAME [ARGUMENT...]
	local name="$1"
	shift
	"$here/example-$name" "$@"
}

# Waits until an attribute is a number of at least that.
until_least() { # ATTRIBUTE NUMBER
	while [ "$(cat "$attr/$1")" -lt "$2" ]; do sleep 0.01; done
}

# What a consumer prints for the bytes of standard input, with the end of the stream after them.
consumed() { # NAME
	cat >$dev
	echo 1 >$attr/eof
	example "$1" >out
	echo 0 >$attr/eof
}

# Everything of the file in, moved by a producer.
produced() { # NAME
	example "$1" <in &
	head -c "$n" $dev >out
	wait $!
	cmp in out
}

run_lines_c() {
	example lines &
	head -n 10 $dev >out
	wait $!
	seq 0 9 | sed 's/^/line /' | cmp - out
}

run_run_lines_sh() {
	ln -s "$here/example-lines" lines
	is "$(sh "$here/example-run-lines.sh" | tail -n 1)" "line 9" "the last line"
}

run_open_c() {
	is "$(example open)" "$dev can store 65536 bytes" "an end that is free"
	is "$(example open /dev/null 2>&1 || :)" "example-open: /dev/null is not a vfifo" "no vfifo"
	is "$(example open ./none 2>&1 || :)" "example-open: ./none: No such file or directory" "no file"
	example poll >out &
	until_least consumer 1
	is "$(example open 2>&1 || :)" "example-open: $dev: another program is the consumer" "an end that is claimed"
	echo 1 >$attr/eof
	wait $!
	echo 0 >$attr/eof
}

run_poll_c() {
	example poll >out &
	until_least consumer 1
	cat in >$dev
	echo 1 >$attr/eof
	wait $!
	echo 0 >$attr/eof
	cmp in out
}

run_records_c() {
	example records >out &
	until_least consumer 1
	{ printf first; head -c 507 /dev/zero; printf second; head -c 506 /dev/zero; } >$dev
	until_least stats/out_bytes 1024
	sleep 2
	echo 1 >$attr/eof
	wait $!
	echo 0 >$attr/eof
	is "$(tr -d '\0' <out | sort -u | tr '\n' ';')" "message first;message second;no message for a second;" "messages"
}

# A FIFO of records, with the device as it was afterwards.
with_records() { # COMMAND...
	echo records >$attr/framing
	"$@"
	echo bytes >$attr/framing
}

lines_as_records() {
	seq 100 | example line-records
	is "$(cat $attr/size)" 2400 "the bytes of 100 records"
	echo 1 >$attr/eof
	example missing-records >out
	echo 0 >$attr/eof
	seq 100 | cmp - out
}

run_line_records_c() { with_records lines_as_records; }

run_missing_records_c() { with_records lines_as_records; }

ages() {
	example age-of-records >out
	is "$(sed -n 's/ bytes, [0-9]* ns$//p' out | tr '\n' ' ')" "10 11 12 13 14 15 16 17 18 19 " "lengths"
}

run_age_of_records_c() { with_records ages; }

run_write_c() { produced write; }

run_reserve_c() { produced reserve; }

run_read_c() {
	head -c 30000 in | consumed read
	head -c 30000 in | cmp - out
}

run_peek_c() {
	seq 5000 | consumed peek
	is "$(cat out)" "5000 lines" "what it counts"
}

run_batch_c() {
	example batch >said &
	head -c 8000 $dev >out
	wait $!
	grep -qx '[0-9]* calls to wake the consumer' said
	# The other half of each number is zero, on either end.
	od -A n -v -t u4 out | tr -s ' ' '\n' | grep -v '^$' | awk '
		{ sum[NR % 2] += $1 }
		END { exit !(NR == 2000 && sum[0] + sum[1] == 499500 && (!sum[0] || !sum[1])) }' ||
		fail "the messages are not 0 to 999"
}

run_match_c() {
	printf '\0\0\0\0\1\0\0\0\2' >out
	is "$(example match <out)" "9 bytes are right" "the pattern"
	printf '\0\0\0\0\2\0\0\0' >out
	is "$(example match <out 2>&1 || :)" "example-match: byte 4 is wrong" "another pattern"
}

# Revokes the claim of a producer once an attribute has a number.
revoked_at() { # ATTRIBUTE NUMBER
	local producer
	echo 1 >$attr/stats/reset
	example revoke >out &
	producer=$!
	until_least producer 1
	until_least "$1" "$2"
	echo 0 >$attr/producer
	wait "$producer"
	is "$(cat out)" "the stream has ended: Stale file handle" "after a revocation at $1 $2"
	echo 1 >$attr/clear
}

# With a consumer the producer goes on, so that its store may raise SIGBUS. Without one it sleeps.
run_revoke_c() {
	local reader
	cat $dev >/dev/null &
	reader=$!
	revoked_at stats/in_bytes 1000
	kill "$reader"
	wait "$reader" || :
	revoked_at size 65536
}

run_text_c() { is "$(example text)" "tick tick ti" "the text"; }

# The generator has stopped by then, so that no byte can be missing.
run_sync_c() {
	echo 262144 >$attr/capacity
	echo prbs31 >$attr/generator/pattern
	echo 131072 >$attr/generator/burst
	echo 1000 >$attr/generator/period_us
	echo 1 >$attr/mode
	until_least size 131072
	echo 0 >$attr/mode
	head -c 1001 $dev >/dev/null
	is "$(example sync)" "no byte is missing" "the pattern"
	echo 1 >$attr/clear
	head -c 5000 in >$dev
	is "$(example sync 2>&1 || :)" "example-sync: this is not prbs31" "another stream"
	echo 1 >$attr/clear
	echo 65536 >$attr/capacity
}

run_line_sh() { is "$(sh "$here/example-line.sh")" hello "the line"; }

run_blocks_sh() { is "$(sh "$here/example-blocks.sh")" 409600 "bytes"; }

# shellcheck disable=SC2013 # words without blanks
for name in $(sed -n 's/^\(run_[a-z_0-9]*\)().*/\1/p' "$0"); do
	subtest "${name#run_}"
	$name
	is "$(cat $attr/size)" 0 "size after $name"
done
rm -r "$work"
