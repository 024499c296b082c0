#!/bin/sh
# The parameters devices, capacity and memory. With an invalid value the module does not load and leaves
# nothing behind.
. "$(dirname "$0")/lib.sh"

subtest 'valid values'
insmod "$VFIFO_KO" devices=3 capacity=100000
[ "$(cat /sys/class/vfifo/vfifo*/capacity | tr '\n' ' ')" = "131072 131072 131072 " ]
[ "$(cat /sys/module/vfifo/parameters/devices)" = 3 ]
echo one > /dev/vfifo1
[ "$(cat /sys/class/vfifo/vfifo*/size | tr '\n' ' ')" = "0 4 0 " ]
[ "$(head -c 4 /dev/vfifo1)" = one ]
rmmod vfifo

insmod "$VFIFO_KO" devices=2 memory=contiguous
[ "$(cat /sys/class/vfifo/vfifo*/memory | tr '\n' ' ')" = "contiguous contiguous " ]
echo 5 > /sys/class/vfifo/add
[ "$(cat /sys/class/vfifo/vfifo5/memory)" = contiguous ]
echo hello > /dev/vfifo5
[ "$(head -c 6 /dev/vfifo5)" = hello ]
rmmod vfifo

# A kind that this machine does not have is an error that the kernel's log names.
for kind in write-combining uncached coherent; do
	if insmod "$VFIFO_KO" memory=$kind 2>/dev/null; then
		[ "$(cat /sys/class/vfifo/vfifo0/memory)" = $kind ]
		rmmod vfifo
	else
		[ ! -e /sys/module/vfifo ]
		[ ! -e /dev/vfifo0 ]
		dmesg | grep "memory=$kind: not supported by this machine"
	fi
done

# A debug kernel is slow for each device and each page.
slow='' most=256
[ ! -e /sys/kernel/debug/kmemleak ] || slow=y most=64

insmod "$VFIFO_KO" devices="$most" capacity=4096
[ -c /dev/vfifo$((most - 1)) ]
rmmod vfifo
insmod "$VFIFO_KO" devices=0
rmmod vfifo

subtest 'invalid values'
for bad in devices=257 devices=-1 devices=x capacity=0 capacity=536870913 capacity=-1 \
		capacity=18446744073709551616 capacity=1k memory=purple memory= memory=Cached; do
	if insmod "$VFIFO_KO" "$bad" 2>/dev/null; then
		echo "$bad was accepted"
		exit 1
	fi
	[ ! -e /sys/module/vfifo ]
	[ ! -e /sys/class/vfifo ]
	[ ! -e /dev/vfifo0 ]
done
subtest 'more than the memory'
# No piece is that large.
if insmod "$VFIFO_KO" memory=contiguous capacity=536870912 2>/dev/null; then
	echo "a piece of 512 MiB was allocated"
	exit 1
fi
# (failed-allocations-leave-nothing tests this on a debug kernel.)
if [ -z "$slow" ] && insmod "$VFIFO_KO" devices=256 capacity=536870912 2>/dev/null; then
	echo "128 GiB were allocated"
	exit 1
fi
[ ! -e /sys/class/vfifo ]
[ ! -e /dev/vfifo0 ]
