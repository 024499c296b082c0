#!/bin/sh
# Invalid values of an attribute are EINVAL, and the attribute does not change.
. "$(dirname "$0")/lib.sh"
cd /sys/class/vfifo/vfifo0

refused() { # ATTRIBUTE TEXT
	read -r before <"$1"
	# dd prints the errno; the shell does not.
	if said=$(printf %b "$2" | dd of="$1" bs=4096 2>&1); then
		echo "'$2' was accepted for $1"
		exit 1
	fi
	case $said in
	*'Invalid argument'*) ;;
	*)
		echo "'$2' for $1: $said"
		exit 1 ;;
	esac
	read -r after <"$1"
	[ "$after" = "$before" ]
}

subtest capacity
for value in 0 -1 abc '1k junk' 1k 0x1000 18446744073709551616 18446744073709551615 \
		536870913 4294967296 '4096 8192' '4096\n\n' ' ' '\n' '+' 4096.0; do
	refused capacity "$value"
done
# Not EBUSY, which a capacity is that is too small for what is stored.
printf x >/dev/vfifo0
refused capacity 0
echo 1 >clear
subtest framing
for value in byte record 'bytes records' BYTES 0 1 '\n' 'records\n\n'; do
	refused framing "$value"
done
subtest mode
for value in 2x 2 -1 '\n' ' ' '1 0' true 4294967296 0x1; do
	refused mode "$value"
done

subtest generator/count
for value in -1 4294967296 18446744073709551616 one '1 2' '\n' ' ' 0x1 1.0; do
	refused generator/count "$value"
done

subtest 'size is read-only'
if echo 5 2>/dev/null > size; then
	echo "size was written"
	exit 1
fi
[ "$(cat size)" = 0 ]
