/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pcapng.h - packets with their times, in files of the format pcapng
 *
 * https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng. A file consists of blocks; each
 * begins and ends with its length. A section header comes first, then the description of an
 * interface, which a packet names by its number. vfifo record writes such a file with one
 * section and one interface, and vfifo play reads a file of any program.
 *
 * Times are in nanoseconds since 1970.
 */
#ifndef VFIFO_PCAPNG_H
#define VFIFO_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The longest packet: the longest record of the largest FIFO. */
#define PCAPNG_PACKET_MAX (256U << 20)

struct pcapng_packet {
	uint64_t time;
	const void *bytes;
	uint32_t length;   /* of the bytes */
	uint32_t original; /* more, if the packet was cut when it was recorded */
	bool numbered;
	uint64_t number; /* if numbered */
	uint64_t lost;	 /* packets between the one before and this one */
};

/* --- writing ---------------------------------------------------------------- */

/* Texts longer than PCAPNG_TEXT_MAX bytes are cut. An empty one is left out. */
#define PCAPNG_TEXT_MAX 255

struct pcapng_interface {
	uint16_t link_type;
	const char *name, *description, *os;
};

/* What is known at the end. */
struct pcapng_totals {
	uint64_t begin, end; /* times */
	uint64_t packets, lost;
};

/* The longest of what the functions below make. */
#define PCAPNG_PIECE_MAX 1024

/*
 * They make blocks in the byte order of this machine at `to`. Return: the number of bytes.
 *
 * The block of a packet is what pcapng_head() makes, the bytes of the packet, and what
 * pcapng_tail() makes.
 */
size_t pcapng_section(unsigned char *to, const char *os,
		      const char *application);
size_t pcapng_interface(unsigned char *to, const struct pcapng_interface *i);
size_t pcapng_head(unsigned char *to, const struct pcapng_packet *p);
size_t pcapng_tail(unsigned char *to, const struct pcapng_packet *p);
size_t pcapng_totals(unsigned char *to, const struct pcapng_totals *t);

/* --- reading ---------------------------------------------------------------- */

struct pcapng_clock;

struct pcapng_reader {
	/* As read(2), but with a negative errno. */
	ssize_t (*read)(void *from, void *to, size_t n);
	void *from;
	const char *problem; /* after -EBADMSG: what is wrong with the file */
	/* Private. */
	bool began, swapped;
	struct pcapng_clock *clocks; /* of the interfaces of this section */
	size_t n_clocks;
	unsigned char *buffer;
	size_t size, at, have; /* bytes: all, before the block, read */
	uint64_t skip;	       /* bytes of a block that is passed over */
};

void pcapng_begin(struct pcapng_reader *r,
		  ssize_t (*read)(void *from, void *to, size_t n), void *from);
void pcapng_end(struct pcapng_reader *r);

/*
 * Finds the next packet; its bytes are valid until the next call. The file may come from
 * anywhere: memory grows with the bytes that are read and not with what the file says, and by
 * not much more than PCAPNG_PACKET_MAX.
 *
 * Return: 1; 0: the file has ended; -ENODATA: the file ends in the middle of a block;
 * -EBADMSG: the file is not valid, or has packets of a kind without times; -ENOMEM; or an error of
 * read(), after which it may be called again.
 */
int pcapng_next(struct pcapng_reader *r, struct pcapng_packet *p);

#endif /* VFIFO_PCAPNG_H */
