/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compat.h - the only place where kernels differ
 *
 * Older kernels get the newer spelling, under a prefix of our own. Kbuild searches the headers
 * for what a kernel has (VFIFO_HAVE_*) and looks at no version number, because distributions
 * and stable series backport.
 */
#ifndef _VFIFO_COMPAT_H
#define _VFIFO_COMPAT_H

/*
 * The data are mapped twice, in the kernel and in user space, at any address. A data cache that
 * is looked up by virtual address would keep a copy for each mapping. (ARM has such caches
 * before version 7.)
 */
#if defined(CONFIG_ARC) || defined(CONFIG_CSKY) || defined(CONFIG_M68K) || \
	defined(CONFIG_MIPS) || defined(CONFIG_NIOS2) ||                   \
	defined(CONFIG_PARISC) || defined(CONFIG_SPARC) ||                 \
	defined(CONFIG_SUPERH) || defined(CONFIG_XTENSA) ||                \
	defined(CONFIG_CPU_CACHE_VIVT) || defined(CONFIG_CPU_V6) ||        \
	defined(CONFIG_CPU_V6K)
#error "vfifo: the data cache of this architecture aliases, so it cannot be mapped twice"
#endif

#include <linux/device/class.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uio.h>

/* Until 6.4 a class had an owner. */
static inline struct class *vfifo_class_create(const char *name)
{
#ifdef VFIFO_HAVE_CLASS_CREATE_NAME
	return class_create(name);
#else
	return class_create(THIS_MODULE, name);
#endif
}

/* Since 6.4 the attributes of a class have const arguments. */
#ifdef VFIFO_HAVE_CLASS_ATTRIBUTE_CONST
#define vfifo_class_const const
#else
#define vfifo_class_const
#endif

/* Before 6.5 generic_file_splice_read() did this, by a pipe iterator. */
#ifdef VFIFO_HAVE_COPY_SPLICE_READ
#define vfifo_copy_splice_read copy_splice_read
#else
#define vfifo_copy_splice_read generic_file_splice_read
#endif

/* Since 6.3 vm_flags is changed by functions only. */
static inline void vfifo_vm_flags_mod(struct vm_area_struct *vma,
				      unsigned long set, unsigned long clear)
{
#ifdef VFIFO_HAVE_VM_FLAGS_MOD
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

/* Since 6.13 one call sets the function too. */
static inline void
vfifo_hrtimer_setup(struct hrtimer *timer,
		    enum hrtimer_restart (*function)(struct hrtimer *))
{
#ifdef VFIFO_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer->function = function;
#endif
}

/* Before 6.0 the only iterator over user memory was an iovec. */
static inline bool vfifo_user_backed_iter(const struct iov_iter *iter)
{
#ifdef VFIFO_HAVE_USER_BACKED_ITER
	return user_backed_iter(iter);
#else
	return iter_is_iovec(iter);
#endif
}

/*
 * Before 5.11 the mark of a page that is charged to a cgroup overlaps the count of its user
 * mappings, and our pages would have both.
 */
#ifdef VFIFO_HAVE_PG_KMEMCG
#define VFIFO_GFP_PAGES GFP_KERNEL
#else
#define VFIFO_GFP_PAGES GFP_KERNEL_ACCOUNT
#endif

/*
 * Faults in the next @size bytes of user memory of @iter, for the kernel to read or, if
 * @writeable, to write. Returns the number of bytes that failed.
 */
#ifdef VFIFO_HAVE_FAULT_IN_IOV_ITER
static inline size_t vfifo_fault_in_iov_iter(struct iov_iter *iter, size_t size,
					     bool writeable)
{
	return writeable ? fault_in_iov_iter_writeable(iter, size) :
			   fault_in_iov_iter_readable(iter, size);
}
#else
/*
 * Before 5.16: taking a reference to a page faults it in. That fails for memory without pages
 * (a mapping of another device), which then counts as missing.
 */
static inline size_t vfifo_fault_in_iov_iter(struct iov_iter *iter, size_t size,
					     bool writeable)
{
	struct iov_iter at = *iter; /* its direction is the access */

	while (size) {
		struct page *page;
		size_t offset;
		ssize_t n = iov_iter_get_pages(&at, &page, size, 1, &offset);

		if (n <= 0)
			break;
		put_page(page);
		iov_iter_advance(&at, n);
		size -= n;
	}
	return size;
}
#endif

#endif /* _VFIFO_COMPAT_H */
