# shellcheck shell=sh disable=SC2154  # top and cache are lib.sh's
# vm.sh: what vm-test, vm-shell and bench share; sourced after lib.sh. A guest is a kernel of
# kernels.list and an initramfs. The initramfs consists of up to four archives, which are cached
# separately and concatenated: busybox and init, the programs, the module, and the input of the run.
#
#   vm_start KERNEL           sets $run, a folder for this run, $vmlinuz and the variables of
#                             arch.sh, and fetches QEMU. At the end of the script the folder is
#                             removed, and the processes $guest and $watchdog are killed
#   vm_base                   prints the file of the first archive
#   vm_programs DIR NAME...   compiles each DIR/NAME.c to $run/bin/NAME
#   vm_examples               puts the examples of the manual pages and documents into $run/bin, as
#                             example-NAME; one in C is compiled, and loses the .c
#   vm_module KERNEL DIR      prints the file of the archive with the module of DIR, or with the
#                             module FILE.ko. On failure the last line of $run/build.log is the
#                             reason
#   vm_pack FOLDER FILE       makes an archive of the contents of FOLDER
#   vm_commands FOLDER BASE MODULE QEMU-ARG...
#                             starts a guest that runs FOLDER/commands; its output comes from the
#                             FIFO $run/output. vm_wait then waits for the end of the guest
#   vm_guest WORDS CONSOLE QEMU-ARG...
#                             becomes a guest with $run/initrd: QEMU, or User-Mode Linux, which is
#                             an ordinary process. WORDS are added to the kernel's command line.
#                             The console goes to the file CONSOLE, the verdict to fd 3. Standard
#                             input is QEMU's monitor
#   vm_terminal WORDS         the same with the console on this terminal
#   vm_kill GUEST             kills a guest
#
# VFIFO_QEMU is the QEMU to run. VFIFO_ACCEL is its -accel and -cpu; the default is TCG, which
# works on every host.
. "$top/scripts/lib/arch.sh"

# Killed at the end of the script.
guest='' watchdog=''

# A guest is a process group: the processes of User-Mode Linux are processes here.
vm_kill() { # GUEST
	kill -9 "-$1" 2>/dev/null || kill -9 "$1" 2>/dev/null || :
}

vm_stop() {
	[ -z "$guest" ] || vm_kill "$guest"
	[ -z "$watchdog" ] || kill -9 "$watchdog" 2>/dev/null || :
	[ -z "${run:-}" ] || rm -rf "$run"
}

vm_start() { # KERNEL
	local kernel="$1" folder
	folder=$("$lib/kernel" "$kernel") || exit 1
	vmlinuz=$folder/vmlinuz
	arch_name=$(cat "$folder/arch")
	arch_of "$arch_name"
	# A debug kernel is several times slower.
	# shellcheck disable=SC2034 # used by vm-test
	case $(kernel_line "$kernel" | cut -f3) in !*) arch_slow=3 ;; esac
	need busybox-static cpio
	[ "$arch_name" = um ] || vm_emulator=${VFIFO_QEMU:-$("$lib/qemu" "$arch_package")/${arch_qemu%% *}}
	trap vm_stop EXIT
	trap 'exit 130' INT TERM HUP PIPE
	mkdir -p "$cache/runs"
	run=$(mktemp -d "$cache/runs/$kernel.XXXXXX")
	mkdir "$run/bin"
	prune "$cache/runs"
	prune "$cache/programs"
	prune "$cache/pieces"
	prune "$cache/kernels"
}

vm_pack() { # FOLDER FILE
	(cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$2"
}

# Compiles in one run all programs that are not in the cache. The name of a program in the cache
# contains a hash of all files that the compiler may read and of its options.
vm_programs() { # DIR NAME...
	local dir="$1" from="$run/compile/source" common library fuzzer others='' name id wanting=''
	shift
	mkdir -p "$cache/programs" "$from/main" "$from/lib" "$from/include"
	cp "$top/tests/vm/programs.mk" "$from/"
	cp -R "$top/src/uapi" "$from/include/linux"
	cp -R "$top/src/shared" "$from/"
	# init is a single file.
	[ "$*" = init ] || find "$top/tests/vm" -maxdepth 1 \
		\( -name '*.h' -o -name 'testlib.c' -o -name 'lib*.c' \) -exec cp {} "$from/lib/" \;
	common=$(key "$("$lib/rootfs" "$arch_root")" "$arch_cc" "$arch_cc32" \
		"$(cd "$from" && find . -type f -exec sha256sum {} + | LC_ALL=C sort)")
	# A change of the library rebuilds only the programs that use it.
	cp -R "$top/src/lib" "$from/libvfifo"
	library=$(key "$(cd "$from/libvfifo" && find . -name '*.[ch]' -exec sha256sum {} + | LC_ALL=C sort)")
	# So it is with the fuzzer, which uses the library.
	mkdir -p "$from/fuzz"
	cp "$top"/tests/fuzz/*.[ch] "$from/fuzz/"
	fuzzer=$(key "$library" "$(cd "$from/fuzz" && sha256sum -- *)")
	# The programs of tests/others include tests of the kernel's source.
	if [ "$dir" = "$top/tests/others" ] && [ "$*" != init ]; then
		others=$("$lib/linux-source" tools/testing/selftests/kselftest.h \
			tools/testing/selftests/kselftest_harness.h tools/testing/selftests/filesystems/epoll) || return 1
		cp -R "$others/tools/testing/selftests/." "$dir"/lib*.c "$from/lib/"
		others=$(key "$others" "$(cat "$dir"/lib*.c)")
	fi
	for name in "$@"; do
		cp "$dir/$name.c" "$from/main/$name.c"
		id=$name-$(key "$common" ${others:+"$others"} "$(sha256sum <"$from/main/$name.c")" \
			"$(! grep -q '<libvfifo.h>' "$from/main/$name.c" || echo "$library")" \
			"$(! grep -q '"fuzz.h"' "$from/main/$name.c" || echo "$fuzzer")")
		echo "$id" >"$from/main/$name.id"
		if [ -e "$cache/programs/$id" ]; then
			touch -c "$cache/programs/$id"
		else
			wanting="$wanting $name"
		fi
	done
	if [ -n "$wanting" ]; then
		say "compiling$wanting"
		# shellcheck disable=SC2086 # one word a program
		"$lib/in-root" "$arch_root" "$run/compile" make -sk -j2 -C /out/source \
			-f programs.mk "CC=$arch_cc" "CC32=$arch_cc32" $wanting >&2 || return 1
		for name in $wanting; do
			mv "$from/$name" "$cache/programs/$(cat "$from/main/$name.id")"
		done
	fi
	for name in "$@"; do
		cp "$cache/programs/$(cat "$from/main/$name.id")" "$run/bin/$name"
	done
	rm -rf "$run/compile"
}

vm_examples() {
	local file name programs=''
	"$lib/examples" "$run/examples" || return 1
	for file in "$run/examples"/*; do
		name=example-${file##*/}
		case $name in
		*.c)
			mv "$file" "$run/examples/$name"
			programs="$programs ${name%.c}" ;;
		*) mv "$file" "$run/bin/$name" ;;
		esac
	done
	# shellcheck disable=SC2086 # one word a program
	vm_programs "$run/examples" $programs
}

# Prints the busybox of this machine, or fetches the one of the guest's architecture.
vm_busybox() {
	local version
	if [ "$arch_debian" = amd64 ]; then
		command -v busybox
		return
	fi
	version=$(archive_version trixie busybox-static "$arch_debian")
	[ -n "$version" ] || die "the archive has no busybox-static for $arch_debian in trixie"
	cached "$cache/busybox/$arch_debian-$version" vm_fetch_busybox || return 1
	echo "$cache/busybox/$arch_debian-$version/usr/bin/busybox"
}

# shellcheck disable=SC2034 # for archive_apt
vm_fetch_busybox() { # NEWDIR
	local day state arch
	say "fetching busybox-static for $arch_debian"
	archive_of trixie "$arch_debian"
	mkdir "$1" && (cd "$1" && quietly "$1.log" archive_apt apt-get -q download busybox-static) &&
		dpkg-deb -x "$1"/*.deb "$1" && rm "$1"/*.deb
}

vm_base() {
	local busybox dir id
	busybox=$(vm_busybox) || return 1
	vm_programs "$top/tests/vm" init || return 1
	id=$(key "$(sha256sum <"$busybox")" "$(sha256sum <"$run/bin/init")" \
		"$(sed -n '/^vm_base/,/^}/p' "$lib/vm.sh")")
	if [ ! -e "$cache/pieces/base-$id" ]; then
		dir=$run/base
		mkdir -p "$cache/pieces" "$dir/bin" "$dir/etc" "$dir/dev" "$dir/home/alice"
		for name in sbin usr/bin usr/sbin; do
			mkdir -p "$dir/$name"
		done
		cp "$busybox" "$dir/bin/busybox"
		mv "$run/bin/init" "$dir/init"
		# The list comes from the busybox of this machine, as the other one may not run here.
		for name in $(busybox --list); do
			[ "$name" = busybox ] || ln -s busybox "$dir/bin/$name"
		done
		printf '%s\n' root:x:0:0::/:/bin/sh alice:x:1000:1000::/home/alice:/bin/sh \
			mallory:x:1001:1001::/tmp:/bin/sh nobody:x:65534:65534::/:/bin/sh >"$dir/etc/passwd"
		printf '%s\n' root:x:0: vfifo:x:900:alice alice:x:1000: mallory:x:1001: \
			nogroup:x:65534: >"$dir/etc/group"
		cat >"$dir/etc/profile" <<-'END'
			PS1='vfifo# '
			alias ll='ls -l'
			cd /
			echo "Linux $(uname -r). \`poweroff\` or the end of this shell ends the guest."
			ls -l /dev/vfifo* 2>/dev/null
		END
		vm_pack "$dir" "$run/base.cpio"
		mv "$run/base.cpio" "$cache/pieces/base-$id"
		rm -rf "$dir"
	fi
	touch -c "$cache/pieces/base-$id"
	rm -f "$run/bin/init"
	echo "$cache/pieces/base-$id"
}

vm_module() { # KERNEL DIR
	mkdir -p "$run/module"
	if [ "${2%.ko}" != "$2" ]; then
		mkdir "$run/module/module" && cp "$2" "$run/module/module/vfifo.ko" || return 1
	elif ! "$lib/module" "$1" "$run/module/module" "$2" >/dev/null 2>"$run/build.log"; then
		cat "$run/build.log" >&2
		return 1
	fi
	vm_pack "$run/module" "$run/module.cpio"
	echo "$run/module.cpio"
}

vm_commands() { # FOLDER BASE MODULE QEMU-ARG...
	vm_pack "$1" "$run/commands.cpio"
	cat "$2" "$3" "$run/commands.cpio" >"$run/initrd"
	shift 3
	mkfifo "$run/output"
	(
		exec 3>"$run/output"
		vm_guest vfifo.run "$run/console" "$@" </dev/null >&2
	) &
	guest=$!
}

vm_wait() {
	wait "$guest" || :
	guest=''
}

vm_guest() { # WORDS CONSOLE QEMU-ARG...
	local words="vfifo.verdict=$arch_verdict $1" console="$2"
	shift 2
	vm_apart=setsid
	if [ "$arch_name" = um ]; then
		vm_uml "$words" con=null con0=null,fd:1 con1=null,fd:3 >"$console"
	fi
	# shellcheck disable=SC2086 # words
	vm_qemu "$words" -serial "file:$console" -chardev file,id=verdict,path=/dev/fd/3 $arch_channel "$@"
}

vm_terminal() { # WORDS
	vm_apart=''
	if [ "$arch_name" = um ]; then
		vm_uml "$1" con=null con0=fd:0,fd:1
	fi
	vm_qemu "$1" -serial mon:stdio
}

vm_words() { # WORDS
	echo "console=$arch_console panic=-1 init_on_alloc=0 printk.devkmsg=on log_buf_len=4M $arch_words $1"
}

# It ends with the script, even if the script is killed. A panic kills its process group.
vm_uml() { # WORDS ARG...
	local words
	words=$(vm_words "$1")
	shift
	# shellcheck disable=SC3045 # no core file: dash and bash have it
	ulimit -c 0
	# shellcheck disable=SC2086 # words
	exec $vm_apart setpriv --pdeathsig KILL "$vmlinuz" mem=1024M ncpus=2 seccomp=auto "initrd=$run/initrd" "$@" $words
}

vm_qemu() { # WORDS QEMU-ARG...
	local words
	words=$(vm_words "$1")
	shift
	# shellcheck disable=SC2086 # words, all of them
	set -- ${arch_qemu#* } ${VFIFO_ACCEL:-$arch_tcg} -smp 2 -m 1024 \
		-nodefaults -no-user-config -display none -nic none -no-reboot \
		-kernel "$vmlinuz" -initrd "$run/initrd" -append "$words" "$@"
	exec $vm_apart "$vm_emulator" "$@"
}
