#!/bin/sh
# What is no value of an attribute is EINVAL, and the attribute stays as it was.
set -eu
cd /sys/class/vfifo/vfifo0

refused() { # ATTRIBUTE TEXT
	read -r before <"$1"
	# The shell would not say which errno it got; dd does.
	if said=$(printf %b "$2" | dd of="$1" bs=4096 2>&1); then
		echo "'$2' was accepted for $1"
		exit 1
	fi
	case $said in
	*'Invalid argument'*) ;;
	*)
		echo "'$2' for $1 gives: $said"
		exit 1 ;;
	esac
	read -r after <"$1"
	[ "$after" = "$before" ]
}

for value in 0 -1 abc '1k junk' 1k 0x1000 18446744073709551616 18446744073709551615 \
		536870913 4294967296 '4096 8192' '4096\n\n' ' ' '\n' '+' 4096.0; do
	refused capacity "$value"
done
for value in 2x 2 -1 '\n' ' ' '1 0' true 4294967296 0x1; do
	refused mode "$value"
done

# Nothing but root may write, and nobody may write the size.
if echo 5 2>/dev/null > size; then
	echo "size was written"
	exit 1
fi
[ "$(cat size)" = 0 ]
