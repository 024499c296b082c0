# How the guests' programs are compiled: scripts/vm.sh runs this in a root folder, on a
# copy of what it needs (main/NAME.c, lib/, include/, libvfifo/), so that the host's compiler
# does not matter. Static, because a guest has no libraries. lib/*.c goes into every test,
# and libvfifo into those that include its header.
CC     := gcc
CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Werror -static -s -pthread -I include -I lib -I libvfifo
lib    := $(wildcard lib/*.c)
client  = $(if $(shell grep -l '<vfifo.h>' main/$*.c),$(wildcard libvfifo/*.c))

init: main/init.c
	$(CC) $(CFLAGS) -o $@ $<

%: main/%.c $(lib)
	$(CC) $(CFLAGS) -o $@ $^ $(client) -luring

# A client of 32 bits, on a 64-bit kernel; there is no liburing for those.
%-of-32-bits: main/%-of-32-bits.c lib/testlib.c lib/libraw.c
	$(CC) $(CFLAGS) -m32 -o $@ $^
