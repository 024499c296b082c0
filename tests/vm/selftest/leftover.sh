#!/bin/sh
# A process that outlives the test, out of reach of its session.
setsid sleep 1000 >/dev/null 2>&1 &
exit 0
