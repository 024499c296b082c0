# How the guests' programs are compiled: scripts/vm.sh runs this in a root folder, on a
# copy of what it needs (main/NAME.c, lib/, uapi/), so that the host's compiler does not
# matter. Static, because a guest has no libraries. lib/*.c goes into every test.
CC     := gcc
CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Werror -static -s -pthread -I uapi -I lib
lib    := $(wildcard lib/*.c)

init: main/init.c
	$(CC) $(CFLAGS) -o $@ $<

%: main/%.c $(lib)
	$(CC) $(CFLAGS) -o $@ $^ -luring
