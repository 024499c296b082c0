#!/bin/sh
# Says so and forgets the exit status.
echo "ok 1 - this"
echo "not ok 2 - that"
