#!/bin/sh
# Ends the guest in order, but too early.
poweroff -f
sleep 10
