#!/bin/sh
# lean.sh: removes the modules that a root folder does not need, and keeps dpkg from unpacking those
# of later kernels. Run as root in the root folder. depmod reads all modules whenever one is added
# or removed, which takes 45 s in an emulated machine, and a boot loads those of its devices.
set -eu

unneeded='sound net arch/x86/crypto arch/x86/events arch/x86/kvm drivers/accel drivers/ata drivers/atm
	drivers/bluetooth drivers/comedi drivers/cpufreq drivers/edac drivers/gpu drivers/hid
	drivers/hwmon drivers/i2c drivers/iio drivers/infiniband drivers/input drivers/isdn
	drivers/md drivers/media drivers/misc drivers/mmc drivers/mtd drivers/net drivers/nvme
	drivers/parport drivers/platform drivers/powercap drivers/scsi drivers/staging
	drivers/target drivers/usb drivers/video drivers/watchdog fs/bcachefs fs/btrfs fs/ceph
	fs/f2fs fs/gfs2 fs/nfs fs/nfsd fs/ocfs2 fs/smb fs/ubifs fs/xfs'

# The drivers that the test dma-buf loads, with those that they need, the one of the test network, and
# what autopkgtest needs.
kept='net/9p drivers/net/veth.ko* drivers/gpu/drm/vgem drivers/gpu/drm/drm.ko* drivers/gpu/drm/drm_*helper.ko* drivers/media/cec/core
	drivers/media/mc drivers/media/rc/rc-core.ko* drivers/media/common/v4l2-tpg
	drivers/media/common/videobuf2 drivers/media/v4l2-core drivers/media/test-drivers/vivid'

for modules in /usr/lib/modules/*; do
	# shellcheck disable=SC2086 # one word each, or a pattern
	(
		cd "$modules/kernel"
		find $kept -name '*.ko*' 2>/dev/null | cpio -o --quiet >/tmp/kept.cpio || :
		rm -rf $unneeded
		cpio -id --quiet </tmp/kept.cpio
		rm /tmp/kept.cpio
	)
	depmod "${modules##*/}"
done
for folder in $unneeded; do
	echo "path-exclude=/lib/modules/*/kernel/$folder/*"
	echo "path-exclude=/usr/lib/modules/*/kernel/$folder/*"
done >/etc/dpkg/dpkg.cfg.d/lane
