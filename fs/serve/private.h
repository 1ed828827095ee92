/* private.h - what the files of serve share
 *
 * Threads: workers read requests and call the gate; the log's notifier sends the replies; the keeper invalidates what the
 * kernel keeps when the view has changed, and tells the end. A worker never waits for the log.
 */
#ifndef FS_SERVE_PRIVATE_H
#define FS_SERVE_PRIVATE_H

#include "fs/serve/serve.h"

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>

#define SERVE_NAME 256 /* bytes of a name with its NUL */
#define SERVE_TIMEOUT                                                                              \
	3600.0 /* seconds the kernel keeps entries and attributes; changes are told to it */
#define SERVE_BACKGROUND 128 /* asynchronous reads the kernel sends at a time */

/* ---- buffers: few and counted, so that a flood of reads waits instead of eating memory ---------- */

/* By what a request needs: 64 small ones are cheap, and 1 MiB ones are done eight at a time. */
enum buffer_class { BUFFER_NONE, BUFFER_SMALL, BUFFER_MIDDLE, BUFFER_LARGE, BUFFER_CLASSES };

struct serve;

/* One kernel request from its arrival to its reply. */
struct request {
	struct gate_reply reply;
	struct serve *serve;
	fuse_req_t req;
	struct request *next;
	uint64_t parent; /* lookup */
	uint8_t *buffer;
	size_t size; /* the caller's: read, readdir, getxattr */
	size_t used; /* readdir: bytes packed */
	uint8_t class;
	bool is_plus;
	uint8_t attributes;    /* enum attributes */
	bool is_short;	       /* readdir: there was no memory for the next entry */
	char name[SERVE_NAME]; /* lookup: libfuse's copy is gone when the reply comes */
};

struct pool_buffer {
	struct pool_buffer *next;
};
struct pool {
	pthread_mutex_t lock;
	pthread_cond_t freed, idle;
	struct request *requests; /* free ones */
	struct pool_buffer *buffers[BUFFER_CLASSES];
	unsigned request_count, request_busy;
	unsigned buffer_count[BUFFER_CLASSES];
};
void pool_init(struct pool *pool);
void pool_done(struct pool *pool);
/* pool_take - a request with a buffer of @bytes (0: none), waiting for both. NULL: no memory, or too much asked. */
struct request *pool_take(struct pool *pool, size_t bytes);
void pool_give(struct pool *pool, struct request *request);
void pool_wait_idle(struct pool *pool);
bool pool_is_idle(struct pool *pool);
size_t pool_buffer_size(enum buffer_class class);

/* ---- known: the nodes that the kernel knows, with the names it knows them by -------------------- */

struct known_node {
	uint64_t node, parent;
	char *name;
};
struct known_slot;
struct known {
	pthread_mutex_t lock;
	struct known_slot **buckets;
	size_t room, count;
};
bool known_init(struct known *known);
void known_done(struct known *known);
/* known_add - one more lookup of @node; false: no memory (the reply must then not be sent) */
bool known_add(struct known *known, uint64_t node, uint64_t parent, const char *name);
void known_forget(struct known *known, uint64_t node, uint64_t count);
/* known_all - a copy of everything, owned by the caller (known_free); false: no memory */
bool known_all(struct known *known, struct known_node **out_nodes, size_t *out_count);
void known_free(struct known_node *nodes, size_t count);

/* ---- the session -------------------------------------------------------------------------------- */

struct worker {
	struct serve *serve;
	pthread_t thread;
	int epoll_fd;
	unsigned yields; /* while it watches: how often it has looked */
};

struct serve {
	struct gate_view *view;
	struct serve_options options;
	char *mountpoint; /* solo: resolved; NULL: mounted by somebody else */
	struct fuse_session *session;
	int fuse_fd;		  /* the session's */
	int null_fd;		  /* takes its place when the connection is cut */
	int stop_fd;		  /* eventfd: readable once workers have to go */
	atomic_bool has_answered; /* INIT */
	atomic_bool is_watched;	  /* a worker looks for requests without sleeping */
	struct worker *workers;
	unsigned worker_count;
	pthread_t keeper;
	bool has_keeper;

	pthread_mutex_t lock;
	pthread_cond_t moved; /* anything below */
	unsigned running;     /* workers */
	bool is_ready;	      /* INIT is answered */
	bool has_changed;     /* the view; the keeper has not seen it yet */
	bool is_clearing;     /* the keeper takes back what the kernel keeps */
	bool is_kept;	      /* the keeper has not gone yet */
	bool is_ending;
	bool is_aborted; /* serve_abort was called; the keeper cuts */
	bool is_cut;

	/* Held for reading while a reply that names nodes is checked and sent; the keeper drains it before it looks. */
	pthread_rwlock_t settle;
	struct pool pool;
	struct known known;
	atomic_uint listed;  /* folders since somebody last looked up a file: attributes.c */
	uint64_t mount_id;   /* solo, of the mount as it was made; 0: not known */
	atomic_uint handles; /* files and folders that are open */
	atomic_int_fast64_t
		asked_ns; /* CLOCK_MONOTONIC, when the last request came; kept with idle_seconds only */
};

/* ---- attributes with names: given where they are of use (attributes.c) -------------------------- */

enum attributes {
	ATTRIBUTES_ALL,
	ATTRIBUTES_SAMPLE, /* the first file goes without */
	ATTRIBUTES_FOLDERS /* every file does */
};
/* attributes_wanted - of a folder that is listed from its start */
enum attributes attributes_wanted(atomic_uint *listed);
/* attributes_used - a file was looked up by its name */
void attributes_used(atomic_uint *listed);

/* debug_request - of -d: @bytes as the kernel sent them */
void debug_request(const void *bytes, size_t length);

/* idle_now, idle_asked - the clock of idleness; a request has come */
int64_t idle_now(void);
void idle_asked(struct serve *serve);
/* idle_left - ns until serve is idle, looked at again then; 0: it is */
int64_t idle_left(struct serve *serve);

extern const struct fuse_lowlevel_ops serve_ops;
void serve_ready(struct serve *serve);
/* How a file that was opened is read and closed: docs/serving.md, "Settings of a mount" */
struct fuse_file_info serve_file_info(uint64_t handle);

/* ---- what the self-test uses of a session -------------------------------------------------------- */

/* serve_new - @out_serve is there for serve_stop also after a failure, unless it is NULL. BL_OK, BL_NO_MEMORY. */
enum bl_status serve_new(struct gate_view *view, const struct serve_options *options,
			 struct serve **out_serve) BL_MUST_CHECK;
/* serve_attach - a session that answers by @ops, on the descriptor or the mount point of serve's options. BL_OK, BL_FORBIDDEN, BL_NO_MEMORY, BL_FAILED. */
enum bl_status serve_attach(struct serve *serve, const struct fuse_lowlevel_ops *ops,
			    struct bl_error *why) BL_MUST_CHECK;
/* serve_invalidate - the kernel keeps nothing of what it knows (serve->known). False: it may */
bool serve_invalidate(struct serve *serve);

#endif
