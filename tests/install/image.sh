#!/bin/sh
# image.sh STEP...: run as root in a root folder that is to be booted (see scripts/image).
# Two users, the unit that starts the tests, no network; then the steps, each as a user's
# apt does it, from what packages.sh has put into /out. Leaves the kernels to boot in /out:
# the newest, and in /out/second the one before it.
#
#   vfifo                   the package, from /out
#   before                  another kernel in place of the root's, if there is to be a point
#                           release after it
#   point                   the newest point release: kernel and headers
#   no-metapackage          only the headers of the kernel that is there; it brings no others
#   headers, image          those of a newer kernel, of /out/newer
#   remove-oldest           the oldest kernel goes
#   offer-headers           all but linux-headers-KERNEL itself, as it takes a guest a minute;
#                           that its apt can have
#   full-upgrade            the next Debian
#   compile, compile-next   what the compiler has to do for vfifo, for an upgrade to /out/next.deb
set -eu
export DEBIAN_FRONTEND=noninteractive
lane=/var/lib/vfifo-lane
mkdir "$lane"

# Debian's kernels have their modules compiled with ccache where they are told to. (A file's
# time of change is not quite the same on the disk.) What only asks the compiler something, a
# hundred times a build, is not worth looking up.
export DEBIAN_KERNEL_USE_CCACHE=y
printf '%s\n' 'cache_dir = /var/cache/ccache' 'compiler_check = content' 'sloppiness = locale' >/etc/ccache.conf
cat >/usr/local/bin/ccache <<'END'
#!/bin/sh
case " $* " in
*' /dev/null '*) exec "$@" ;;
*) exec /usr/bin/ccache "$@" ;;
esac
END
chmod +x /usr/local/bin/ccache

for user in alice mallory; do
	useradd --create-home --shell /bin/bash "$user"
done
echo vfifo-guest >/etc/hostname
echo '127.0.1.1 vfifo-guest' >>/etc/hosts
: >/etc/resolv.conf
: >/etc/fstab
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/apt.conf.d/99mmdebstrap

# The second disk is what the host wants done. When it has been, the guest is switched off.
# (exec: with oneshot systemd would draw a moving star on the console all the while.)
cat >/etc/systemd/system/vfifo-lane.service <<'END'
[Unit]
Description=what the host wants done
After=multi-user.target
[Service]
Type=exec
ExecStart=/bin/sh -c 'mkdir -p /lane; mount -o ro /dev/vdb /lane; stty -F /dev/ttyS1 raw -echo; cd /lane; exec ./run >/dev/ttyS1'
ExecStopPost=/usr/bin/systemctl poweroff --force --force
[Install]
WantedBy=multi-user.target
END
systemctl enable vfifo-lane.service

# What a boot of minutes has no use for, and takes its time: logins, clean-ups of the day,
# profiles of programs that are not there, and caches that are up to date.
systemctl mask getty.target getty@.service serial-getty@.service apt-daily.timer apt-daily-upgrade.timer \
	dpkg-db-backup.timer fstrim.timer systemd-tmpfiles-clean.timer apparmor.service \
	ldconfig.service systemd-journal-catalog-update.service

sh /vfifo/tests/install/lean.sh

# What mounts this disk is enough, and is made, and unpacked at each boot, in no time.
echo MODULES=list >/etc/initramfs-tools/conf.d/lane
printf '%s\n' virtio_pci virtio_blk ext4 >>/etc/initramfs-tools/modules
update-initramfs -u

offer() { # FOLDER
	echo "deb [trusted=yes] file:$1 ./" >/etc/apt/sources.list.d/lane.list
	apt-get -q -o Acquire::Languages=none update
}

# KERNEL image|- headers|- module|-, a line each. A module for another one is none.
kernels() {
	local modules kernel ko
	for modules in /usr/lib/modules/*; do
		kernel=${modules##*/}
		ko=$(find "$modules/updates" -name 'vfifo.ko*' 2>/dev/null || :)
		echo "$kernel" \
			"$([ -e "/boot/vmlinuz-$kernel" ] && echo image || echo -)" \
			"$([ -e "$modules/build/include" ] && echo headers || echo -)" \
			"$([ "$(modinfo -F vermagic "$ko" 2>/dev/null | cut -d' ' -f1)" = "$kernel" ] && echo module || echo -)"
	done
}

# What it said and what it left is recorded, and judged by a test (`after` in lib.sh): an
# image is made all the same.
step() { # NAME FOLDER APT-GET-ARGUMENT...
	local name="$1" folder="$2" rc=0
	shift 2
	offer "$folder"
	apt-get -q -y "$@" >"$lane/$name.log" 2>&1 || rc=$?
	rm /etc/apt/sources.list.d/lane.list
	{
		echo "exit: $rc"
		echo "audit: $(dpkg --audit | tr '\n' ' ')"
		kernels
	} >"$lane/$name"
	cat "$lane/$name.log" "$lane/$name"
}

# What a guest will have the compiler do, where it is slow: nothing is left of it but what
# ccache has kept.
compile() { # VERSION KERNEL
	dkms build "vfifo/$1" -k "$2"
	dkms unbuild "vfifo/$1" -k "$2"
}

compile_for_the_install_of() { # DEB
	local version had_key=
	version=$(dpkg-deb -f "$1" Version)
	[ ! -e /var/lib/dkms/mok.key ] || had_key=y
	dpkg-deb -x "$1" /tmp/deb
	mv "/tmp/deb/usr/src/vfifo-$version" /usr/src
	dkms add "vfifo/$version"
	compile "$version" "$(basename /usr/lib/modules/*)"
	dkms remove "vfifo/$version" --all
	rm -r "/usr/src/vfifo-$version" /tmp/deb
	# The key is made by the first build of a machine.
	[ -n "$had_key" ] || rm /var/lib/dkms/mok.*
}

compile_for_the_headers_of() { # DEB
	local kernel
	kernel=$(dpkg-deb -f "$1" Package)
	kernel=${kernel#linux-headers-}
	dpkg-deb -x "$1" /tmp/headers
	mv "/tmp/headers/usr/src/linux-headers-$kernel" /usr/src
	ln -s "/usr/src/linux-headers-$kernel" "/usr/lib/modules/$kernel/build"
	compile "$(dpkg-query -W -f '${Version}' vfifo-dkms)" "$kernel"
	rm -r "/usr/src/linux-headers-$kernel" "/usr/lib/modules/$kernel/build"
}

for what; do
	case $what in
	vfifo)
		apt-get -q -y install /out/vfifo-dkms.deb
		adduser alice vfifo ;;
	before)
		if [ -e /out/point/before ]; then
			here=$(find /usr/lib/modules -mindepth 1 -maxdepth 1 -printf '%f\n')
			before=$(cat /out/point/before)
			offer /out/point
			apt-get -q -y install "linux-image-$before" "linux-headers-$before"
			apt-get -q -y purge linux-image-amd64 linux-headers-amd64 "linux-image-$here" \
				"linux-headers-${here%-amd64}*"
		fi ;;
	point) step point /out/point install linux-image-amd64 linux-headers-amd64 ;;
	no-metapackage)
		apt-mark manual "linux-headers-$(basename /usr/lib/modules/*)"
		apt-get -q -y purge linux-headers-amd64 ;;
	headers) step headers /out/newer install "$(cd /out/newer && echo linux-headers-[0-9]*-amd64_* | cut -d_ -f1)" ;;
	image) step image /out/newer install linux-image-amd64 ;;
	remove-oldest)
		oldest=$(find /usr/lib/modules -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V | head -n 1)
		step remove-oldest /out/newer purge "linux-image-$oldest" "linux-headers-$oldest" ;;
	offer-headers)
		offer /out/newer
		# shellcheck disable=SC2046 # one word each
		apt-get -q -y install $(cd /out/newer && find . -name 'linux-kbuild-*' -o -name 'linux-headers-*-common_*' |
			sed 's|^./||; s/_.*//')
		mkdir "$lane/archive"
		cp /out/newer/linux-headers-[0-9]*-amd64_* "$lane/archive"
		(cd "$lane/archive" && apt-ftparchive packages . >Packages)
		compile_for_the_headers_of "$lane"/archive/linux-headers-*.deb
		offer "$lane/archive" ;;
	full-upgrade) step full-upgrade /out/full-upgrade full-upgrade ;;
	compile) compile_for_the_install_of /out/vfifo-dkms.deb ;;
	compile-next) compile_for_the_install_of /out/next.deb ;;
	esac
done
# so that the first boot makes nothing anew
touch /etc/.updated /var/.updated

i=0
for kernel in $(find /boot -name 'vmlinuz-*' -printf '%f\n' | sed 's/^vmlinuz-//' | sort -Vr); do
	i=$((i + 1))
	case $i in
	1) to=/out ;;
	2) to=/out/second ;;
	*) break ;;
	esac
	mkdir -p "$to"
	cp "/boot/vmlinuz-$kernel" "$to/vmlinuz"
	cp "/boot/initrd.img-$kernel" "$to/initrd"
	[ "$to" = /out ] || ln -s ../disk.ext4 "$to"
done
if [ -e /var/lib/dkms/mok.pub ]; then cp /var/lib/dkms/mok.pub /out; fi
