#!/bin/sh
# Every CPU with interrupts off: nobody in the guest can notice.
echo "about to freeze"
sleep 0.2
echo freeze >/sys/module/planted/parameters/do
