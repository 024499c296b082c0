// SPDX-License-Identifier: GPL-2.0
/*
 * mmap.c - the buffer in somebody's address space
 *
 * In three steps: what does the offset mean, may the mapping be, and then the
 * pages, each when it is touched first. They are ordinary pages, so that they
 * can be pinned for direct I/O.
 */
#include <linux/mm.h>

#include <vfifo.h>

#include "compat.h"
#include "device.h"

static struct vfifo *vma_vfifo(struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

static void data_open(struct vm_area_struct *vma)
{
	vfifo_ring_map_again(&vma_vfifo(vma)->ring);
}

static void data_close(struct vm_area_struct *vma)
{
	vfifo_ring_unmap(&vma_vfifo(vma)->ring);
}

static vm_fault_t data_fault(struct vm_fault *vmf)
{
	struct vfifo *vfifo = vma_vfifo(vmf->vma);
	struct page *page;

	page = vfifo_ring_page(&vfifo->ring, vmf->pgoff);
	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct data_operations = {
	.open = data_open,
	.close = data_close,
	.fault = data_fault,
};

/*
 * VM_MAYSHARE is what was asked for: a shared mapping of a file that is open for
 * reading only has lost VM_SHARED.
 */
static int vma_validate(const struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if ((vma->vm_flags & VM_WRITE) && !(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	return 0;
}

/* What it has not been given now, mprotect() cannot give it later. */
static void vma_restrict(struct vm_area_struct *vma)
{
	unsigned long never = VM_MAYEXEC;

	if (!(vma->vm_flags & VM_WRITE))
		never |= VM_MAYWRITE;
	vfifo_vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP, never);
}

int vfifo_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vfifo *vfifo = file->private_data;
	int err;

	err = vma_validate(vma);
	if (err)
		return err;
	err = vfifo_ring_map(&vfifo->ring, vma->vm_pgoff, vma_pages(vma));
	if (err)
		return err;
	vma_restrict(vma);
	vma->vm_ops = &data_operations;
	return 0;
}
