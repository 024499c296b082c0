# shellcheck shell=sh
# screen.sh: windows of a terminal, which is tmux, for the tests of vfifo monitor.

export TMUX_TMPDIR="$PWD"
servers=0

# kill-server does not wait for the end of the server, so each window has a server of its own.
screen() { tmux -L "screen$servers" "$@"; }

# starts WIDTH HEIGHT ARGUMENT...
starts() {
	local width="$1" height="$2"
	shift 2
	servers=$((servers + 1))
	screen -f /dev/null new-session -d -x "$width" -y "$height" \
		"${WITH:-env} vfifo --sysroot tree monitor -i 0.1 $*; echo ended with \$?; sleep 60"
}

# shows TEXT: within half a minute.
shows() {
	local n=0
	until screen capture-pane -p | grep -qF -- "$1"; do
		n=$((n + 1))
		[ $n -lt 300 ] || { screen capture-pane -p; fail "it does not show: $1"; }
		sleep 0.1
	done
}

trap 'screen kill-server 2>/dev/null' EXIT
