#!/bin/sh
# What a warning looks like, though nothing but the log shows it.
echo "<4>WARNING: CPU: 0 PID: 1 at planted.c:1" >/dev/kmsg
