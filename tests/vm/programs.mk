# How the guests' programs are compiled: scripts/vm.sh runs this in a root folder, on a
# copy of what it needs (main/NAME.c, lib/, include/, shared/, libvfifo/), so that the host's compiler
# does not matter. Static, because a guest has no libraries. lib/*.c goes into every test,
# and libvfifo into those that include its header.
# CC is the compiler, CC32 the one for programs of 32 bits, or `none`; see scripts/arch.sh.
CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Werror -static -s -pthread -I include -I shared -I lib -I libvfifo
lib    := $(wildcard lib/*.c)
client  = $(if $(shell grep -l '<libvfifo.h>' main/$*.c),$(wildcard libvfifo/*.c))

init: main/init.c
	$(CC) $(CFLAGS) -o $@ $<

# Of 32 bits or not, with an off_t of 64: what is to be refused must be said first.
%: main/%.c $(lib)
	$(CC) $(CFLAGS) -D_FILE_OFFSET_BITS=64 -o $@ $^ $(client) -luring

# A client of 32 bits, on a kernel of either; there is no liburing for all of those.
ifeq ($(CC32),none)
%-of-32-bits: main/%-of-32-bits.c lib/testlib.c lib/libraw.c
	$(CC) $(CFLAGS) -DNO_32_BITS -o $@ $^
else
%-of-32-bits: main/%-of-32-bits.c lib/testlib.c lib/libraw.c
	$(CC32) $(CFLAGS) -o $@ $^
endif
