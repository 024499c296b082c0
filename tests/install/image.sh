#!/bin/sh
# image.sh [vfifo] [newer]: run as root in a root folder that is to be booted (see
# scripts/image). Two users, the unit that starts the tests, no network; then, if told to,
# vfifo, and after it a newer kernel from /out/newer. Leaves the kernel to boot in /out.
set -eu
export DEBIAN_FRONTEND=noninteractive

for user in alice mallory; do
	useradd --create-home --shell /bin/bash "$user"
done
echo vfifo-guest >/etc/hostname
echo '127.0.1.1 vfifo-guest' >>/etc/hosts
: >/etc/resolv.conf
: >/etc/fstab
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/apt.conf.d/99mmdebstrap

# The second disk is what the host wants done. When it has been, the guest is switched off.
cat >/etc/systemd/system/vfifo-lane.service <<'END'
[Unit]
Description=what the host wants done
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'mkdir -p /lane; mount -o ro /dev/vdb /lane; stty -F /dev/ttyS1 raw -echo; cd /lane; exec ./run >/dev/ttyS1'
ExecStopPost=/usr/bin/systemctl poweroff --force --force
[Install]
WantedBy=multi-user.target
END
systemctl enable vfifo-lane.service

# Every install runs depmod, which unpacks each module there is: 45 s in an emulated machine
# for drivers of hardware that it does not have.
for modules in /usr/lib/modules/*; do
	(cd "$modules/kernel" && rm -rf sound drivers/gpu drivers/media drivers/net drivers/infiniband \
		drivers/iio drivers/usb drivers/scsi drivers/hid drivers/platform drivers/hwmon drivers/input)
	depmod "${modules##*/}"
done

for what; do
	case $what in
	vfifo)
		apt-get -q -y install /out/vfifo-dkms.deb
		adduser alice vfifo ;;
	newer)
		# As a user's apt does it, from a local archive.
		(cd /out/newer && apt-ftparchive packages . >Packages)
		echo 'deb [trusted=yes] file:/out/newer ./' >/etc/apt/sources.list.d/newer.list
		apt-get -q update
		apt-get -q -y install linux-image-amd64 linux-headers-amd64
		rm /etc/apt/sources.list.d/newer.list
		dpkg --audit ;;
	esac
done

kernel=$(find /boot -name 'vmlinuz-*' -printf '%f\n' | sed 's/^vmlinuz-//' | sort -V | tail -n 1)
if [ -e /var/lib/dkms/mok.pub ]; then cp /var/lib/dkms/mok.pub /out; fi
cp "/boot/vmlinuz-$kernel" /out/vmlinuz
cp "/boot/initrd.img-$kernel" /out/initrd
