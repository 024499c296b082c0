# shellcheck shell=sh disable=SC2034  # whoever sources this uses them
# arch.sh: all that differs from architecture to architecture, in one table. Sourced by the
# scripts that build for a kernel and boot it.
#
#   arch_of ARCHITECTURE   Debian's name of it; sets
#
#   arch_kernel      its name in the kernel's sources
#   arch_triplet     what its compiler's name begins with; empty: the root folder's own
#   arch_root        the root folder that has the compiler of its programs
#   arch_cc          that, and for programs of 32 bits on its kernels; `none`: there are none
#   arch_cc32
#   arch_package     the package that has its QEMU (scripts/qemu)
#   arch_qemu        the QEMU, with what makes a machine of it
#   arch_tcg         the emulated processor, with what is cheap to emulate
#   arch_console     the kernel's console
#   arch_verdict     a device of the guest that the chardev `verdict` is behind,
#   arch_channel     by these arguments of QEMU
#   arch_words       what else its kernels are told
#   arch_slow        how many times as long as on this machine's own a test may take

arch_of() { # ARCHITECTURE
	# A port of virtio takes what is written as a whole, and all kernels below have it
	# built in.
	arch_root=cross arch_words='' arch_cc32=none arch_slow=3
	arch_verdict=/dev/vport0p1
	arch_channel='-device virtio-serial -device virtserialport,chardev=verdict,nr=1'
	case $1 in
	amd64 | i386)
		# Not the two bits that make the kernel copy with `rep movsb`, which TCG does
		# byte by byte. Nor the one for pages of five levels: in the moment in which the
		# kernel looks up what processor this is, that bit of its own is clear, and KASAN
		# takes an interrupt's memory for wild (with 6.12 once in some thirty boots).
		arch_kernel=x86 arch_triplet=''
		arch_package=qemu-system-x86
		arch_qemu='qemu-system-x86_64 -M q35'
		arch_tcg='-accel tcg,thread=multi -cpu max,-erms,-fsrm,-la57'
		arch_console=ttyS0 arch_verdict=/dev/ttyS1
		arch_channel='-serial chardev:verdict'
		arch_words='unknown_nmi_panic mitigations=off cryptomgr.notests' arch_slow=1 ;;
	arm64)
		arch_kernel=arm64 arch_triplet=aarch64-linux-gnu-
		arch_package=qemu-system-arm
		arch_qemu='qemu-system-aarch64 -M virt,gic-version=3'
		# The real signing of pointers takes most of the time.
		arch_tcg='-accel tcg,thread=multi -cpu max,pauth-impdef=on'
		arch_console=ttyAMA0 ;;
	armhf)
		arch_kernel=arm arch_triplet=arm-linux-gnueabihf-
		arch_package=qemu-system-arm
		arch_qemu='qemu-system-arm -M virt'
		arch_tcg='-accel tcg,thread=multi -cpu cortex-a15'
		arch_console=ttyAMA0 ;;
	ppc64el)
		arch_kernel=powerpc arch_triplet=powerpc64le-linux-gnu-
		arch_package=qemu-system-ppc
		arch_qemu='qemu-system-ppc64 -M pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off'
		arch_tcg='-accel tcg,thread=multi -cpu power9'
		arch_console=hvc0 ;;
	s390x)
		arch_kernel=s390 arch_triplet=s390x-linux-gnu-
		arch_package=qemu-system-s390x
		arch_qemu='qemu-system-s390x -M s390-ccw-virtio'
		arch_tcg='-accel tcg,thread=multi -cpu max'
		arch_console=ttysclp0 ;;
	*)
		die "arch.sh knows no $1" ;;
	esac
	arch_cc=${arch_triplet}gcc
	case $1 in
	amd64) arch_root=trixie arch_cc32='gcc -m32' ;;
	i386)  arch_cc=i686-linux-gnu-gcc arch_cc32=$arch_cc ;;
	armhf) arch_cc32="$arch_cc -D_FILE_OFFSET_BITS=32 -D_TIME_BITS=32" ;;
	arm64) arch_cc32='arm-linux-gnueabihf-gcc -D_FILE_OFFSET_BITS=32 -D_TIME_BITS=32' ;;
	esac
}
