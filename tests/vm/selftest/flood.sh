#!/bin/sh
# Overflows the kernel's log, which may lose a bad line. Level 7 is not printed on the console.
line=$(printf '%0900d' 0)
i=0
while [ $i -lt 7000 ]; do
	echo "<7>$line"
	i=$((i + 1))
done >/dev/kmsg
