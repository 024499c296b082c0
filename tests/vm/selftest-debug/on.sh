#!/bin/sh
# The checks of the debug kernel are configured and active.
set -eu

zcat /proc/config.gz > config
for option in KASAN KASAN_GENERIC KASAN_INLINE KASAN_VMALLOC UBSAN PROVE_LOCKING \
		DEBUG_ATOMIC_SLEEP DEBUG_OBJECTS_FREE DEBUG_OBJECTS_TIMERS \
		DEBUG_OBJECTS_WORK DEBUG_KOBJECT_RELEASE DEBUG_VM PAGE_TABLE_CHECK \
		DEBUG_KMEMLEAK FAILSLAB FAIL_PAGE_ALLOC FAULT_INJECTION_USERCOPY \
		IO_URING USERFAULTFD MEMCG IA32_EMULATION; do
	grep -qx "CONFIG_$option=y" config || { echo "$option is off"; exit 1; }
done
dmesg | grep -i 'KernelAddressSanitizer initialized'
grep -E 'debug_locks: *1$' /proc/lockdep_stats
# With la57 KASAN sometimes has a false alarm at boot and then reports nothing more.
if grep -qw la57 /proc/cpuinfo; then echo "la57 is on"; exit 1; fi
cat /sys/kernel/debug/kmemleak
[ -d /sys/kernel/debug/failslab ]
[ -d /sys/kernel/debug/fail_page_alloc ]
[ -d /sys/kernel/debug/fail_usercopy ]
