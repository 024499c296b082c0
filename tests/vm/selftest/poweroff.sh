#!/bin/sh
# A guest that ends in good order but too early.
poweroff -f
sleep 10
