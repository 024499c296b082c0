#!/bin/sh
# image.sh STEP...: prepares a root folder for booting; run as root in it (see scripts/lib/image).
# Makes two users and the unit that starts the tests, and turns the network off. Then does the
# steps, each with apt as a user would, with the packages that packages.sh has put into /out.
# Leaves the newest kernel in /out, and the one before it in /out/second.
#
#   vfifo                   installs the package, from /out
#   containers              installs podman and systemd-nspawn, from /out/containers
#   before                  replaces the kernel of the root folder by an earlier one, if a point
#                           release needs one
#   point                   installs the newest point release: kernel and headers
#   no-metapackage          removes the metapackage of the headers
#   headers, image          installs those of a newer kernel, from /out/newer
#   remove-oldest           removes the oldest kernel
#   offer-headers           installs all but linux-headers-KERNEL itself, as that takes a guest a
#                           minute, and makes it available to apt in the guest
#   brokers                 installs the packages for the test `network`
#   full-upgrade            upgrades to the next Debian
#   clients                 installs the programs of the tests `clients-*`
#   autopkgtest             makes it a machine that autopkgtest uses, with what the tests depend on
#   checkout                gives alice, who may use sudo, a checkout in her home, where she runs
#                           scripts/deb, as README.md says, with the packages of /out/checkout
#   compile, compile-next   fills the compiler's cache, for vfifo and an upgrade to /out/next.deb
set -eu
export DEBIAN_FRONTEND=noninteractive
lane=/var/lib/vfifo-lane
mkdir "$lane"

# With this variable Debian's kernels compile their modules with ccache. compiler_check: the mtime
# of a file changes slightly on the disk. The wrapper skips ccache for tests of the compiler, a
# hundred in each build.
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

# The second disk has the tests. After them the guest is switched off. (exec: with oneshot systemd
# would animate a progress display on the console.)
cat >/etc/systemd/system/vfifo-lane.service <<'END'
[Unit]
Description=tests of the install lane
After=multi-user.target
[Service]
Type=exec
ExecStart=/bin/sh -c 'mkdir -p /lane; mount -o ro /dev/vdb /lane; stty -F /dev/ttyS1 raw -echo; cd /lane; exec ./run >/dev/ttyS1'
ExecStopPost=/usr/bin/systemctl poweroff --force --force
[Install]
WantedBy=multi-user.target
END
systemctl enable vfifo-lane.service

# Units that take time and are not needed: logins, daily clean-ups, profiles of AppArmor, and
# caches that are up to date.
systemctl mask getty.target getty@.service serial-getty@.service apt-daily.timer apt-daily-upgrade.timer \
	dpkg-db-backup.timer fstrim.timer systemd-tmpfiles-clean.timer apparmor.service \
	ldconfig.service systemd-journal-catalog-update.service

sh /vfifo/tests/install/lean.sh

# Only the modules that mount this disk: a small initramfs is quick to make and to unpack.
echo MODULES=list >/etc/initramfs-tools/conf.d/lane
printf '%s\n' virtio_pci virtio_blk ext4 >>/etc/initramfs-tools/modules
update-initramfs -u

offer() { # FOLDER
	echo "deb [trusted=yes] file:$1 ./" >/etc/apt/sources.list.d/lane.list
	apt-get -q -o Acquire::Languages=none update
}

# Prints lines KERNEL image|- headers|- module|-. A module for another kernel does not count.
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

# Records the output and the result, which a test checks (`after` in lib.sh). The image is made even
# if the step fails.
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

# Fills the cache of ccache for a build in the guest, where the compiler is slow.
compile() { # VERSION KERNEL
	dkms build "vfifo/$1" -k "$2"
	dkms unbuild "vfifo/$1" -k "$2"
}

compile_for_the_install_of() { # DEB
	local version had_key=
	version=$(dpkg-deb -f "$1" Version)
	version=${version%-*}
	[ ! -e /var/lib/dkms/mok.key ] || had_key=y
	dpkg-deb -x "$1" /tmp/deb
	mv "/tmp/deb/usr/src/vfifo-$version" /usr/src
	dkms add "vfifo/$version"
	compile "$version" "$(basename /usr/lib/modules/*)"
	dkms remove "vfifo/$version" --all
	rm -r "/usr/src/vfifo-$version" /tmp/deb
	# The first build has made the key.
	[ -n "$had_key" ] || rm /var/lib/dkms/mok.*
}

compile_for_the_headers_of() { # DEB
	local kernel version
	kernel=$(dpkg-deb -f "$1" Package)
	kernel=${kernel#linux-headers-}
	dpkg-deb -x "$1" /tmp/headers
	mv "/tmp/headers/usr/src/linux-headers-$kernel" /usr/src
	ln -s "/usr/src/linux-headers-$kernel" "/usr/lib/modules/$kernel/build"
	version=$(dpkg-query -W -f '${Version}' vfifo-dkms)
	compile "${version%-*}" "$kernel"
	rm -r "/usr/src/linux-headers-$kernel" "/usr/lib/modules/$kernel/build"
}

# autopkgtest waits for a login prompt on the first serial line, then looks for a root shell on the
# console hvc1, and shares a folder.
serve_autopkgtest() {
	systemctl disable vfifo-lane.service
	systemctl unmask getty.target serial-getty@.service
	printf '%s\n' 9p 9pnet_virtio virtio_console >/etc/modules-load.d/autopkgtest.conf
	cat >/etc/systemd/system/autopkgtest.service <<-'END'
		[Unit]
		Description=root shell of autopkgtest
		Before=serial-getty@ttyS0.service
		[Service]
		ExecStart=/bin/sh
		Environment=DEBIAN_KERNEL_USE_CCACHE=y
		StandardInput=tty
		StandardOutput=tty
		TTYPath=/dev/hvc1
		[Install]
		WantedBy=multi-user.target
	END
	systemctl enable autopkgtest.service
}

for what; do
	case $what in
	vfifo)
		apt-get -q -y install /out/vfifo-dkms.deb
		adduser alice vfifo ;;
	containers)
		offer /out/containers
		apt-get -q -y --no-install-recommends install podman crun uidmap systemd-container busybox-static
		rm /etc/apt/sources.list.d/lane.list
		# Nothing of it takes part in a boot.
		systemctl mask podman.service podman.socket podman-auto-update.timer podman-clean-transient.service \
			podman-restart.service ;;
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
	brokers)
		# shellcheck disable=SC2046 # one word each
		step brokers /out/brokers --no-install-recommends install \
			$(sed -n 's/^Package: //p' /out/brokers/Packages)
		# The test starts them.
		systemctl disable mosquitto redis-server ;;
	full-upgrade) step full-upgrade /out/full-upgrade full-upgrade ;;
	clients)
		# The root folder is without manual pages. Java's scripts make links to theirs.
		mkdir -p /usr/share/man/man1
		# shellcheck disable=SC2046 # one word each
		step clients /out/clients --no-install-recommends install \
			$(sed -n 's/^Package: //p' /out/clients/Packages) ;;
	autopkgtest)
		# The package of the documentation is a dependency, but no test reads it.
		echo 'path-exclude=/usr/share/doc/linux-doc*' >/etc/dpkg/dpkg.cfg.d/autopkgtest
		# shellcheck disable=SC2046 # one word each
		step autopkgtest /out/autopkgtest --no-install-recommends install \
			$(sed -n 's/^Package: //p' /out/autopkgtest/Packages)
		serve_autopkgtest ;;
	checkout)
		printf '%s\n' 'alice ALL=(root) NOPASSWD: ALL' \
			'Defaults env_keep += "DEBIAN_FRONTEND DEBIAN_KERNEL_USE_CCACHE"' >/etc/sudoers.d/alice
		mkdir ~alice/vfifo
		tar -C /vfifo -c --exclude=.git --exclude='*.deb' . | tar -C ~alice/vfifo -x
		chown -R alice:alice ~alice/vfifo
		offer /out/checkout
		su -l alice -c 'cd vfifo && scripts/deb'
		rm /etc/apt/sources.list.d/lane.list ;;
	compile) compile_for_the_install_of /out/vfifo-dkms.deb ;;
	compile-next) compile_for_the_install_of /out/next.deb ;;
	esac
done
# Tells systemd that /etc and /var are up to date, which shortens the first boot.
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
