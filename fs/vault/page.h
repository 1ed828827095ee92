/* page.h - private to fs/vault: pages of the key file, written past the cache and read back from as far down as can be */
#ifndef FS_VAULT_PAGE_H
#define FS_VAULT_PAGE_H

#include <sys/types.h>

#include "fs/vault/slot.h"
#include "fs/vault/vault.h"

struct page_file {
	int fd;		 /* for reading; holds the flock */
	int write_fd;	 /* O_DSYNC, and O_DIRECT where there is such */
	bool is_direct;	 /* write_fd is O_DIRECT */
	uint8_t *buffer; /* a pair of pages, aligned for O_DIRECT */
};

static inline size_t page_of_slot(size_t index, unsigned copy)
{
	return 2 + 2 * index + copy;
}

/* page_file_init - @fd, its name @name in @folder_fd: closed by done, here also on failure */
enum bl_status page_file_init(struct page_file *file, int fd, int folder_fd, const char *name,
			      struct bl_error *why) BL_MUST_CHECK;
void page_file_done(struct page_file *file);

/* page_read - what lies behind the end of the file reads as zeros */
enum bl_status page_read(int fd, size_t first, size_t count, uint8_t *out,
			 struct bl_error *why) BL_MUST_CHECK;
/* page_write - one page, on the medium on return */
enum bl_status page_write(struct page_file *file, size_t at, const uint8_t page[VAULT_PAGE],
			  struct bl_error *why) BL_MUST_CHECK;
/* page_make_room - zeros, no hole, up to the end of slot @index's batch */
enum bl_status page_make_room(struct page_file *file, size_t index,
			      struct bl_error *why) BL_MUST_CHECK;
/* page_prove - both copies of slot @index are this very page: BL_OK, BL_IO (they are not, or cannot be read) */
enum bl_status page_prove(struct page_file *file, int folder_fd, const char *name, size_t index,
			  const uint8_t page[VAULT_PAGE], enum vault_proof *out_proof,
			  struct bl_error *why) BL_MUST_CHECK;

#endif
