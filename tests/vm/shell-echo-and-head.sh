#!/bin/sh
# The first commands of an operator.
. "$(dirname "$0")/lib.sh"
cd /sys/class/vfifo/vfifo0

subtest 'echo and head'
[ "$(cat size)" = 0 ]
[ "$(cat capacity)" = 65536 ]
[ "$(cat mode)" = 0 ]
echo hello > /dev/vfifo0
[ "$(cat size)" = 6 ]
[ "$(head -c 6 /dev/vfifo0)" = hello ]
[ "$(cat size)" = 0 ]

subtest mode
echo 1 > mode
[ "$(cat mode)" = 1 ]
[ "$(head -c 10 /dev/vfifo0)" = "AUTO AUTO " ]
echo 0 > mode
[ "$(cat mode)" = 0 ]

subtest 'all users can read the attributes, and root can write them'
[ "$(stat -c %a size capacity mode | tr '\n' ' ')" = "444 644 644 " ]
