/* base.h - what every part stands on: status codes, one-line errors, cleanup attributes */
#ifndef POLICY_BASE_H
#define POLICY_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The outcome of anything that can fail. The status carries the decision, struct bl_error the
 * words. FUSE errno and exit code of each status come from one table in base.c.
 */
enum bl_status {
	BL_OK,
	BL_FAILED,	 /* did not work, no better word; EIO, exit 1 */
	BL_NO_MEMORY,	 /* ENOMEM, exit 1 */
	BL_IO,		 /* a read, write or sync failed; EIO, exit 1 */
	BL_INVALID,	 /* bad use or bad input; EINVAL, exit 2 */
	BL_NOT_FOUND,	 /* ENOENT, exit 1 */
	BL_EXISTS,	 /* EEXIST, exit 2 */
	BL_UNSUPPORTED,	 /* understood, not done here; EOPNOTSUPP, exit 2 */
	BL_TOO_LARGE,	 /* over a named limit; EFBIG, exit 2 */
	BL_FORBIDDEN,	 /* a rule or a gate says no; EACCES, exit 3 */
	BL_ASK,		 /* a permit would match if its needs were met; EACCES, exit 4 */
	BL_WITHHELD,	 /* contents closed, listing stays; EACCES, exit 3 */
	BL_NO_KEY,	 /* encrypted, and its key is not here; ENOKEY, exit 1 */
	BL_STALE,	 /* revoked: policy, view or device is gone; ESTALE, exit 1 */
	BL_TIMED_OUT,	 /* ETIMEDOUT told as EIO, exit 1 */
	BL_NOT_MOUNTED,	 /* ENODEV, exit 10 */
	BL_LOCKED,	 /* somebody else holds the store; EBUSY, exit 11 */
	BL_LOG_BROKEN,	 /* the log cannot take or prove an event; EIO, exit 12 */
	BL_TAMPERED,	 /* a tag, chain or signature does not verify; EIO, exit 12 */
	BL_NOT_VERIFIED, /* nothing wrong found, but not proven; EIO, exit 13 */
	BL_STATUS_COUNT
};

int bl_status_errno(enum bl_status status);	   /* positive errno; 0 for BL_OK */
int bl_status_exit(enum bl_status status);	   /* exit code of every command */
const char *bl_status_name(enum bl_status status); /* "forbidden"; static */

/*
 * One line for people: lower case, no full stop, what failed first, names quoted, then the fix:
 * "cannot open 'x.yaml': no such file (give the path of a policy)". Never image content, never keys.
 */
struct bl_error {
	char text[512];
};

#define BL_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define BL_MUST_CHECK	__attribute__((warn_unused_result))
#define BL_UNUSED	__attribute__((unused))

/*
 * bl_fail - fill @why (may be NULL) and hand @status back, so that failing is one line
 * bl_fail_errno - the same, with ": strerror(errno)" behind the text
 * bl_explain - put words in front of what @why already says ("opening store: ...")
 */
enum bl_status bl_fail(struct bl_error *why, enum bl_status status, const char *format, ...)
	BL_PRINTF(3, 4);
enum bl_status bl_fail_errno(struct bl_error *why, enum bl_status status, const char *format, ...)
	BL_PRINTF(3, 4);
void bl_explain(struct bl_error *why, const char *format, ...) BL_PRINTF(2, 3);

/* Cleanup attributes: BL_CLEANUP(seal_free) struct seal *s = NULL; BL_TAKE(s) hands it on. */
#define BL_CLEANUP(function) __attribute__((cleanup(function##_cleanup)))
#define BL_TAKE(pointer)                                                                           \
	__extension__({                                                                            \
		__typeof__(pointer) bl_taken_ = (pointer);                                         \
		(pointer) = NULL;                                                                  \
		bl_taken_;                                                                         \
	})
#define BL_DEFINE_CLEANUP(type, function)                                                          \
	static inline BL_UNUSED void function##_cleanup(type **pointer)                            \
	{                                                                                          \
		if (*pointer)                                                                      \
			function(*pointer);                                                        \
	}

void bl_free(void *pointer); /* free(), under a name BL_CLEANUP can use on any pointer */
static inline BL_UNUSED void bl_free_cleanup(void *pointer)
{
	bl_free(*(void **)pointer);
}
/* A descriptor: BL_CLEANUP(fd_close) int fd = -1; take it with fd_take(&fd). */
void fd_close(int fd); /* keeps errno; -1 is a no-op */
static inline BL_UNUSED void fd_close_cleanup(int *fd)
{
	fd_close(*fd);
}
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define BL_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BL_MIN(a, b)	((a) < (b) ? (a) : (b))
#define BL_MAX(a, b)	((a) > (b) ? (a) : (b))

/* Little-endian integers, byte by byte (every format of ours is little-endian). */
static inline uint16_t bl_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | (unsigned)p[1] << 8);
}
static inline uint32_t bl_get32(const uint8_t *p)
{
	return (uint32_t)bl_get16(p) | (uint32_t)bl_get16(p + 2) << 16;
}
static inline uint64_t bl_get64(const uint8_t *p)
{
	return (uint64_t)bl_get32(p) | (uint64_t)bl_get32(p + 4) << 32;
}
static inline void bl_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}
static inline void bl_put32(uint8_t *p, uint32_t v)
{
	bl_put16(p, (uint16_t)v);
	bl_put16(p + 2, (uint16_t)(v >> 16));
}
static inline void bl_put64(uint8_t *p, uint64_t v)
{
	bl_put32(p, (uint32_t)v);
	bl_put32(p + 4, (uint32_t)(v >> 32));
}

#endif
