#!/bin/sh
# packages.sh WHAT SUITE [SECURITY-MIRROR]: fetches the packages of an update of a root folder into
# the local archive /out. Run as root in the root folder, with a network (see scripts/lib/image).
#
#   point         the newest kernel of the same series and its headers. If the root has that
#                 kernel, also the kernel before it, which /out/before names
#   newer         kernel and headers of SUITE-backports
#   brokers       brokers and their clients, for the test `network`
#   full-upgrade  the packages of `apt full-upgrade` to SUITE
#   containers    podman with what it needs without root and without a network, and systemd-nspawn
#   clients       programs that the tests `clients-*` run
#   autopkgtest   what the autopkgtests of the package depend on
#   checkout      what scripts/deb installs
set -eu
export DEBIAN_FRONTEND=noninteractive
what=$1 suite=$2 security=${3:-}

apt() { apt-get -q -y -o Dir::Cache::archives=/out -o APT::Sandbox::User=root "$@"; }
offer() { echo "deb $1 $2 main" >"/etc/apt/sources.list.d/$what.list"; }
mirror=$(sed -n 's/^deb \(\[.*\] \)\{0,1\}\([^ ]*\) .*/\2/p' /etc/apt/sources.list | head -n 1)
here=$(find /usr/lib/modules -mindepth 1 -maxdepth 1 -name '[0-9]*' -printf '%f\n')

# Prints the kernels of the series that have both packages, oldest first.
point_releases() {
	local series kernel
	series=$(echo "$here" | cut -d. -f1,2)
	apt-cache pkgnames "linux-headers-$series." |
		grep -E "^linux-headers-$series\.[0-9.]+(-[0-9]+)?(\+[a-z0-9.]+)?-amd64\$" |
		xargs apt-cache show --no-all-versions |
		awk '/^Package: / { name = $2 } /^Version: / { print $2, name }' | sort -V | cut -d' ' -f2 |
		sed 's/^linux-headers-//' | while read -r kernel; do
			! apt-cache pkgnames "linux-image-$kernel" | grep -qx "linux-image-$kernel" || echo "$kernel"
		done
}

case $what in
point)
	from=$suite
	if [ -n "$security" ]; then
		from=$suite-security
		offer "$security" "$from"
	fi
	apt-get -q update
	apt -t "$from" --download-only install linux-image-amd64 linux-headers-amd64
	if [ -z "$(find /out -name "linux-image-*.deb")" ]; then
		before=$(point_releases | grep -vx "$here" | tail -n 1)
		[ -n "$before" ] || { echo "the archive has no kernel of this series but $here"; exit 1; }
		echo "$before" >/out/before
		apt --download-only install "linux-image-$before" "linux-headers-$before"
		apt --download-only --reinstall install linux-image-amd64 "linux-image-$here" linux-headers-amd64 \
			"linux-headers-$here" "linux-headers-${here%-amd64}-common" "linux-kbuild-${here%-amd64}"
	fi ;;
newer)
	offer "$mirror" "$suite-backports"
	apt-get -q update
	apt -t "$suite-backports" --download-only install linux-image-amd64 linux-headers-amd64 ;;
brokers)
	apt-get -q update
	apt --download-only --no-install-recommends install mosquitto redis-server kcat socat iproute2 python3-paho-mqtt \
		python3-redis ;;
full-upgrade)
	rm -f /etc/apt/apt.conf.d/99mmdebstrap
	: >/etc/apt/sources.list
	offer "$mirror" "$suite"
	apt-get -q update
	apt --download-only full-upgrade ;;
containers)
	apt-get -q update
	apt --no-install-recommends --download-only install podman crun uidmap systemd-container busybox-static ;;
clients)
	apt-get -q update
	apt --download-only --no-install-recommends install pv socat mbuffer sox fio nodejs openjdk-21-jre-headless ;;
autopkgtest)
	apt-get -q update
	apt --download-only --no-install-recommends install adduser gcc libc6-dev pkgconf util-linux python3-all \
		dctrl-tools linux-doc ;;
checkout)
	apt-get -q update
	# shellcheck disable=SC2046 # one word each
	apt --download-only --no-install-recommends install $(sed -n 's/^need //p' /vfifo/scripts/deb) ;;
esac
rm -rf /out/lock /out/partial
cd /out
apt-ftparchive packages . >Packages
