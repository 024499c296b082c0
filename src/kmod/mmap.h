/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mmap.h - a vfifo in the address space of a process
 */
#ifndef _VFIFO_MMAP_H
#define _VFIFO_MMAP_H

struct file;
struct vfifo;
struct vm_area_struct;

int vfifo_mmap(struct file *file, struct vm_area_struct *vma);
int vfifo_mmap_exported(struct vfifo *vfifo, struct vm_area_struct *vma,
			bool writable);

#endif /* _VFIFO_MMAP_H */
