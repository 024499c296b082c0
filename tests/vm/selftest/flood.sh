#!/bin/sh
# More than the kernel's log holds: a bad line in it may be lost.
i=0
while [ $i -lt 80 ]; do
	yes "$(printf '%0900d' 0)" | head -n 1000 >/dev/kmsg
	i=$((i + 1))
done
