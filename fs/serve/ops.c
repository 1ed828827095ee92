#include "fs/serve/private.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* ---- in and out ---------------------------------------------------------------------------------------- */

static struct serve *serve_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static struct gate_caller caller_of(fuse_req_t req)
{
	const struct fuse_ctx *context = fuse_req_ctx(req);

	return (struct gate_caller){context->uid, context->gid, (uint32_t)context->pid};
}

static struct request *request_of(struct gate_reply *reply)
{
	return (struct request *)((char *)reply - offsetof(struct request, reply));
}

static struct request *begin(fuse_req_t req, size_t bytes, void (*done)(struct gate_reply *reply))
{
	struct serve *serve = serve_of(req);
	struct request *request = pool_take(&serve->pool, bytes);

	if (!request) {
		fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	request->serve = serve;
	request->req = req;
	request->reply.done = done;
	return request;
}

static void end(struct request *request)
{
	pool_give(&request->serve->pool, request);
}

static struct timespec time_of(int64_t ns)
{
	struct timespec time = {ns / 1000000000, (long)(ns % 1000000000)};

	if (time.tv_nsec < 0) {
		time.tv_nsec += 1000000000;
		time.tv_sec--;
	}
	return time;
}

static void stat_of(const struct gate_attr *from, struct stat *out)
{
	const struct image_attr *attr = &from->attr;

	*out = (struct stat){
		.st_ino = from->inode,
		.st_mode = attr->mode,
		.st_nlink = attr->nlink,
		.st_uid = attr->uid,
		.st_gid = attr->gid,
		.st_size = (off_t)BL_MIN(attr->size_bytes, (uint64_t)INT64_MAX),
		.st_blksize = 4096,
		.st_blocks = (blkcnt_t)attr->blocks_512,
		.st_rdev = makedev(attr->rdev_major, attr->rdev_minor),
		.st_atim = time_of(attr->atime_ns),
		.st_mtim = time_of(attr->mtime_ns),
		.st_ctim = time_of(attr->ctime_ns),
	};
}

/* Attributes without the right to stat are not kept: the next stat asks, and is told no. */
static void entry_of(const struct gate_attr *attr, struct fuse_entry_param *out)
{
	*out = (struct fuse_entry_param){
		.ino = attr->node,
		.attr_timeout = attr->has_stat ? SERVE_TIMEOUT : 0,
		.entry_timeout = SERVE_TIMEOUT,
	};
	stat_of(attr, &out->attr);
}

/*
 * A reply that the kernel will keep is sent under `settle`: either it was decided under the view as it is, or the keeper, who
 * waits for us, has yet to look at what the kernel knows. One that was decided just before the view changed is still the
 * answer to its request, but the kernel keeps nothing of it: whoever comes next is decided anew.
 */
static bool settle_begin(struct request *request)
{
	struct serve *serve = request->serve;

	pthread_rwlock_rdlock(&serve->settle);
	return request->reply.epoch == gate_view_epoch(serve->view);
}

static void settle_end(struct request *request)
{
	pthread_rwlock_unlock(&request->serve->settle);
}

/* ---- lookup, getattr, readlink ---------------------------------------------------------------------------- */

static void send_entry(struct request *request, bool is_current)
{
	struct known *known = &request->serve->known;
	struct fuse_entry_param entry;
	uint64_t node = request->reply.attr.node;

	entry_of(&request->reply.attr, &entry);
	if (!is_current)
		entry.entry_timeout = entry.attr_timeout = 0;
	if (!known_add(known, node, request->parent, request->name))
		fuse_reply_err(request->req, ENOMEM);
	else if (fuse_reply_entry(request->req, &entry) != 0)
		known_forget(known, node,
			     1); /* the caller was interrupted: the kernel knows nothing */
}

static void lookup_done(struct gate_reply *reply)
{
	struct request *request = request_of(reply);
	bool is_current = settle_begin(request);

	if (!reply->error && !S_ISDIR(reply->attr.attr.mode))
		attributes_used(&request->serve->listed);
	if (reply->error)
		fuse_reply_err(request->req, reply->error);
	else
		send_entry(request, is_current);
	settle_end(request);
	end(request);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct gate_caller caller = caller_of(req);
	size_t length = strlen(name);

	if (length >= SERVE_NAME) {
		fuse_reply_err(req, ENAMETOOLONG);
		return;
	}
	struct request *request = begin(req, 0, lookup_done);

	if (!request)
		return;
	request->parent = parent;
	memcpy(request->name, name, length + 1);
	gate_lookup(request->serve->view, &caller, parent, request->name, &request->reply);
}

static void getattr_done(struct gate_reply *reply)
{
	struct request *request = request_of(reply);
	bool is_current = settle_begin(request);
	struct stat stat;

	stat_of(&reply->attr, &stat);
	if (reply->error)
		fuse_reply_err(request->req, reply->error);
	else
		fuse_reply_attr(request->req, &stat, is_current ? SERVE_TIMEOUT : 0);
	settle_end(request);
	end(request);
}

static void op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *info)
{
	struct gate_caller caller = caller_of(req);
	struct request *request = begin(req, 0, getattr_done);

	(void)info;
	if (request)
		gate_getattr(request->serve->view, &caller, node, &request->reply);
}

static void readlink_done(struct gate_reply *reply)
{
	struct request *request = request_of(reply);

	if (reply->error)
		fuse_reply_err(request->req, reply->error);
	else
		fuse_reply_readlink(request->req, (const char *)reply->bytes);
	end(request);
}

static void op_readlink(fuse_req_t req, fuse_ino_t node)
{
	struct gate_caller caller = caller_of(req);
	struct request *request = begin(req, 8192, readlink_done);

	if (request)
		gate_readlink(request->serve->view, &caller, node, request->buffer, 8192,
			      &request->reply);
}

static void op_forget(fuse_req_t req, fuse_ino_t node, uint64_t count)
{
	known_forget(&serve_of(req)->known, node, count);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		known_forget(&serve_of(req)->known, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* ---- files ------------------------------------------------------------------------------------------------ */

/* Counted before the kernel has it: it may be closed at once. */
static void send_handle(struct request *request, const struct fuse_file_info *info)
{
	struct serve *serve = request->serve;

	if (request->reply.error) {
		fuse_reply_err(request->req, request->reply.error);
		return;
	}
	atomic_fetch_add(&serve->handles, 1);
	if (fuse_reply_open(request->req, info) == 0)
		return;
	atomic_fetch_sub(&serve->handles, 1);
	gate_release(serve->view, request->reply.handle); /* nobody is there to close it */
}

struct fuse_file_info serve_file_info(uint64_t handle)
{
	return (struct fuse_file_info){.direct_io = 1, .noflush = 1, .fh = handle};
}

static void open_done(struct gate_reply *reply)
{
	struct request *request = request_of(reply);
	struct fuse_file_info info = serve_file_info(reply->handle);

	send_handle(request, &info);
	end(request);
}

static void op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *info)
{
	struct gate_caller caller = caller_of(req);
	struct request *request = begin(req, 0, open_done);

	if (request)
		gate_open(request->serve->view, &caller, node, info->flags, &request->reply);
}

static void read_done(struct gate_reply *reply)
{
	struct request *request = request_of(reply);

	if (reply->error)
		fuse_reply_err(request->req, reply->error);
	else
		fuse_reply_buf(request->req, (const char *)reply->bytes, reply->length);
	end(request);
}

static void op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		    struct fuse_file_info *info)
{
	struct gate_caller caller = caller_of(req);

	(void)node;
	if (size > SERVE_MAX_READ || offset < 0) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	/* Large reads are masked where they lie; small ones are not worth the room around them. */
	bool is_small = size <= pool_buffer_size(BUFFER_MIDDLE);
	struct request *request = begin(req, is_small ? size : GATE_READ_ROOM(size), read_done);

	if (!request)
		return;
	request->reply.may_lend = true;
	gate_read(request->serve->view, &caller, info->fh, (uint64_t)offset, size, request->buffer,
		  pool_buffer_size(request->class), &request->reply);
}

static void seek_done(struct gate_reply *reply)
{
	struct request *request = request_of(reply);

	if (reply->error)
		fuse_reply_err(request->req, reply->error);
	else
		fuse_reply_lseek(request->req, (off_t)reply->offset);
	end(request);
}

/* The kernel asks for these two only: what else lseek(2) can do it does by itself. */
static void op_lseek(fuse_req_t req, fuse_ino_t node, off_t offset, int whence,
		     struct fuse_file_info *info)
{
	struct gate_caller caller = caller_of(req);

	(void)node;
	if ((whence != SEEK_DATA && whence != SEEK_HOLE) || offset < 0) {
		fuse_reply_err(req, offset < 0 ? ENXIO : EINVAL);
		return;
	}
	struct request *request = begin(req, 0, seek_done);

	if (request)
		gate_seek(request->serve->view, &caller, info->fh, (uint64_t)offset,
			  whence == SEEK_HOLE, &request->reply);
}

static void op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *info)
{
	(void)node;
	/* Carries no caller: the kernel says that the last descriptor is closed. */
	gate_release(serve_of(req)->view, info->fh);
	atomic_fetch_sub(&serve_of(req)->handles, 1);
	fuse_reply_err(req, 0);
}

/* ---- directories -------------------------------------------------------------------------------------------- */

#define COOKIES_OWN 2 /* "." and ".." come before the gate's entries */

static void opendir_done(struct gate_reply *reply)
{
	struct request *request = request_of(reply);
	struct fuse_file_info info = {.fh = reply->handle};

	send_handle(request, &info);
	end(request);
}

static void op_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *info)
{
	struct gate_caller caller = caller_of(req);
	struct request *request = begin(req, 0, opendir_done);

	(void)info;
	if (request)
		gate_opendir(request->serve->view, &caller, node, &request->reply);
}

/* Take back the lookups of a READDIRPLUS answer that was not delivered. */
static void unknow(struct request *request)
{
	size_t at = 0;

	while (request->is_plus && at + sizeof(struct fuse_direntplus) <= request->used) {
		struct fuse_direntplus entry;

		memcpy(&entry, request->buffer + at, sizeof(entry));
		if (entry.entry_out.nodeid)
			known_forget(&request->serve->known, entry.entry_out.nodeid, 1);
		at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + entry.dirent.namelen);
	}
}

/* The entries of a READDIRPLUS answer are looked up anew by whoever uses them. A plain one is not kept at all. */
static void keep_nothing(struct request *request)
{
	size_t at = 0;

	while (request->is_plus && at + sizeof(struct fuse_direntplus) <= request->used) {
		struct fuse_direntplus entry;

		memcpy(&entry, request->buffer + at, sizeof(entry));
		entry.entry_out.entry_valid = entry.entry_out.attr_valid = 0;
		entry.entry_out.entry_valid_nsec = entry.entry_out.attr_valid_nsec = 0;
		memcpy(request->buffer + at, &entry, sizeof(entry));
		at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + entry.dirent.namelen);
	}
}

static void readdir_done(struct gate_reply *reply)
{
	struct request *request = request_of(reply);
	bool is_current = settle_begin(request);

	/* An empty batch is the end of a folder, and one that ends early is not. */
	int error = !reply->error && request->is_short && !request->used ? ENOMEM : reply->error;

	if (!is_current)
		keep_nothing(request);
	if (error) {
		unknow(request);
		fuse_reply_err(request->req, error);
	} else if (fuse_reply_buf(request->req, (const char *)request->buffer, request->used) !=
		   0) {
		unknow(request);
	}
	settle_end(request);
	end(request);
}

static bool pack(struct request *request, const char *name, const struct fuse_entry_param *entry,
		 uint64_t next_offset)
{
	char *at = (char *)request->buffer + request->used;
	size_t left = request->size - request->used;
	size_t need = request->is_plus ? fuse_add_direntry_plus(request->req, at, left, name, entry,
								(off_t)next_offset)
				       : fuse_add_direntry(request->req, at, left, name,
							   &entry->attr, (off_t)next_offset);

	if (need > left)
		return false;
	request->used += need;
	return true;
}

/* Does this one go by its name alone? Node 0 tells the kernel so, and whoever wants it looks it up. */
static bool goes_without(struct request *request, const struct gate_attr *attr)
{
	if (request->attributes == ATTRIBUTES_ALL || S_ISDIR(attr->attr.mode))
		return false;
	if (request->attributes == ATTRIBUTES_SAMPLE)
		request->attributes = ATTRIBUTES_ALL;
	return true;
}

static bool add_entry(void *context, const char *name, const struct gate_attr *attr,
		      uint64_t next_offset)
{
	struct request *request = context;
	struct known *known = &request->serve->known;
	struct fuse_entry_param entry;

	entry_of(attr, &entry);
	if (request->is_plus && goes_without(request, attr)) {
		entry.ino = 0;
		return pack(request, name, &entry, next_offset + COOKIES_OWN);
	}
	if (request->is_plus && !known_add(known, attr->node, request->parent, name)) {
		request->is_short = true;
		return false;
	}
	if (pack(request, name, &entry, next_offset + COOKIES_OWN))
		return true;
	if (request->is_plus)
		known_forget(known, attr->node, 1);
	return false;
}

/* Nothing of these is looked up: node 0 tells the kernel so. */
static bool add_own(struct request *request, uint64_t cookie)
{
	const struct fuse_entry_param entry = {.attr = {.st_ino = 1, .st_mode = S_IFDIR}};

	return pack(request, cookie == 0 ? "." : "..", &entry, cookie + 1);
}

static void list(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		 struct fuse_file_info *info, bool is_plus)
{
	struct gate_caller caller = caller_of(req);
	uint64_t cookie = (uint64_t)offset;

	size = BL_MIN(size, pool_buffer_size(BUFFER_MIDDLE));
	struct request *request = begin(req, size, readdir_done);

	if (!request)
		return;
	request->size = size;
	request->is_plus = is_plus;
	request->attributes = is_plus && offset == 0
				      ? (uint8_t)attributes_wanted(&request->serve->listed)
				      : ATTRIBUTES_ALL;
	request->parent = node;
	for (; cookie < COOKIES_OWN; cookie++) {
		if (!add_own(request, cookie))
			break;
	}
	gate_readdir(request->serve->view, &caller, info->fh,
		     cookie < COOKIES_OWN ? UINT64_MAX : cookie - COOKIES_OWN, add_entry, request,
		     &request->reply);
}

static void op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		       struct fuse_file_info *info)
{
	list(req, node, size, offset, info, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
			   struct fuse_file_info *info)
{
	list(req, node, size, offset, info, true);
}

/* ---- extended attributes ---------------------------------------------------------------------------------- */

static void xattr_done(struct gate_reply *reply)
{
	struct request *request = request_of(reply);

	if (reply->error)
		fuse_reply_err(request->req, reply->error);
	else if (request->size == 0)
		fuse_reply_xattr(request->req, reply->length);
	else if (request->size < reply->length)
		fuse_reply_err(request->req, ERANGE);
	else
		fuse_reply_buf(request->req, (const char *)reply->bytes, reply->length);
	end(request);
}

static struct request *begin_xattr(fuse_req_t req, size_t size)
{
	struct request *request = begin(req, GATE_XATTR_ROOM, xattr_done);

	if (request)
		request->size = size;
	return request;
}

static void op_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	struct gate_caller caller = caller_of(req);
	struct request *request = begin_xattr(req, size);

	if (request)
		gate_xattr(request->serve->view, &caller, node, name, request->buffer, size,
			   &request->reply);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size)
{
	struct gate_caller caller = caller_of(req);
	struct request *request = begin_xattr(req, size);

	if (request)
		gate_xattrs(request->serve->view, &caller, node, request->buffer, &request->reply);
}

/* ---- the rest ------------------------------------------------------------------------------------------------ */

static void op_statfs(fuse_req_t req, fuse_ino_t node)
{
	const struct statvfs answer = {
		.f_bsize = 4096, .f_frsize = 4096, .f_namemax = SERVE_NAME - 1};

	(void)node;
	fuse_reply_statfs(req, &answer);
}

/* A view never changes a device, whatever flags it is remounted with. */
static void op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr, int to_set,
		       struct fuse_file_info *info)
{
	(void)node, (void)attr, (void)to_set, (void)info;
	fuse_reply_err(req, EROFS);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	(void)parent, (void)name, (void)mode, (void)rdev;
	fuse_reply_err(req, EROFS);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent, (void)name, (void)mode;
	fuse_reply_err(req, EROFS);
}

static void op_remove(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent, (void)name;
	fuse_reply_err(req, EROFS);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target, (void)parent, (void)name;
	fuse_reply_err(req, EROFS);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		      const char *new_name, unsigned int flags)
{
	(void)parent, (void)name, (void)new_parent, (void)new_name, (void)flags;
	fuse_reply_err(req, EROFS);
}

static void op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t parent, const char *name)
{
	(void)node, (void)parent, (void)name;
	fuse_reply_err(req, EROFS);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *info)
{
	(void)parent, (void)name, (void)mode, (void)info;
	fuse_reply_err(req, EROFS);
}

static void op_write(fuse_req_t req, fuse_ino_t node, const char *bytes, size_t size, off_t offset,
		     struct fuse_file_info *info)
{
	(void)node, (void)bytes, (void)size, (void)offset, (void)info;
	fuse_reply_err(req, EROFS);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t node, int mode, off_t offset, off_t length,
			 struct fuse_file_info *info)
{
	(void)node, (void)mode, (void)offset, (void)length, (void)info;
	fuse_reply_err(req, EROFS);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t node, const char *name, const char *value,
			size_t size, int flags)
{
	(void)node, (void)name, (void)value, (void)size, (void)flags;
	fuse_reply_err(req, EROFS);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t node, const char *name)
{
	(void)node, (void)name;
	fuse_reply_err(req, EROFS);
}

/* The settings of a view (docs/serving.md): nothing is shared, kept or spliced that a new decision could not take back. */
static void op_init(void *userdata, struct fuse_conn_info *connection)
{
	static const unsigned WANTED = FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
				       FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO |
				       FUSE_CAP_PARALLEL_DIROPS;

	connection->want = connection->capable & WANTED;
	connection->max_read = SERVE_MAX_READ;
	connection->max_write = SERVE_MAX_READ; /* the kernel sizes reads by it too */
	connection->max_readahead = SERVE_MAX_READ;
	connection->max_background = SERVE_BACKGROUND;
	connection->congestion_threshold = SERVE_BACKGROUND;
	serve_ready(userdata);
}

const struct fuse_lowlevel_ops serve_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.open = op_open,
	.read = op_read,
	.lseek = op_lseek,
	.release = op_release,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_release,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.statfs = op_statfs,
	.setattr = op_setattr,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_remove,
	.rmdir = op_remove,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.create = op_create,
	.write = op_write,
	.fallocate = op_fallocate,
	.setxattr = op_setxattr,
	.removexattr = op_removexattr,
};
