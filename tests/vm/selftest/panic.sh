#!/bin/sh
echo "about to panic"
sleep 0.2
echo c >/proc/sysrq-trigger
sleep 10
