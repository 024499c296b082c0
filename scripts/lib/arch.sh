# shellcheck shell=sh disable=SC2034  # the scripts that source this use them
# arch.sh: everything that depends on the architecture, in one table. Sourced by the scripts that
# build for a kernel and boot it.
#
#   arch_of ARCHITECTURE   sets these variables for an architecture by Debian's name:
#
#   arch_kernel      its name in the kernel's sources
#   arch_debian      Debian's architecture of the programs that run on it
#   arch_triplet     the prefix of its cross compiler; empty for the native compiler
#   arch_root        the root folder with the compiler for its programs
#   arch_cc          the compiler for its programs
#   arch_cc32        the compiler for programs of 32 bits on its kernels, or `none`
#   arch_package     the package with its QEMU (scripts/lib/qemu); empty for User-Mode Linux
#   arch_qemu        the QEMU and the options for the machine
#   arch_tcg         the options for the emulated processor, for speed
#   arch_console     the kernel's console
#   arch_verdict     the device in the guest that is connected to the chardev `verdict`
#   arch_channel     the options of QEMU for that device
#   arch_words       further words for the kernel's command line
#   arch_slow        the factor for the time limits of the tests

arch_of() { # ARCHITECTURE
	# A virtio port keeps each write whole, and all kernels below have the driver built in.
	arch_root=cross-$1 arch_words='' arch_cc32=none arch_slow=3 arch_debian=$1
	arch_verdict=/dev/vport0p1
	arch_channel='-device virtio-serial -device virtserialport,chardev=verdict,nr=1'
	case $1 in
	amd64 | i386)
		# -erms,-fsrm: with these bits the kernel copies with `rep movsb`, which TCG does
		# byte by byte. -la57: while the kernel identifies the processor, its flag for
		# five-level pages is clear for a moment, and KASAN then reports an interrupt's
		# access as wild (with 6.12 once in some thirty boots).
		arch_kernel=x86 arch_triplet=''
		arch_package=qemu-system-x86
		arch_qemu='qemu-system-x86_64 -M q35'
		arch_tcg='-accel tcg,thread=multi -cpu max,-erms,-fsrm,-la57'
		arch_console=ttyS0 arch_verdict=/dev/ttyS1
		arch_channel='-serial chardev:verdict'
		arch_words='unknown_nmi_panic mitigations=off cryptomgr.notests' arch_slow=1 ;;
	um)
		# User-Mode Linux has the system calls of the machine it is built on.
		arch_kernel=um arch_triplet='' arch_debian=amd64
		arch_package='' arch_qemu='' arch_tcg=''
		arch_console=tty0 arch_verdict=/dev/tty1
		arch_channel='' arch_slow=1 ;;
	arm64)
		arch_kernel=arm64 arch_triplet=aarch64-linux-gnu-
		arch_package=qemu-system-arm
		arch_qemu='qemu-system-aarch64 -M virt,gic-version=3'
		# Without impdef most of the time goes into pointer authentication.
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
	um)    arch_root=trixie ;;
	i386)  arch_cc=i686-linux-gnu-gcc arch_cc32=$arch_cc ;;
	armhf) arch_cc32="$arch_cc -D_FILE_OFFSET_BITS=32 -D_TIME_BITS=32" ;;
	arm64) arch_cc32='arm-linux-gnueabihf-gcc -D_FILE_OFFSET_BITS=32 -D_TIME_BITS=32' ;;
	esac
}
