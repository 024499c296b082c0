#!/bin/sh
# A process in a session of its own that outlives the test.
setsid sleep 1000 >/dev/null 2>&1 &
exit 0
