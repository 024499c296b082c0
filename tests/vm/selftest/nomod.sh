#!/bin/sh
# Loads the module itself.
[ ! -e /sys/module/planted ] || exit 1
insmod "$VFIFO_KO" && [ -e /sys/module/planted ] && rmmod planted
