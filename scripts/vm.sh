# shellcheck shell=sh disable=SC2154  # top and cache are lib.sh's
# vm.sh: what vm-test and vm-shell share; sourced after lib.sh. A guest is a kernel of
# kernels.list and an initramfs of four pieces that are cached apart and put one after the
# other (the kernel unpacks them all): busybox and init, the tests, the module, and what
# is different each time.
#
#   vm_start KERNEL           sets $run, a folder for this run, $vmlinuz and $release, and
#                             sees to it that there is a QEMU. When the script ends, the
#                             folder goes, and $qemu and $watchdog if they are processes
#   vm_base                   prints the file of the first piece
#   vm_programs DIR NAME...   compiles DIR/NAME.c, each to $run/bin/NAME
#   vm_module KERNEL DIR      prints the file of the piece with the module of DIR; if that
#                             cannot be, the last line of $run/build.log says why
#   vm_pack FOLDER FILE       a piece from all that is in FOLDER
#   vm_qemu WORDS QEMU-ARG... runs a guest with $run/initrd; WORDS are added to the
#                             kernel's command line. fd 3 is where its verdict goes
#
# VFIFO_QEMU is the QEMU to run (qemu-system-x86_64), VFIFO_ACCEL its -accel and -cpu.

# What is to be ended with the script.
qemu='' watchdog=''

vm_stop() {
	local pid
	for pid in $qemu $watchdog; do
		kill -9 "$pid" 2>/dev/null || :
	done
	[ -z "${run:-}" ] || rm -rf "$run"
}

vm_start() { # KERNEL
	local kernel="$1" folder
	need qemu-system-x86 busybox-static cpio
	folder=$("$top/scripts/kernel" "$kernel") || exit 1
	vmlinuz=$folder/vmlinuz
	release=$(cat "$folder/release")
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

# One compiler run in the trixie root for all that is not in the cache. The names there
# are made from everything that the compiler may read, and from how it is called.
vm_programs() { # DIR NAME...
	local dir="$1" from="$run/compile/source" common library name id wanting=''
	shift
	mkdir -p "$cache/programs" "$from/main" "$from/lib" "$from/include"
	cp "$top/tests/vm/programs.mk" "$from/"
	cp -R "$top/src/uapi" "$from/include/linux"
	# init is compiled from its one file.
	[ "$*" = init ] || find "$top/tests/vm" -maxdepth 1 \
		\( -name '*.h' -o -name 'testlib.c' -o -name 'lib*.c' \) -exec cp {} "$from/lib/" \;
	common=$(key "$("$top/scripts/rootfs" trixie)" \
		"$(cd "$from" && find . -type f -exec sha256sum {} + | LC_ALL=C sort)")
	# The library only counts where it is used.
	cp -R "$top/src/lib" "$from/libvfifo"
	library=$(key "$(cd "$from/libvfifo" && find . -name '*.[ch]' -exec sha256sum {} + | LC_ALL=C sort)")
	for name in "$@"; do
		cp "$dir/$name.c" "$from/main/$name.c"
		id=$name-$(key "$common" "$(sha256sum <"$from/main/$name.c")" \
			"$(! grep -q '<vfifo.h>' "$from/main/$name.c" || echo "$library")")
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
		"$top/scripts/in-root" trixie "$run/compile" make -sk -j2 -C /out/source \
			-f programs.mk $wanting >&2 || return 1
		for name in $wanting; do
			mv "$from/$name" "$cache/programs/$(cat "$from/main/$name.id")"
		done
	fi
	for name in "$@"; do
		cp "$cache/programs/$(cat "$from/main/$name.id")" "$run/bin/$name"
	done
	rm -rf "$run/compile"
}

vm_base() {
	local busybox dir id
	busybox=$(command -v busybox)
	vm_programs "$top/tests/vm" init || return 1
	id=$(key "$(sha256sum <"$busybox")" "$(sha256sum <"$run/bin/init")" \
		"$(sed -n '/^vm_base/,/^}/p' "$top/scripts/vm.sh")")
	if [ ! -e "$cache/pieces/base-$id" ]; then
		dir=$run/base
		mkdir -p "$cache/pieces" "$dir/bin" "$dir/etc" "$dir/dev" "$dir/home/alice"
		for name in sbin usr/bin usr/sbin; do
			mkdir -p "$dir/$name"
		done
		cp "$busybox" "$dir/bin/busybox"
		mv "$run/bin/init" "$dir/init"
		for name in $("$busybox" --list); do
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
	if ! "$top/scripts/build-module" "$1" "$run/module/module" "$2" >/dev/null 2>"$run/build.log"; then
		cat "$run/build.log" >&2
		return 1
	fi
	vm_pack "$run/module" "$run/module.cpio"
	echo "$run/module.cpio"
}

# TCG by default: it is there everywhere. max has what a test may want to use, but for
# the two bits that make the kernel copy with `rep movsb`, which TCG does byte by byte.
vm_qemu() { # WORDS QEMU-ARG...
	local words="$1"
	shift
	# shellcheck disable=SC2086 # VFIFO_ACCEL holds words
	exec "${VFIFO_QEMU:-qemu-system-x86_64}" -M q35 \
		${VFIFO_ACCEL:--accel tcg,thread=multi -cpu max,-erms,-fsrm} -smp 2 -m 1024 \
		-nodefaults -no-user-config -display none -nic none -no-reboot \
		-kernel "$vmlinuz" -initrd "$run/initrd" \
		-append "console=ttyS0 panic=-1 init_on_alloc=0 unknown_nmi_panic printk.devkmsg=on log_buf_len=4M $words" \
		"$@"
}
