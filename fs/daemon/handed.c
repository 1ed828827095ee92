#include "fs/daemon/handed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/daemon/message.h"
#include "fs/image/container.h"
#include "fs/vault/medium.h"

/* ---- in which form ---------------------------------------------------------------------------------- */

static const struct form {
	const char *name;
	enum intake_form form;
} FORMS[] = {{"file", INTAKE_FILE}, {"plain", INTAKE_PLAIN}, {"stream", INTAKE_STREAM}};

static enum bl_status take_form(const struct asked *asked, struct intake_source *source,
				struct bl_error *why)
{
	const char *name = asked_text(asked, "form");

	for (size_t i = 0; name && i < BL_COUNT(FORMS); i++)
		if (strcmp(FORMS[i].name, name) == 0) {
			source->form = FORMS[i].form;
			return BL_OK;
		}
	return bl_fail(why, BL_INVALID, "'form' is file, plain or stream");
}

/* It comes to stand in the receipt: a word of ours, and none that the form makes a lie. */
static enum bl_status take_container(const struct asked *asked, struct intake_source *source,
				     struct bl_error *why)
{
	const char *name = asked_text(asked, "container");
	bool is_stream = source->form == INTAKE_STREAM;

	source->container = container_kind_name(CONTAINER_NONE);
	for (unsigned kind = 0; name && kind < CONTAINER_KIND_COUNT; kind++) {
		const char *ours = container_kind_name((enum container_kind)kind);

		if (strcmp(name, ours) != 0)
			continue;
		source->container = ours;
		if ((kind != CONTAINER_NONE) == is_stream)
			return BL_OK;
	}
	return !name && !is_stream
		       ? BL_OK
		       : bl_fail(why, BL_INVALID, "'container' is not one that comes in this form");
}

static enum bl_status take_size(const struct asked *asked, struct intake_source *source,
				struct bl_error *why)
{
	source->bytes = (uint64_t)asked_number(asked, "size", 0);
	if (source->bytes && source->form != INTAKE_PLAIN)
		return bl_fail(why, BL_INVALID,
			       "a size is said of standard input only (a file has its own)");
	return BL_OK;
}

/* ---- of what kind ----------------------------------------------------------------------------------- */

/*
 * What may be read, and in which form. Nothing else: a signalfd would give the reader's own signals away, a terminal or a device may
 * do anything when it is read.
 */
static const struct kind {
	mode_t type;
	bool is_file; /* read at any place */
} KINDS[] = {{S_IFREG, true}, {S_IFBLK, true}, {S_IFIFO, false}, {S_IFSOCK, false}};

static enum bl_status check_kind(const struct stat *st, enum intake_form form, struct bl_error *why)
{
	for (size_t i = 0; i < BL_COUNT(KINDS); i++)
		if (KINDS[i].type == (st->st_mode & S_IFMT) &&
		    (KINDS[i].is_file || form != INTAKE_FILE))
			return BL_OK;
	if (S_ISDIR(st->st_mode))
		return bl_fail(why, BL_INVALID, "source is a directory");
	return form == INTAKE_FILE
		       ? bl_fail(why, BL_INVALID,
				 "source is neither a file nor a block device (a pipe is given as "
				 "'-')")
		       : bl_fail(why, BL_INVALID,
				 "source is neither a file, a block device nor a pipe (cat SOURCE "
				 "| bailee intake -)");
}

/* Files of /proc and the like say that they are empty, and tell whoever reads what it may see: that would be us. */
static bool is_empty(int fd, const struct stat *st, enum intake_form form)
{
	if (S_ISREG(st->st_mode))
		return st->st_size == 0;
	return form == INTAKE_FILE && lseek(fd, 0, SEEK_END) <= 0;
}

/* Between a look whether there is something and the reading somebody else may read it: we would wait for ever. */
static enum bl_status open_pipe(int fd, int *out_pipe, struct bl_error *why)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	*out_pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return *out_pipe >= 0 ? BL_OK
			      : bl_fail_errno(why, BL_FORBIDDEN, "cannot open the source's pipe");
}

static enum bl_status take_source(const struct asked *asked, struct handed *handed,
				  struct bl_error *why)
{
	struct stat st;
	int fd = asked->passed_fd, flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
	enum intake_form form = handed->source.form;

	if (flags < 0)
		return bl_fail(why, BL_INVALID, "no open source came with the request");
	if ((flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
		return bl_fail(why, BL_FORBIDDEN,
			       "source is not open for reading (open it, do not just name it)");
	if (fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_FORBIDDEN,
				     "source shows itself to its user only (pipe it in, and give "
				     "'-')");
	enum bl_status status = check_kind(&st, form, why);

	if (status == BL_OK && is_empty(fd, &st, form))
		status = bl_fail(why, BL_INVALID, "source is empty (is it the image?)");
	if (status == BL_OK && S_ISFIFO(st.st_mode))
		status = open_pipe(fd, &handed->pipe, why);
	handed->source.fd = handed->pipe >= 0 ? handed->pipe : fd;
	return status;
}

/* ---- what is to be destroyed ------------------------------------------------------------------------ */

static enum bl_status take_files(const struct asked *asked, struct handed *handed,
				 struct bl_error *why)
{
	const struct message_fds *fds = asked->fds;
	bool is_file = handed->source.form == INTAKE_FILE;

	if (!asked_flag(asked, "destroy_source"))
		return fds->count <= 1
			       ? BL_OK
			       : bl_fail(why, BL_INVALID, "more files than an intake has use for");
	if (is_file && fds->count != 1)
		return bl_fail(why, BL_INVALID, "the source is one file: no other is destroyed");
	if (handed->source.form == INTAKE_PLAIN || (!is_file && fds->count < 2))
		return bl_fail(why, BL_INVALID,
			       "a stream cannot be destroyed (give the image as a file)");
	handed->files = fds->items + !is_file;
	handed->file_count = fds->count - !is_file;
	return BL_OK;
}

struct search {
	const char *id; /* the device that is asked for; it is no other one */
	struct stat file;
	bool is_found, is_destroyed; /* at least one of them is to be destroyed with its device */
};

/* All are looked at. */
static bool look_for_image(void *context, const struct device *device)
{
	struct search *search = context;

	if (strcmp(device->id, search->id) == 0 || device->source_kind != SOURCE_RAW ||
	    device_is_gone(device) || !device->source_ino ||
	    device->source_dev != search->file.st_dev || device->source_ino != search->file.st_ino)
		return true;
	search->is_found = true;
	search->is_destroyed = search->is_destroyed || device->destroy_when_due;
	return true;
}

/* Which device it is, is not for everybody to know. */
enum bl_status handed_check_shared(const struct asked *asked, int fd, bool is_destroyed,
				   struct bl_error *why)
{
	struct search search = {.id = asked_text(asked, "device")};

	if (fstat(fd, &search.file) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at the source");
	device_each(asked->daemon->store, look_for_image, &search);
	if (search.is_found && is_destroyed)
		return bl_fail(why, BL_FORBIDDEN,
			       "source is the image of another device, and ends with that only "
			       "(do not give it to be destroyed)");
	if (search.is_destroyed)
		return bl_fail(why, BL_FORBIDDEN,
			       "source is the image of another device, and will be destroyed with "
			       "that (copy it)");
	return BL_OK;
}

/* Whoever may write there may make a slip of the pen: it would be the end of everything. */
static enum bl_status check_no_store(const struct asked *asked, int fd, struct bl_error *why)
{
	struct device_store *store = asked->daemon->store;
	BL_CLEANUP(fd_close) int folder = path_open_folder(fd);

	if (folder >= 0 && !path_is_inside(folder, device_store_fd(store)) &&
	    !path_is_inside(folder, device_store_keys_fd(store)))
		return BL_OK;
	return bl_fail(why, BL_FORBIDDEN,
		       "source lies in the store itself, or nowhere: it is not destroyed");
}

enum bl_status handed_check_destroyable(const struct asked *asked, int fd, struct bl_error *why)
{
	if ((fcntl(fd, F_GETFL) & (O_ACCMODE | O_PATH)) != O_RDWR)
		return bl_fail(why, BL_FORBIDDEN,
			       "source is not open for writing, so it may not be destroyed");
	enum bl_status status = medium_check_file(fd, why);

	if (status == BL_OK)
		status = handed_check_shared(asked, fd, true, why);
	return status == BL_OK ? check_no_store(asked, fd, why) : status;
}

enum bl_status handed_check_files(const struct asked *asked, const struct handed *handed,
				  struct bl_error *why)
{
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < handed->file_count && status == BL_OK; i++)
		status = handed_check_destroyable(asked, handed->files[i], why);
	return status;
}

/* ---- all of it -------------------------------------------------------------------------------------- */

enum bl_status handed_take(const struct asked *asked, struct handed *out_handed,
			   struct bl_error *why)
{
	struct handed handed = {.pipe = -1};
	enum bl_status status = take_form(asked, &handed.source, why);

	if (status == BL_OK)
		status = take_container(asked, &handed.source, why);
	if (status == BL_OK)
		status = take_size(asked, &handed.source, why);
	if (status == BL_OK)
		status = take_files(asked, &handed, why);
	if (status == BL_OK)
		status = take_source(asked, &handed, why);
	if (status == BL_OK)
		status = handed_check_files(asked, &handed, why);
	if (status == BL_OK)
		*out_handed = handed;
	else
		handed_done(&handed);
	return status;
}

void handed_done(struct handed *handed)
{
	fd_close(handed->pipe);
	handed->pipe = -1;
}
