#!/bin/sh
echo "before it fails"
echo "the reason why"
exit 3
