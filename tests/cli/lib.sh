# shellcheck shell=sh
# lib.sh: what the tests here share.

fail() { echo "FAIL: $*"; exit 1; }

# Ends the test, or the rest of it, as skipped if it cannot become another user.
needs_root() {
	[ "$(id -u)" = 0 ] || { echo "the rest needs root, to become another user"; exit 77; }
}

# is GOT WANTED WHAT
is() { [ "$1" = "$2" ] || fail "$3: got '$1', wanted '$2'"; }

# The command on the made-up tree.
v() { vfifo --sysroot tree "$@"; }

# ends CODE ARGUMENT...: v with these arguments exits with CODE. Its output is in the file said,
# its errors are in wrong.
ends() {
	local wanted="$1" code=0
	shift
	v "$@" >said 2>wrong || code=$?
	[ $code = "$wanted" ] || { cat said wrong; fail "vfifo $*: ended with $code, wanted $wanted"; }
}

# complains TEXT...: the last errors contain each TEXT.
complains() {
	local text
	for text in "$@"; do
		grep -qF -- "$text" wrong || { cat wrong; fail "it does not say: $text"; }
	done
}

# json EXPRESSION: the value of a Perl expression, where $j is the JSON on standard input.
json() {
	perl -MJSON::PP -e 'binmode STDOUT, ":utf8"; my $j = decode_json(join "", <STDIN>); print eval $ARGV[0]; die $@ if $@' -- "$1"
}

attr() { # DEVICE ATTRIBUTE
	cat "tree/sys/class/vfifo/$1/$2"
}

put() { # DEVICE ATTRIBUTE VALUE
	echo "$3" >"tree/sys/class/vfifo/$1/$2"
}

# A device as the module makes it.
device() { # NUMBER
	local name="vfifo$1" attribute
	mkdir -p "tree/sys/class/vfifo/$name/generator" "tree/sys/class/vfifo/$name/stats" tree/dev/vfifo/by-label
	while read -r attribute value; do
		put "$name" "$attribute" "$value"
	done <<-END
		dev 240:$1
		size 0
		capacity 65536
		memory cached
		framing bytes
		mode 0
		read_watermark 1
		write_watermark 4096
		overflow block
		eof 0
		scrub 0
		label
		mappings 0
		producer 0
		consumer 0
		generator/pattern text
		generator/period_us 1000000
		generator/burst 0
		generator/count 0
		stats/in_bytes 0
		stats/out_bytes 0
		stats/dropped_bytes 0
		stats/dropped_records 0
		stats/reads 0
		stats/writes 0
		stats/kicks 0
		stats/wakeups 0
	END
	: >"tree/sys/class/vfifo/$name/clear"
	: >"tree/sys/class/vfifo/$name/generator/trigger"
	: >"tree/sys/class/vfifo/$name/stats/reset"
	printf 'AUTO ' >"tree/sys/class/vfifo/$name/generator/text"
	memory "$1" 65536 0 ''
}

label() { # NUMBER LABEL
	put "vfifo$1" label "$2"
	ln -sfn "../../vfifo$1" "tree/dev/vfifo/by-label/$2"
}

# A file in place of the node, with the contents of the mappings at their offsets.
memory() { # NUMBER CAPACITY OUT TEXT
	perl -e '
		my ($file, $capacity, $out, $text) = @ARGV;
		open my $f, "+>:raw", $file or die;
		sub put { seek $f, $_[0], 0; print $f $_[1] }
		put(0x70000000, pack("L7", 0x4f464956, 1, $capacity, 0, 0, 1, 4096));
		put(0x71000000, pack("L", $out + length($text) & 0xffffffff));
		put(0x72000000, pack("L", $out));
		truncate $f, 0x72001000;
		for (0 .. length($text) - 1) {
			my $at = ($out + $_) % $capacity;
			put($at, substr($text, $_, 1));
			put($at + $capacity, substr($text, $_, 1));
		}' -- "tree/dev/vfifo$1" "$2" "$3" "$4"
}

mkdir -p tree/sys/class/vfifo
: >tree/sys/class/vfifo/add
: >tree/sys/class/vfifo/remove
device 0
