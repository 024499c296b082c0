# shellcheck shell=sh disable=SC2034  # for those that source it
# guest.sh: the machine that boots a disk of scripts/lib/image. Sets
#
#   machine   options of QEMU
#   options   words for the command line of the kernel
#
# -erms,-fsrm: the emulator is slow at long string instructions, which the kernel would use.
# -la57: for the reason in scripts/lib/arch.sh. -smap: accesses to user memory are checked in the
# kernel lane, and the checks are slow here. The words turn off what is slow to emulate and not
# needed: together a third of a boot.
machine='-accel tcg,thread=multi -cpu max,-erms,-fsrm,-la57,-smap -m 1024 -nodefaults -no-reboot'
options="root=/dev/vda rw console=ttyS0 panic=-1 quiet systemd.show_status=1"
options="$options mitigations=off audit=0 init_on_alloc=0 cryptomgr.notests lsm=landlock,lockdown,yama,integrity,apparmor"
