// SPDX-License-Identifier: GPL-2.0-or-later
/* A file as a source of samples: one that libsndfile reads, or raw ones. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sndfile.h>

#include "cli.h"
#include "interrupt.h"
#include "source.h"

struct file_source {
	struct source source;
	struct sampling sampling;
	const char *name;
	bool loops;
	int fd;		/* raw */
	SNDFILE *sound; /* NULL: raw */
	void *values;	/* of libsndfile, for a block: int or float */
	size_t samples; /* of a block */
	uint64_t done;	/* samples in the blocks so far */
	unsigned char *bytes;
};

/* --- reading ---------------------------------------------------------------- */

static void store_values(const struct file_source *s, size_t n)
{
	const struct sample_format *f = s->sampling.format;

	for (size_t i = 0; i < n * s->sampling.channels; i++) {
		unsigned char *to = s->bytes + i * f->bytes;

		if (f->floats)
			sample_store_float(f, ((const float *)s->values)[i],
					   to);
		else
			sample_store(f, ((const int *)s->values)[i], to);
	}
}

/* How many samples of each channel; -1 after an error message. */
static ssize_t read_sound(const struct file_source *s)
{
	sf_count_t most = (sf_count_t)s->samples, n;

	n = s->sampling.format->floats ?
		    sf_readf_float(s->sound, s->values, most) :
		    sf_readf_int(s->sound, s->values, most);
	if (n <= 0 && sf_error(s->sound)) {
		complain("%s: %s", s->name, sf_strerror(s->sound));
		return -1;
	}
	store_values(s, n > 0 ? (size_t)n : 0);
	return n > 0 ? (ssize_t)n : 0;
}

static ssize_t read_raw(const struct file_source *s)
{
	size_t frame = s->source.frame, size = s->samples * frame, done = 0;

	while (done < size) {
		ssize_t n = read(s->fd, s->bytes + done, size - done);

		if (n > 0) {
			done += (size_t)n;
		} else if (!n || (errno == EINTR && interrupts())) {
			break;
		} else if (errno != EINTR) {
			complain("%s: %m", s->name);
			return -1;
		}
	}
	if (done % frame && !interrupts())
		complain(
			"%s: the last %zu bytes are no whole sample of each channel, and are left out",
			s->name, done % frame);
	return (ssize_t)(done / frame);
}

static ssize_t read_samples(const struct file_source *s)
{
	return s->sound ? read_sound(s) : read_raw(s);
}

/* Return: whether the file is at its beginning. */
static bool rewind_file(const struct file_source *s)
{
	if (s->sound)
		return !sf_seek(s->sound, 0, SEEK_SET);
	if (!lseek(s->fd, 0, SEEK_SET))
		return true;
	complain("%s: it cannot be played in a loop: %m", s->name);
	return false;
}

static int next_of_file(struct source *source, struct source_block *b)
{
	struct file_source *s = (struct file_source *)source;
	ssize_t n = read_samples(s);

	if (!n && s->loops && s->done && !interrupts()) {
		if (!rewind_file(s))
			return -1;
		n = read_samples(s);
	}
	if (n <= 0)
		return (int)n;
	s->done += (uint64_t)n;
	*b = (struct source_block){ .bytes = s->bytes,
				    .n = (size_t)n * source->frame,
				    .due = samples_ns(s->done,
						      s->sampling.rate) };
	return 1;
}

/* --- opening ---------------------------------------------------------------- */

static void close_file(struct source *source)
{
	struct file_source *s = (struct file_source *)source;

	if (s->sound)
		sf_close(s->sound);
	else if (s->fd > STDERR_FILENO)
		close(s->fd);
	free(s->values);
	free(s->bytes);
	free(s);
}

/* The format that keeps all of a file's samples, if there is one. */
static const char *nearest_format(int format)
{
	switch (format & SF_FORMAT_SUBMASK) {
	case SF_FORMAT_PCM_S8:
	case SF_FORMAT_PCM_U8:
		return "s8";
	case SF_FORMAT_PCM_24:
		return "s24le";
	case SF_FORMAT_PCM_32:
		return "s32le";
	case SF_FORMAT_FLOAT:
	case SF_FORMAT_DOUBLE:
		return "f32le";
	default:
		return "s16le";
	}
}

/* false after an error message. */
static bool take_info(struct file_source *s, const SF_INFO *info)
{
	if (info->channels < 1 || info->channels > CHANNELS_MAX) {
		complain("%s: it has %d channels, not 1 to %d", s->name,
			 info->channels, CHANNELS_MAX);
		return false;
	}
	if (info->samplerate < 1 || info->samplerate > 1000000000) {
		complain("%s: it has %d samples per second, not 1 to 1G",
			 s->name, info->samplerate);
		return false;
	}
	s->sampling.channels = (unsigned int)info->channels;
	s->sampling.rate = (uint32_t)info->samplerate;
	if (!s->sampling.format)
		s->sampling.format =
			sample_format_find(nearest_format(info->format));
	return true;
}

static bool open_sound(struct file_source *s)
{
	SF_INFO info = { 0 };

	s->sound = sf_open_fd(s->fd, SFM_READ, &info, SF_TRUE);
	if (!s->sound) {
		complain("%s: %s; for a file of samples alone: --raw", s->name,
			 sf_strerror(NULL));
		return false;
	}
	/* Floats that become integers are cut off at full scale. */
	sf_command(s->sound, SFC_SET_SCALE_FLOAT_INT_READ, NULL, SF_TRUE);
	sf_command(s->sound, SFC_SET_CLIPPING, NULL, SF_TRUE);
	return take_info(s, &info);
}

static bool open_file(struct file_source *s, const struct file_settings *f)
{
	s->fd = STDIN_FILENO;
	if (!f->raw || strcmp(f->name, "-") != 0)
		s->fd = open(f->name, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0) {
		complain("%s: %m", f->name);
		return false;
	}
	if (!f->raw)
		return open_sound(s);
	s->sampling = *f->raw;
	return true;
}

static bool make_block(struct file_source *s, const struct block_size *b)
{
	size_t samples = block_samples(b, &s->sampling);
	size_t frame = sampling_frame(&s->sampling);

	s->samples = samples;
	s->source.frame = frame;
	s->source.largest = samples * frame;
	s->bytes = samples ? malloc(samples * frame) : NULL;
	s->values =
		samples ? calloc(samples * s->sampling.channels, sizeof(int)) :
			  NULL;
	if (s->bytes && s->values)
		return true;
	out_of_memory();
	return false;
}

struct source *file_source(const struct file_settings *f,
			   const struct block_size *b)
{
	struct file_source *s = calloc(1, sizeof(*s));

	if (!s) {
		out_of_memory();
		return NULL;
	}
	s->source.next = next_of_file;
	s->source.close = close_file;
	s->name = f->name;
	s->loops = f->loops;
	s->sampling.format = f->format;
	if (open_file(s, f) && make_block(s, b))
		return &s->source;
	close_file(&s->source);
	return NULL;
}
