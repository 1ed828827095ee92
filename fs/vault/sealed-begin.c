#include "fs/vault/sealed-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_NEW SEALED_FOLDER ".new"

static const char *const NAMES[] = {"header", "data", "index", "keys"};

/* ---- one in memory --------------------------------------------------------------------------- */

void sealed_writer_close(struct sealed_writer *writer)
{
	if (!writer)
		return;
	sealed_queue_free(writer->queue);
	sodium_free(writer->secrets);
	fd_close(writer->direct_fd);
	sealed_files_close(&writer->files);
	sodium_memzero(writer->back_index, sizeof(writer->back_index));
	free(writer);
}

void sealed_writer_facts(const struct sealed_writer *writer, struct sealed_facts *out_facts)
{
	sealed_facts_from(&writer->files, &writer->durable, out_facts);
}

static enum bl_status make_secrets(struct sealed_writer *writer, const uint8_t root[VAULT_KEY],
				   struct bl_error *why)
{
	writer->secrets = vault_guarded(1, sizeof(*writer->secrets));
	if (!writer->secrets)
		return bl_fail(why, BL_NO_MEMORY,
			       "no memory can be locked for the image's keys (raise LimitMEMLOCK)");
	memset(writer->secrets, 0, sizeof(*writer->secrets));
	memcpy(writer->secrets->root, root, VAULT_KEY);
	tree_top_key(root, writer->secrets->path.top_key);
	return BL_OK;
}

static enum bl_status make_queue(struct sealed_writer *writer, struct bl_error *why)
{
	const struct sealed_io *io = writer->files.io;

	writer->direct_fd = io->open_at(io->context, writer->files.folder, "data",
					O_RDWR | O_DIRECT | O_NOFOLLOW | O_CLOEXEC, 0);

	bool is_direct = writer->direct_fd >= 0;

	return sealed_queue_new(io, is_direct ? writer->direct_fd : writer->files.data, is_direct,
				&writer->queue, why);
}

/* From an image's files, as its header has it. */
static enum bl_status load_writer(const struct sealed_io *io, int device_fd, const char *id,
				  const uint8_t root[VAULT_KEY], struct sealed_writer **out_writer,
				  struct bl_error *why)
{
	BL_CLEANUP(sealed_writer_close) struct sealed_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return bl_fail(why, BL_NO_MEMORY, "no memory for sealing");
	writer->files = SEALED_FILES_NONE;
	writer->direct_fd = -1;

	enum bl_status status = sealed_files_open_by(io, device_fd, true, &writer->files, why);

	if (status == BL_OK)
		status = sealed_header_read(&writer->files, id, root, &writer->durable,
					    &writer->slot, why);
	if (status == BL_OK)
		status = make_secrets(writer, root, why);
	if (status == BL_OK)
		status = make_queue(writer, why);
	if (status != BL_OK)
		return status;
	writer->next = writer->durable;
	writer->at = writer->durable.done_bytes;
	sealed_names_of(&writer->durable, &writer->names);
	writer->owner = (struct path_owner){.files = &writer->files,
					    .names = &writer->names,
					    .levels = writer->durable.levels,
					    .path = &writer->secrets->path,
					    .generation = writer->durable.reserved};
	*out_writer = BL_TAKE(writer);
	return BL_OK;
}

/* ---- making one ------------------------------------------------------------------------------ */

/* The folder of a half-made image, with the names that are ever in one. */
static enum bl_status sweep(const struct sealed_io *io, int device_fd, const char *folder,
			    struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = io->open_at(io->context, device_fd, folder,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);

	if (fd < 0)
		return errno == ENOENT ? BL_OK
				       : bl_fail_errno(why, BL_IO, "cannot open '%s'", folder);
	for (size_t i = 0; i < BL_COUNT(NAMES); i++)
		if (io->remove_at(io->context, fd, NAMES[i], false) != 0 && errno != ENOENT)
			return bl_fail_errno(why, BL_IO, "cannot remove '%s' of '%s'", NAMES[i],
					     folder);
	if (io->remove_at(io->context, device_fd, folder, true) != 0)
		return bl_fail_errno(why, BL_IO, "cannot remove '%s'", folder);
	return BL_OK;
}

static enum bl_status make_file(const struct sealed_io *io, int folder_fd, const char *name,
				const uint8_t *bytes, size_t length, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = sealed_io_create(io, folder_fd, name, 0, &fd, why);

	if (status == BL_OK && length > 0)
		status = sealed_io_write(io, fd, bytes, length, 0, name, why);
	if (status == BL_OK)
		status = sealed_io_sync(io, fd, name, why);
	return status;
}

static enum bl_status fill_folder(const struct sealed_io *io, int folder_fd,
				  const struct sealed_header *header, const uint8_t root[VAULT_KEY],
				  struct bl_error *why)
{
	uint8_t pages[2 * SEALED_PAGE] = {0};
	enum bl_status status = BL_OK;

	sealed_header_encode(header, root, pages);
	for (size_t i = 0; i < BL_COUNT(NAMES) && status == BL_OK; i++)
		status = make_file(io, folder_fd, NAMES[i], pages, i == 0 ? sizeof(pages) : 0, why);
	if (status == BL_OK)
		status = sealed_io_sync_folder(io, folder_fd, "'" FOLDER_NEW "'", why);
	return status;
}

static enum bl_status make_folder(const struct sealed_io *io, int device_fd,
				  const struct sealed_header *header, const uint8_t root[VAULT_KEY],
				  bool *out_is_named, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;

	if (io->make_folder(io->context, device_fd, FOLDER_NEW) != 0)
		return bl_fail_errno(why, BL_IO, "cannot make the folder '%s'", FOLDER_NEW);
	fd = io->open_at(io->context, device_fd, FOLDER_NEW,
			 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the folder '%s'", FOLDER_NEW);

	enum bl_status status = fill_folder(io, fd, header, root, why);

	if (status != BL_OK)
		return status;
	if (io->rename_at(io->context, device_fd, FOLDER_NEW, SEALED_FOLDER) != 0)
		return bl_fail_errno(why, BL_IO, "cannot rename '%s'", FOLDER_NEW);
	*out_is_named = true;
	return sealed_io_sync_folder(io, device_fd, "the device's folder", why);
}

static enum bl_status check_create(int device_fd, const char *id, uint64_t image_bytes,
				   enum sealed_algorithm algorithm, struct bl_error *why)
{
	struct stat st;

	if (sodium_init() < 0 || !bl_device_id_ok(id))
		return bl_fail(why, BL_INVALID, "that is no device id");
	if (image_bytes > SEALED_MOST)
		return bl_fail(why, BL_TOO_LARGE, "an image has at most 1 PiB");
	if (algorithm == SEALED_AES256_GCM && sealed_algorithm_here() != SEALED_AES256_GCM)
		return bl_fail(why, BL_UNSUPPORTED,
			       "this host does not have AES-256-GCM in hardware");
	if (fstatat(device_fd, SEALED_FOLDER, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return bl_fail(why, BL_EXISTS, "device '%s' has a sealed image already", id);
	if (errno != ENOENT)
		return bl_fail_errno(why, BL_IO, "cannot look for a sealed image");
	return BL_OK;
}

static struct sealed_header first_header(const char *id, uint64_t image_bytes,
					 enum sealed_algorithm algorithm)
{
	struct sealed_header header = {.algorithm = algorithm,
				       .generation = 1,
				       .image_bytes = image_bytes,
				       .reserved = 2,
				       .state = SEALED_INTAKE,
				       .levels = sealed_levels_for(image_bytes)};

	randombytes_buf(header.vault_id, sizeof(header.vault_id));
	memcpy(header.device, id, strlen(id));
	return header;
}

enum bl_status sealed_create_by(const struct sealed_io *io, int device_fd, const char *id,
				const uint8_t root[VAULT_KEY], uint64_t image_bytes,
				enum sealed_algorithm algorithm, struct sealed_writer **out_writer,
				struct bl_error *why)
{
	enum bl_status status = check_create(device_fd, id, image_bytes, algorithm, why);

	if (status == BL_OK)
		status = sweep(io, device_fd, FOLDER_NEW, why);
	if (status != BL_OK)
		return status;

	struct sealed_header header = first_header(id, image_bytes, algorithm);
	bool is_named = false; /* only then is "image" ours to remove */

	status = make_folder(io, device_fd, &header, root, &is_named, why);
	if (status == BL_OK)
		status = sealed_resume_by(io, device_fd, id, root, image_bytes, out_writer, why);
	/* Should this fail too, the next one sweeps or resumes. */
	if (status != BL_OK)
		(void)!sweep(io, device_fd, is_named ? SEALED_FOLDER : FOLDER_NEW, NULL);
	return status;
}

/* ---- going on -------------------------------------------------------------------------------- */

static enum bl_status check_resume(const struct sealed_header *header, uint64_t image_bytes,
				   struct bl_error *why)
{
	/* A stream that ended before its intake did has its length by now. */
	bool has_streamed = image_bytes == 0 && header->done_bytes == header->image_bytes;

	if (header->state == SEALED_COMPLETE)
		return bl_fail(why, BL_INVALID, "the sealed image is complete already");
	if (header->image_bytes != image_bytes && !has_streamed)
		return bl_fail(why, BL_INVALID,
			       "the intake was begun with an image of another size (give the same "
			       "one)");
	return BL_OK;
}

enum bl_status writer_resize(struct sealed_writer *writer, uint64_t image_bytes,
			     struct bl_error *why)
{
	const struct sealed_io *io = writer->files.io;
	uint64_t chunks = image_bytes / SEALED_CHUNK + (image_bytes % SEALED_CHUNK != 0);

	writer->has_written = true;

	enum bl_status status =
		sealed_io_resize(io, writer->files.data, chunks * SEALED_CHUNK, "data", why);

	if (status != BL_OK)
		return status;
	return sealed_io_resize(io, writer->files.index,
				sealed_groups(image_bytes) * SEALED_GROUP_INDEX, "index", why);
}

/*
 * Behind what is done there may be anything of an earlier try. It goes; then the files get their whole length at once, where that is
 * known: writes past the cache are quicker into a hole than behind an end.
 */
static enum bl_status clear_rest(struct sealed_writer *writer, struct bl_error *why)
{
	enum bl_status status = writer_resize(writer, writer->durable.done_bytes, why);

	if (status == BL_OK && writer->durable.image_bytes != 0)
		status = writer_resize(writer, writer->durable.image_bytes, why);
	return status;
}

enum bl_status sealed_resume_by(const struct sealed_io *io, int device_fd, const char *id,
				const uint8_t root[VAULT_KEY], uint64_t image_bytes,
				struct sealed_writer **out_writer, struct bl_error *why)
{
	BL_CLEANUP(sealed_writer_close) struct sealed_writer *writer = NULL;
	enum bl_status status = load_writer(io, device_fd, id, root, &writer, why);

	if (status == BL_OK)
		status = check_resume(&writer->durable, image_bytes, why);
	if (status == BL_OK)
		status = writer_reserve(writer, SEALED_RANGE / 2, why);
	if (status == BL_OK)
		status = clear_rest(writer, why);
	if (status == BL_OK)
		*out_writer = BL_TAKE(writer);
	return status;
}

enum bl_status sealed_create(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
			     uint64_t image_bytes, enum sealed_algorithm algorithm,
			     struct sealed_writer **out_writer, struct bl_error *why)
{
	return sealed_create_by(sealed_io_real(), device_fd, id, root, image_bytes, algorithm,
				out_writer, why);
}

enum bl_status sealed_resume(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
			     uint64_t image_bytes, struct sealed_writer **out_writer,
			     struct bl_error *why)
{
	if (sodium_init() < 0)
		return bl_fail(why, BL_FAILED, "libsodium does not start");
	return sealed_resume_by(sealed_io_real(), device_fd, id, root, image_bytes, out_writer,
				why);
}
