#!/bin/sh
echo "late, and the machine did not stand still"
exit 4
