// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dma-buf drm CARD: has a graphics driver import the buffer of /dev/vfifo0, and looks for the
 * bytes that it shares.
 *
 * dma-buf video CAMERA: has a camera fill the buffer with one frame, and hands the frame to the
 * readers of the FIFO, without a copy. The FIFO is new, so its next byte is at offset 0. Prints
 * the size of the frame.
 *
 * dma-buf read-only CAMERA: offers the camera an export that it may not write.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/drm.h>
#include <libvfifo.h>
#include <linux/videodev2.h>

static void must(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static int export_fifo(int access, size_t *capacity)
{
	struct vfifo_export export = { .flags = O_CLOEXEC };
	int fd = open("/dev/vfifo0", access);
	off_t size;

	must(fd >= 0, "open /dev/vfifo0");
	must(!ioctl(fd, VFIFO_EXPORT, &export), "VFIFO_EXPORT");
	size = lseek(export.fd, 0, SEEK_END);
	must(size > 0, "the size of the dma-buf");
	*capacity = (size_t)size;
	close(fd);
	return export.fd;
}

static void drm(const char *path)
{
	struct drm_prime_handle there = { 0 }, back = { .flags = DRM_RDWR };
	size_t capacity;
	int card = open(path, O_RDWR), fifo;
	char *map;

	must(card >= 0, path);
	there.fd = export_fifo(O_RDWR, &capacity);
	must(!ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &there),
	     "PRIME_FD_TO_HANDLE");
	close(there.fd);

	fifo = open("/dev/vfifo0", O_RDWR);
	must(write(fifo, "shared", 6) == 6, "write");
	back.handle = there.handle;
	must(!ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &back),
	     "PRIME_HANDLE_TO_FD");
	map = mmap(NULL, capacity, PROT_READ, MAP_SHARED, back.fd, 0);
	must(map != MAP_FAILED, "mmap of the driver's dma-buf");
	must(memmem(map, capacity, "shared", 6) != NULL,
	     "the bytes are not in the dma-buf");
}

static int try_to_queue(int camera, unsigned int index, int buffer,
			size_t length)
{
	struct v4l2_buffer b = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
		.index = index,
		.m.fd = buffer,
		.length = (unsigned int)length,
	};

	return ioctl(camera, VIDIOC_QBUF, &b);
}

static void queue(int camera, unsigned int index, int buffer, size_t length)
{
	must(!try_to_queue(camera, index, buffer, length), "VIDIOC_QBUF");
}

/* Returns how many buffers the camera wants. */
static unsigned int prepare(int camera, size_t capacity)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	struct v4l2_format format = { .type = (unsigned int)type };
	struct v4l2_requestbuffers request = {
		.type = (unsigned int)type,
		.memory = V4L2_MEMORY_DMABUF,
		.count = 4,
	};

	must(!ioctl(camera, VIDIOC_G_FMT, &format), "VIDIOC_G_FMT");
	format.fmt.pix.width = 320;
	format.fmt.pix.height = 180;
	format.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
	format.fmt.pix.bytesperline = format.fmt.pix.sizeimage = 0;
	must(!ioctl(camera, VIDIOC_S_FMT, &format), "VIDIOC_S_FMT");
	must(format.fmt.pix.sizeimage <= capacity, "the frame is too large");
	must(!ioctl(camera, VIDIOC_REQBUFS, &request), "VIDIOC_REQBUFS");
	return request.count;
}

/* Every buffer of the camera is the same memory, and the camera stops after the first frame. */
static size_t take_frame(int camera, int buffer, size_t capacity)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	struct v4l2_buffer b = {
		.type = (unsigned int)type,
		.memory = V4L2_MEMORY_DMABUF,
	};
	struct pollfd p = { .fd = camera, .events = POLLIN };
	unsigned int i, n = prepare(camera, capacity);

	for (i = 0; i < n; i++)
		queue(camera, i, buffer, capacity);
	must(!ioctl(camera, VIDIOC_STREAMON, &type), "VIDIOC_STREAMON");
	must(poll(&p, 1, 30000) == 1, "poll of the camera");
	must(!ioctl(camera, VIDIOC_DQBUF, &b), "VIDIOC_DQBUF");
	must(!ioctl(camera, VIDIOC_STREAMOFF, &type), "VIDIOC_STREAMOFF");
	return b.bytesused;
}

static void video(const char *path)
{
	int camera = open(path, O_RDWR), buffer, err;
	struct vfifo_handle *f;
	size_t capacity, n;
	ssize_t room;
	void *at;

	must(camera >= 0, path);
	err = vfifo_open("/dev/vfifo0", VFIFO_PRODUCER, 0, &f);
	must(!err, "vfifo_open");
	buffer = export_fifo(O_RDWR, &capacity);
	room = vfifo_reserve(f, capacity, &at);
	must(room == (ssize_t)capacity, "vfifo_reserve");
	n = take_frame(camera, buffer, capacity);
	must(!vfifo_commit(f, n), "vfifo_commit");
	vfifo_close(f);
	printf("%zu\n", n);
}

/* The driver would write. It asks for an address in the kernel, or maps the buffer. */
static void read_only(const char *path)
{
	int camera = open(path, O_RDWR), buffer;
	size_t capacity;

	must(camera >= 0, path);
	buffer = export_fifo(O_RDONLY, &capacity);
	prepare(camera, capacity);
	must(try_to_queue(camera, 0, buffer, capacity) < 0,
	     "a camera took a read-only buffer");
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "drm"))
		drm(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "video"))
		video(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "read-only"))
		read_only(argv[2]);
	else
		return 2;
	return 0;
}
