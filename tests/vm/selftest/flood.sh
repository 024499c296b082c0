#!/bin/sh
# More than the kernel's log holds: a bad line in it may be lost. Level 7 stays off the
# console.
line=$(printf '%0900d' 0)
i=0
while [ $i -lt 7000 ]; do
	echo "<7>$line"
	i=$((i + 1))
done >/dev/kmsg
