#!/bin/sh
# What an operator types first.
set -eu
cd /sys/class/vfifo/vfifo0

[ "$(cat size)" = 0 ]
[ "$(cat capacity)" = 65536 ]
[ "$(cat mode)" = 0 ]
echo hello > /dev/vfifo0
[ "$(cat size)" = 6 ]
[ "$(head -c 6 /dev/vfifo0)" = hello ]
[ "$(cat size)" = 0 ]

echo 1 > mode
[ "$(cat mode)" = 1 ]
[ "$(head -c 10 /dev/vfifo0)" = "AUTO AUTO " ]
echo 0 > mode
[ "$(cat mode)" = 0 ]

# The attributes are for all to read and for root to write.
[ "$(stat -c %a size capacity mode | tr '\n' ' ')" = "444 644 644 " ]
