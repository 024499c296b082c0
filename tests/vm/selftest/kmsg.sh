#!/bin/sh
# A line that looks like a warning, but sets no taint.
echo "<4>WARNING: CPU: 0 PID: 1 at planted.c:1" >/dev/kmsg
