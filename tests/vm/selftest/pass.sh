#!/bin/sh
# Nothing said, exit status 0.
exit 0
