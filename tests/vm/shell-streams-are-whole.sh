#!/bin/sh
# Sends random data through the device with dd, in different block sizes. The checksum must be the
# same at the other end. `make check` sends an eighth of the data.
. "$(dirname "$0")/lib.sh"

receive() { # TOTAL READ-SIZE
	dd iflag=fullblock bs="$2" count=$(($1 / $2)) if=/dev/vfifo0 2>/dev/null
	dd bs=1 count=$(($1 % $2)) if=/dev/vfifo0 2>/dev/null
}

make() { # TOTAL
	head -c "$1" /dev/urandom > data
	sha256sum < data > sent
}

stream() { # TOTAL WRITE-SIZE READ-SIZE
	subtest "$1 bytes written by $2 and read by $3"
	receive "$1" "$3" | sha256sum > received &
	dd bs="$2" if=data of=/dev/vfifo0 2>/dev/null
	wait $!
	if ! cmp sent received; then
		echo "the checksums differ"
		exit 1
	fi
	[ "$(cat /sys/class/vfifo/vfifo0/size)" = 0 ]
}

small=$((256 << 10))
large=$((64 << 20))
if [ -e /sys/kernel/debug/kmemleak ]; then # a debug kernel, several times slower
	small=$((small / 32)) large=$((large / 32))
elif [ -z "${VFIFO_LONG:-}" ]; then
	small=$((small / 8)) large=$((large / 8))
fi
make $small
stream $small 1 1
stream $small 1 65536
stream $small 7 1
stream $small 7 4096
stream $small 65536 7
make $large
stream $large 4096 1048576
stream $large 65536 4096
stream $large 1048576 65536
stream $large 1048576 1048576
