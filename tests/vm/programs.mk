# Compiles the programs of the guests. scripts/lib/vm.sh runs this in a root folder, so that the
# compiler does not depend on the host, on a copy of the sources (main/NAME.c, lib/, include/, shared/,
# libvfifo/, fuzz/). The programs are static, as a guest has no libraries. lib/*.c is linked into
# every test, libvfifo into those that include its header, and the fuzzer, which uses libvfifo, into
# those that include fuzz.h.
# CC is the compiler, CC32 the one for programs of 32 bits, or `none`: see scripts/lib/arch.sh.
CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Werror -static -s -pthread -I include -I shared -I lib -I libvfifo -I fuzz
lib    := $(wildcard lib/*.c)
client  = $(if $(shell grep -lE '<libvfifo.h>|"fuzz.h"' main/$*.c),$(wildcard libvfifo/*.c))
fuzzer  = $(if $(shell grep -l '"fuzz.h"' main/$*.c),$(wildcard fuzz/*.c))

init: main/init.c
	$(CC) $(CFLAGS) -o $@ $<

# With an off_t of 64 bits everywhere: some tests pass offsets that only the kernel may refuse.
%: main/%.c $(lib)
	$(CC) $(CFLAGS) -D_FILE_OFFSET_BITS=64 -o $@ $^ $(fuzzer) $(client) -luring

# A client of 32 bits, on a kernel of 32 or 64 bits. Not all of these have a liburing.
ifeq ($(CC32),none)
%-of-32-bits: main/%-of-32-bits.c lib/testlib.c lib/libraw.c
	$(CC) $(CFLAGS) -DNO_32_BITS -o $@ $^
else
%-of-32-bits: main/%-of-32-bits.c lib/testlib.c lib/libraw.c
	$(CC32) $(CFLAGS) -o $@ $^
endif
