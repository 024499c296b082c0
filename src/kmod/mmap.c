// SPDX-License-Identifier: GPL-2.0
/*
 * mmap.c - a vfifo in the address space of a process
 *
 * mmap(2) decides what the offset means and whether the mapping is allowed. There are two
 * kinds of mapping.
 *
 * The data. Cached pages are mapped by faults and can be pinned for direct I/O. All other kinds of
 * memory, and exports of every kind, are mapped at once as VM_PFNMAP, which get_user_pages()
 * refuses: see vfifo_buffer_map().
 *
 * A fault in the data maps more than one page, in one of two ways. With VM_MIXEDMAP it maps the
 * pages around the fault, one by one, which needs the flag. Without the flag it maps a huge page as
 * a whole: when the kernel splits the mapping of a huge page, it drops the reference to it only if
 * the flag is clear. So a mapping has one way or the other. mmap(2) chooses by what the mapping
 * shows, not by its address, which mremap(2) can change.
 *
 * A page of numbers, the status or a position: one page, mapped by a fault, so the mapping can
 * never be split.
 * A writable mapping of a position is the claim of that side. The claim lives exactly as long
 * as the mapping, so a child must not inherit it: VM_DONTCOPY prevents that, and VM_IO keeps
 * madvise(2) from clearing VM_DONTCOPY. VM_MAYWRITE marks a claim: it stays set when
 * mprotect(2) clears VM_WRITE.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include <vfifo.h>

#include "claim.h"
#include "compat.h"
#include "device.h"
#include "mmap.h"
#include "wait.h"

static struct vfifo *vma_vfifo(struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

static void data_open(struct vm_area_struct *vma)
{
	atomic_inc(&vma_vfifo(vma)->ring.mappings);
}

static void data_close(struct vm_area_struct *vma)
{
	atomic_dec(&vma_vfifo(vma)->ring.mappings);
}

static vm_fault_t data_fault(struct vm_fault *vmf)
{
	const struct vfifo_buffer *buffer = &vma_vfifo(vmf->vma)->ring.buffer;
	struct page *page = vfifo_buffer_page(buffer, vmf->pgoff);

	if (!page)
		return VM_FAULT_SIGBUS;
	if (vmf->vma->vm_flags & VM_MIXEDMAP)
		vfifo_buffer_map_around(buffer, vmf->vma, vmf->address);
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct data_operations = {
	.open = data_open,
	.close = data_close,
	.fault = data_fault,
};

static vm_fault_t huge_data_fault(struct vm_fault *vmf, vfifo_fault_order order)
{
	return vfifo_buffer_map_huge(&vma_vfifo(vmf->vma)->ring.buffer, vmf,
				     order);
}

static const struct vm_operations_struct huge_data_operations = {
	.open = data_open,
	.close = data_close,
	.fault = data_fault,
	.huge_fault = huge_data_fault,
};

/* Lets a debugger read and write the data of a VM_PFNMAP mapping. */
static int data_copy(const struct vfifo_buffer *buffer,
		     struct vm_area_struct *vma, unsigned long at, void *buf,
		     int n, int write)
{
	void *data = buffer->data + (vma->vm_pgoff << PAGE_SHIFT) +
		     (at - vma->vm_start);

	if (write && !(vma->vm_flags & VM_WRITE))
		return -EACCES;
	n = min_t(unsigned long, n, vma->vm_end - at);
	if (write)
		memcpy(data, buf, n);
	else
		memcpy(buf, data, n);
	return n;
}

static int data_access(struct vm_area_struct *vma, unsigned long at, void *buf,
		       int n, int write)
{
	return data_copy(&vma_vfifo(vma)->ring.buffer, vma, at, buf, n, write);
}

static const struct vm_operations_struct mapped_data_operations = {
	.open = data_open,
	.close = data_close,
	.access = data_access,
};

/* The next functions are for mappings of a page of numbers. */
static unsigned long vma_offset(const struct vm_area_struct *vma)
{
	return vma->vm_pgoff << PAGE_SHIFT;
}

static enum vfifo_end vma_end(const struct vm_area_struct *vma)
{
	return vma_offset(vma) == VFIFO_MMAP_PRODUCER ||
			       vma_offset(vma) == VFIFO_MMAP_RECORD_PRODUCER ?
		       VFIFO_PRODUCER :
		       VFIFO_CONSUMER;
}

/* What a process that claims a side takes the stored bytes for. */
static enum vfifo_framing vma_framing(const struct vm_area_struct *vma)
{
	return vma_offset(vma) == VFIFO_MMAP_RECORD_PRODUCER ||
			       vma_offset(vma) == VFIFO_MMAP_RECORD_CONSUMER ?
		       VFIFO_RECORDS :
		       VFIFO_BYTES;
}

static void *vma_numbers(struct vm_area_struct *vma)
{
	struct vfifo_ring *ring = &vma_vfifo(vma)->ring;

	if (vma_offset(vma) == VFIFO_MMAP_STATUS)
		return ring->status;
	return ring->sides[vma_end(vma)].page;
}

/* Of all pages of numbers, only a claimed position can be writable. */
static bool vma_is_claim(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_MAYWRITE;
}

/* Whether root has revoked the claim. No page is mapped there any more. */
static bool vma_is_revoked(const struct vm_area_struct *vma)
{
	const struct vfifo_claim *claim = vma->vm_private_data;

	return vma_is_claim(vma) && READ_ONCE(claim->revoked);
}

static void numbers_open(struct vm_area_struct *vma)
{
	struct vfifo_ring *ring = &vma_vfifo(vma)->ring;

	if (vma_is_claim(vma))
		vfifo_claim_again(ring, vma->vm_private_data);
	atomic_inc(&ring->mappings);
}

static void numbers_close(struct vm_area_struct *vma)
{
	struct vfifo_ring *ring = &vma_vfifo(vma)->ring;
	bool moved;

	if (vma_is_claim(vma) &&
	    vfifo_claim_release(ring, vma_end(vma), vma->vm_private_data,
				&moved))
		vfifo_ring_released(ring, vma_end(vma), moved);
	atomic_dec(&ring->mappings);
}

/*
 * The page stays locked until it is mapped, so that a claim that is revoked meanwhile
 * does not keep it: see claim_zap() in claim.c.
 */
static vm_fault_t numbers_fault(struct vm_fault *vmf)
{
	struct page *page = virt_to_page(vma_numbers(vmf->vma));

	if (vmf->pgoff != vmf->vma->vm_pgoff)
		return VM_FAULT_SIGBUS;
	lock_page(page);
	if (vma_is_revoked(vmf->vma)) {
		unlock_page(page);
		return VM_FAULT_SIGBUS;
	}
	get_page(page);
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

/* Lets a debugger read the page, which VM_IO would prevent (and does on 32-bit ARM). */
static int numbers_access(struct vm_area_struct *vma, unsigned long at,
			  void *buf, int n, int write)
{
	unsigned long offset = at - vma->vm_start;

	if (write || vma_is_revoked(vma))
		return -EACCES;
	n = min_t(unsigned long, n, PAGE_SIZE - offset);
	memcpy(buf, vma_numbers(vma) + offset, n);
	return n;
}

static const struct vm_operations_struct numbers_operations = {
	.open = numbers_open,
	.close = numbers_close,
	.fault = numbers_fault,
	.access = numbers_access,
};

/*
 * VM_MAYSHARE marks a shared mapping. A shared mapping of a file that is open for reading only
 * does not have VM_SHARED.
 */
static int vma_validate(const struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if ((vma->vm_flags & VM_WRITE) && !(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	return 0;
}

/* Keeps mprotect(2) from adding a permission that mmap(2) did not ask for. */
static void vma_restrict(struct vm_area_struct *vma, unsigned long flags)
{
	unsigned long never = VM_MAYEXEC;

	if (!(vma->vm_flags & VM_WRITE))
		never |= VM_MAYWRITE;
	vfifo_vm_flags_mod(vma, flags | VM_DONTEXPAND | VM_DONTDUMP, never);
}

static void map_by_faults(const struct vfifo_buffer *buffer,
			  struct vm_area_struct *vma)
{
	if (vfifo_buffer_maps_huge(buffer, vma->vm_pgoff, vma_pages(vma))) {
		vma_restrict(vma, 0);
		vma->vm_ops = &huge_data_operations;
		return;
	}
	/* A fault cannot set VM_MIXEDMAP. */
	vma_restrict(vma, VM_MIXEDMAP);
	vma->vm_ops = &data_operations;
}

static int map_data(struct vfifo *vfifo, struct vm_area_struct *vma)
{
	int err = vfifo_pin_buffer(&vfifo->ring, vma->vm_pgoff, vma_pages(vma));

	if (err)
		return err;
	if (vfifo->ring.buffer.pages.memory == VFIFO_MEMORY_CACHED) {
		map_by_faults(&vfifo->ring.buffer, vma);
		return 0;
	}
	vma_restrict(vma, 0);
	vma->vm_ops = &mapped_data_operations;
	err = vfifo_buffer_map(&vfifo->ring.buffer, vma);
	if (err)
		atomic_dec(&vfifo->ring.mappings); /* ->close is not called */
	return err;
}

static int map_claim(struct vfifo *vfifo, struct vm_area_struct *vma)
{
	struct vfifo_claim *claim;

	if (vma_offset(vma) == VFIFO_MMAP_STATUS)
		return -EACCES;
	claim = vfifo_claim_begin(&vfifo->ring, vma_end(vma), vma_framing(vma),
				  vma->vm_file);
	if (IS_ERR(claim))
		return PTR_ERR(claim);
	vma->vm_private_data = claim;
	vfifo_ring_changed(&vfifo->ring);
	return 0;
}

/* A writable mapping claims the side; a read-only one is only counted. Return: as vfifo_mmap(). */
static int map_numbers(struct vfifo *vfifo, struct vm_area_struct *vma)
{
	int err;

	if (vma_pages(vma) != 1)
		return -EINVAL;
	if (vma->vm_flags & VM_WRITE)
		err = map_claim(vfifo, vma);
	else
		err = vfifo_pin_buffer(&vfifo->ring, 0, 1);
	if (err)
		return err;
	vma_restrict(vma, VM_IO | VM_DONTCOPY);
	vma->vm_ops = &numbers_operations;
	return 0;
}

/**
 * vfifo_mmap() - map the data, the status or a position
 * @file: an open vfifo
 * @vma: the mapping; its offset is that of the status, of a position, or within the data
 *
 * Context: Process context, under mmap_lock. May sleep.
 * Return: 0; -EPERM: PROT_EXEC; -EINVAL: a writable private mapping, or a wrong offset or
 * length; -EACCES: a writable mapping of the status; of a position, -EPROTO: its offset is for
 * another framing, -EBUSY: the side is claimed, or it is the producer side and the generator is
 * on; -ENOMEM; -EINTR: the caller was killed; -ENODEV: the device was removed; or another
 * error of vfifo_buffer_map().
 */
int vfifo_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vfifo *vfifo = file->private_data;
	int err;

	err = vma_validate(vma);
	if (err)
		return err;
	switch (vma->vm_pgoff) {
	case VFIFO_MMAP_STATUS >> PAGE_SHIFT:
	case VFIFO_MMAP_PRODUCER >> PAGE_SHIFT:
	case VFIFO_MMAP_CONSUMER >> PAGE_SHIFT:
	case VFIFO_MMAP_RECORD_PRODUCER >> PAGE_SHIFT:
	case VFIFO_MMAP_RECORD_CONSUMER >> PAGE_SHIFT:
		return map_numbers(vfifo, vma);
	default:
		return map_data(vfifo, vma);
	}
}

/* The mapping has the dma-buf's file, and that keeps the buffer. */
static int exported_access(struct vm_area_struct *vma, unsigned long at,
			   void *buf, int n, int write)
{
	struct vfifo *vfifo = vma->vm_private_data;

	return data_copy(&vfifo->ring.buffer, vma, at, buf, n, write);
}

static const struct vm_operations_struct exported_operations = {
	.access = exported_access,
};

/**
 * vfifo_mmap_exported() - map the data for a user of a dma-buf
 * @vfifo: the vfifo; the dma-buf counts as a mapping and keeps it
 * @vma: the mapping, of one appearance of the data at most
 * @writable: whether it may be writable
 *
 * Context: Process context, under mmap_lock. May sleep.
 * Return: 0; -EPERM: PROT_EXEC; -EINVAL: a writable private mapping; -EACCES: it may not be
 * writable; or an error of vfifo_buffer_map().
 */
int vfifo_mmap_exported(struct vfifo *vfifo, struct vm_area_struct *vma,
			bool writable)
{
	int err;

	err = vma_validate(vma);
	if (err)
		return err;
	if ((vma->vm_flags & VM_WRITE) && !writable)
		return -EACCES;
	vma_restrict(vma, 0);
	vma->vm_private_data = vfifo;
	vma->vm_ops = &exported_operations;
	return vfifo_buffer_map(&vfifo->ring.buffer, vma);
}
