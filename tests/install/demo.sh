#!/bin/sh
# demo.sh: the commands that scripts/demo shows, run as root in the guest. Each command is printed
# as a user would type it, with its output, which is compared with the expected one.
set -u
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
wrong=0

part() { printf '\n--- %s\n' "$*"; }

# WANTED is an extended regular expression for the whole output, in which all white space is one
# blank. Without it the command must succeed.
shown() { # USER COMMAND [WANTED]
	local sign='$' rc=0
	[ "$1" != root ] || sign='#'
	printf '%s%s %s\n' "$1" "$sign" "$2"
	su -s /bin/sh "$1" -c "cd; $2" </dev/null >/tmp/said 2>&1 || rc=$?
	cat /tmp/said
	[ -z "$(tail -c 1 /tmp/said)" ] || echo
	if [ $# = 2 ]; then
		[ "$rc" = 0 ] || { wrong=$((wrong + 1)); echo "=== that failed ($rc)"; }
	elif ! xargs -d '\n' </tmp/said | tr -s ' ' | sed 's/ $//' | grep -qxE -e "$3"; then
		wrong=$((wrong + 1))
		echo "=== expected: $3"
	fi
}

cp /lane/*.deb /lane/bin/course-* /tmp
for example in producer consumer; do
	cp "/lane/bin/example-$example" "/tmp/$example"
done
echo 'alice ALL=(root) NOPASSWD: ALL' >/etc/sudoers.d/alice
attr=/sys/class/vfifo/vfifo0

part "a $(. /etc/os-release && echo "$PRETTY_NAME") with Linux $(uname -r), and apt"
echo 'root# cd /tmp && apt install ./vfifo-dkms.deb'
(
	t=0
	while sleep 15 >/dev/null; do
		t=$((t + 15))
		printf "\n    ... %d s (the compiler is about 15 times slower in an emulated machine)\n" $t
	done
) &
dots=$!
(cd /tmp && apt-get -q -y -o Dpkg::Use-Pty=0 install ./vfifo-dkms.deb 2>&1) || wrong=$((wrong + 1))
kill $dots

part "permissions: udev has given the device to the group vfifo"
shown root 'ls -l /dev/vfifo0' 'crw-rw----.* root vfifo .*'
shown root 'adduser alice vfifo'
shown alice 'id' '.*\(vfifo\).*'

part "the attributes: all users read, root writes"
shown alice "ls -l $attr/size $attr/capacity $attr/mode" \
	'-rw-r--r-- .*capacity -rw-r--r-- .*mode -r--r--r-- .*size'
shown alice "cd $attr; grep . size capacity mode" 'size:0 capacity:65536 mode:0'
shown alice "echo 131072 > $attr/capacity" '.*Permission denied'
shown root "echo 100000 > $attr/capacity; cat $attr/capacity" 131072

part "a FIFO for the shell"
shown alice 'echo hello > /dev/vfifo0'
shown alice "cat $attr/size" 6
shown alice 'head -c 6 /dev/vfifo0' hello
shown alice "cat $attr/size" 0

part "programs that claim a side move bytes without system calls; the shell can use the other side"
echo "(producer and consumer are src/examples/producer.c and consumer.c: standard input to mapping to output)"
shown alice 'seq 3 | /tmp/producer; cat /dev/vfifo0 & sleep 2; kill $!' '1 2 3'
shown alice 'echo hello > /dev/vfifo0; /tmp/consumer 6' hello
shown alice 'seq 100000 | sha256sum; seq 100000 | /tmp/producer & /tmp/consumer 588895 | sha256sum' \
	'([0-9a-f]{64}) - \1 -'

part "one process at a time can claim a side; the attributes name it"
shown alice "/tmp/consumer & sleep 2; cd $attr; grep . producer consumer mappings; echo it is \$!; cat /dev/vfifo0; kill -9 \$!" \
	'producer:0 consumer:([0-9]+) mappings:4 it is \1 cat: /dev/vfifo0: Device or resource busy'
shown alice "cd $attr; grep . producer consumer mappings" 'producer:0 consumer:0 mappings:0'

part "the generator produces five bytes a second"
shown alice "echo 1 | sudo tee $attr/mode" 1
shown alice 'for n in 1 2 3; do head -c 5 /dev/vfifo0; date +" %T"; done' \
	'(AUTO [0-9:]*( |$)){3}'
shown alice "echo 0 | sudo tee $attr/mode" 0

part "two programs share its memory, without sudo: open, mmap, strncpy in one, mmap and print in the other"
echo "(course-producer and course-consumer are tests/install/course-*.c, which use no library)"
shown alice '/tmp/course-producer "Hello through the mapping"' ''
shown alice '/tmp/course-consumer' 'Hello through the mapping'

part "the command vfifo, of the package vfifo-utils"
shown root 'cd /tmp && apt-get -qq install ./libvfifo0.deb ./vfifo-utils.deb'
shown alice 'vfifo clear'
shown root 'vfifo set vfifo0 label=adc generator/pattern=prbs31 generator/burst=2K generator/period_us=100000 mode=1' ''
shown alice 'readlink /dev/vfifo/by-label/adc' '\.\./\.\./vfifo0'
shown alice 'vfifo receive adc --verify prbs31 --size 64K > /tmp/samples; stat -c %s /tmp/samples' 65536
echo "(monitor paints a terminal; tmux is one here, so that its screen can be printed)"
shown alice 'tmux new-session -d -x 72 -y 8 "vfifo monitor"; sleep 6; tmux capture-pane -p; tmux kill-server' \
	'vfifo monitor: 1 device, .*vfifo0 \[.*\] .* producer: the generator .*label: adc.*'
shown root 'vfifo set adc mode=0' ''
shown alice 'vfifo list' 'NAME SIZE .*vfifo0 .* adc'
shown alice 'vfifo doctor'

part "mallory is not in the group"
shown mallory 'cat /dev/vfifo0' '.*Permission denied'
shown mallory '/tmp/course-consumer' '.*Permission denied'
shown mallory '/tmp/consumer' 'consumer: .*Permission denied'

part "DKMS will rebuild it for every later kernel"
shown root 'dkms status' 'vfifo/0[0-9.]*, .*: installed'

echo
echo "# verdict: $wrong"
echo "# done"
