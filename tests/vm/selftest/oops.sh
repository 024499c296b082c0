#!/bin/sh
# The oops kills the process that writes; the test itself exits with 0.
(echo oops >/sys/module/planted/parameters/do)
exit 0
