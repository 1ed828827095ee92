/* raw.c - raw bytes as an image: names and maps from the reader, file data by our own reads */
#include "fs/image/answers.h"
#include "fs/image/backend.h"
#include "fs/image/client.h"
#include "fs/image/contained.h"
#include "fs/image/maps.h"
#include "fs/image/part.h"
#include "fs/image/places.h"
#include "fs/image/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUNS_FIRST 64u

struct raw {
	struct image image;
	int fd;			     /* -1: the bytes are somebody else's */
	struct contained *contained; /* NULL: they are in no container */
	uint64_t offset;	     /* of the image in that file or container */
	struct image_client *client;
	struct image_maps maps;
	struct image_units units;
};

struct raw_file {
	struct image_file file;
	struct image_map *map;
	/* for a file without a map: the unit read last, since callers read less than a unit at a time */
	pthread_mutex_t mutex;
	uint8_t *unit;
	uint64_t unit_offset;
	size_t unit_length; /* 0: none yet */
};

static struct raw *raw_of(struct image *image)
{
	return (struct raw *)(void *)image;
}

/* Ask, and make an error the child named one of ours. */
static enum bl_status ask(struct raw *raw, const struct image_call *call, struct image_reply *reply,
			  struct bl_error *why)
{
	enum bl_status status = image_client_ask(raw->client, call, reply, why);

	if (status == BL_OK && reply->error)
		status = image_client_fail(reply->error, call->inode, why);
	return status;
}

static enum bl_status tell_page(const struct image_reply *reply, image_entry_fn *tell,
				void *context, bool *out_stop)
{
	struct image_entry entry;
	char name[IMAGE_NAME_LIMIT + 1];

	for (size_t at = 0; at < reply->length && !*out_stop;) {
		if (!image_next_entry(reply->bytes, reply->length, &at, &entry, name))
			return BL_IO;
		*out_stop = !tell(context, &entry);
	}
	return BL_OK;
}

/* One page: checked as a whole before its first entry is told. */
static enum bl_status list_page(struct raw *raw, struct image_call *call, size_t *inout_total,
				image_entry_fn *tell, void *context, bool *out_stop,
				struct bl_error *why)
{
	struct image_reply reply = {0};
	size_t count = 0;
	enum bl_status status = ask(raw, call, &reply, why);
	BL_CLEANUP(bl_free) uint8_t *bytes = reply.bytes;

	if (status != BL_OK)
		return status;
	/* An empty page that promises more would let a reader keep us here for ever. */
	if ((bytes && !image_check_entries(bytes, reply.length, &count)) ||
	    (count == 0 && reply.offset != 0))
		return image_client_refuse(raw->client, call, "the reader gave a bad directory",
					   why);
	*inout_total += count;
	if (*inout_total > IMAGE_ENTRIES_LIMIT)
		return bl_fail(why, BL_TOO_LARGE, "node %llu of the image has too many entries",
			       (unsigned long long)call->inode);
	call->offset = reply.offset;
	return bytes ? tell_page(&reply, tell, context, out_stop) : BL_OK;
}

static enum bl_status raw_list(struct image *image, unsigned volume, uint64_t inode,
			       image_entry_fn *tell, void *context, struct bl_error *why)
{
	struct image_call call = {.op = WIRE_LIST,
				  .volume = volume,
				  .inode = inode,
				  .until_ns = image_client_until(raw_of(image)->client)};
	bool is_stopped = false;
	size_t total = 0;
	enum bl_status status;

	do {
		status = list_page(raw_of(image), &call, &total, tell, context, &is_stopped, why);
	} while (status == BL_OK && !is_stopped && call.offset != 0);
	return status;
}

static enum bl_status stat_until(struct raw *raw, unsigned volume, uint64_t inode,
				 uint64_t until_ns, struct image_attr *out_attr,
				 struct bl_error *why)
{
	struct image_call call = {
		.op = WIRE_STAT, .volume = volume, .inode = inode, .until_ns = until_ns};
	struct image_reply reply = {0};
	struct wire_attr wire;
	struct image_attr attr;
	enum bl_status status = ask(raw, &call, &reply, why);
	BL_CLEANUP(bl_free) uint8_t *bytes = reply.bytes;

	if (status != BL_OK)
		return status;
	if (!bytes || reply.length != sizeof(wire))
		return image_client_refuse(raw->client, &call, "the reader gave bad attributes",
					   why);
	memcpy(&wire, bytes, sizeof(wire));
	if (!image_check_attr(&wire, &attr))
		return image_client_refuse(raw->client, &call, "the reader gave bad attributes",
					   why);
	*out_attr = attr;
	return BL_OK;
}

static enum bl_status raw_stat(struct image *image, unsigned volume, uint64_t inode,
			       struct image_attr *out_attr, struct bl_error *why)
{
	return stat_until(raw_of(image), volume, inode, 0, out_attr, why);
}

static enum bl_status raw_readlink(struct image *image, unsigned volume, uint64_t inode, char *out,
				   size_t size, struct bl_error *why)
{
	struct image_call call = {.op = WIRE_LINK, .volume = volume, .inode = inode};
	struct raw *raw = raw_of(image);
	struct image_reply reply = {0};
	enum bl_status status = ask(raw, &call, &reply, why);
	BL_CLEANUP(bl_free) uint8_t *bytes = reply.bytes;

	if (status != BL_OK)
		return status;
	if (!bytes || !image_check_link(bytes, reply.length))
		return image_client_refuse(raw->client, &call, "the reader gave a bad link", why);
	if (reply.length >= size)
		return bl_fail(why, BL_TOO_LARGE, "the target of link %llu is too long",
			       (unsigned long long)inode);
	memcpy(out, bytes, reply.length);
	out[reply.length] = '\0';
	return BL_OK;
}

static enum bl_status raw_xattrs(struct image *image, unsigned volume, uint64_t inode,
				 image_xattr_fn *tell, void *context, struct bl_error *why)
{
	struct image_call call = {.op = WIRE_XATTRS, .volume = volume, .inode = inode};
	struct raw *raw = raw_of(image);
	struct image_reply reply = {0};
	enum bl_status status = ask(raw, &call, &reply, why);
	BL_CLEANUP(bl_free) uint8_t *bytes = reply.bytes;

	if (status != BL_OK || !bytes)
		return status;
	if (!image_check_xattrs(bytes, reply.length))
		return image_client_refuse(raw->client, &call,
					   "the reader gave bad extended attributes", why);
	for (size_t at = 0; at < reply.length;) {
		struct image_xattr xattr = image_next_xattr(bytes, &at);

		if (!tell(context, &xattr))
			break;
	}
	return BL_OK;
}

struct map_build {
	struct wire_run *runs;
	size_t count, capacity;
	uint64_t end;  /* of the last run, in the file */
	uint64_t next; /* index to ask for */
};

/* No more runs than the size allows, so a lie about the map costs no more than the file itself. */
static bool make_room(struct map_build *build, uint64_t size_bytes, size_t more,
		      bool *out_no_memory)
{
	uint64_t limit = BL_MIN(size_bytes / IMAGE_RUN_UNIT + 1, (uint64_t)IMAGE_RUNS_LIMIT);
	size_t wanted = build->count + more;

	if (wanted > limit + WIRE_WINDOW / sizeof(struct wire_run))
		return false;
	if (wanted > build->capacity) {
		size_t capacity = BL_MAX(wanted, BL_MAX(build->capacity * 2, RUNS_FIRST));
		struct wire_run *runs = realloc(build->runs, capacity * sizeof(*runs));

		if (!runs) {
			*out_no_memory = true;
			return false;
		}
		build->runs = runs;
		build->capacity = capacity;
	}
	return true;
}

static enum bl_status map_page(struct raw *raw, struct image_call *call, uint64_t size_bytes,
			       struct map_build *build, bool *out_has_map, struct bl_error *why)
{
	struct image_reply reply = {0};
	enum bl_status status = image_client_ask(raw->client, call, &reply, why);
	BL_CLEANUP(bl_free) uint8_t *bytes = reply.bytes;
	size_t runs = reply.length / sizeof(struct wire_run);
	bool is_out_of_memory = false;

	if (status != BL_OK)
		return status;
	if (reply.error == ENODATA && call->offset == 0) {
		*out_has_map = false;
		return BL_OK;
	}
	if (reply.error)
		return image_client_fail(reply.error, call->inode, why);
	if (!make_room(build, size_bytes, runs, &is_out_of_memory))
		return is_out_of_memory
			       ? bl_fail(why, BL_NO_MEMORY, "cannot open a file: out of memory")
			       : bl_fail(why, BL_TOO_LARGE,
					 "node %llu of the image is in too many pieces",
					 (unsigned long long)call->inode);
	if ((bytes && !image_append_runs(bytes, reply.length, &raw->image.volumes[call->volume],
					 size_bytes, build->runs, &build->count, &build->end)) ||
	    build->count > size_bytes / IMAGE_RUN_UNIT + 1 ||
	    (reply.offset != 0 && (runs == 0 || reply.offset != call->offset + runs)))
		return image_client_refuse(raw->client, call, "the reader gave a bad map", why);
	if (build->count > IMAGE_RUNS_LIMIT)
		return bl_fail(why, BL_TOO_LARGE, "node %llu of the image is in too many pieces",
			       (unsigned long long)call->inode);
	call->offset = reply.offset;
	return BL_OK;
}

static enum bl_status check_said(struct raw *raw, const struct image_call *call, uint64_t unit,
				 uint64_t size_bytes, const void *bytes, size_t length,
				 struct bl_error *why)
{
	enum bl_status status = image_units_check(&raw->units, call->volume, call->inode, unit,
						  size_bytes, bytes, length);

	if (status == BL_TAMPERED)
		return image_client_refuse(raw->client, call,
					   "the reader gave other contents than before", why);
	if (status == BL_OK)
		return BL_OK;
	return bl_fail(why, status == BL_NO_MEMORY ? BL_NO_MEMORY : BL_IO,
		       "cannot read node %llu of the image: too many files to vouch for",
		       (unsigned long long)call->inode);
}

/* Pieces that lie over each other cost their image nothing, and would be read for days. */
static bool is_more_than_its_volume(const struct raw *raw, unsigned volume,
				    const struct map_build *build)
{
	uint64_t left = raw->image.volumes[volume].length;

	for (size_t i = 0; i < build->count; i++) {
		if (build->runs[i].length > left)
			return true;
		left -= build->runs[i].length;
	}
	return false;
}

static enum bl_status map_finish(struct raw *raw, const struct image_call *call,
				 uint64_t size_bytes, bool has_map, const struct map_build *build,
				 struct image_map **out_map, struct bl_error *why)
{
	static const char NO_MAP[] = "no map"; /* of a length that no map has */
	size_t bytes = build->count * sizeof(*build->runs);
	const void *said = has_map && bytes ? (const void *)build->runs : NO_MAP;
	if (is_more_than_its_volume(raw, call->volume, build))
		return bl_fail(why, BL_IO, "node %llu of the image has more pieces than its volume",
			       (unsigned long long)call->inode);
	/* Another map later, after this one fell out of the cache, would be other contents. */
	enum bl_status status = check_said(raw, call, IMAGE_UNIT_MAP, size_bytes, said,
					   has_map ? bytes : sizeof(NO_MAP), why);

	if (status != BL_OK)
		return status;
	struct image_map *map = image_map_new(call->volume, call->inode, size_bytes, build->count);
	if (!map)
		return bl_fail(why, BL_NO_MEMORY, "cannot open a file: out of memory");
	map->is_mapped = has_map;
	if (bytes)
		memcpy(map->runs, build->runs, bytes);
	*out_map = map;
	return BL_OK;
}

/* One run for the whole file: what the listing said of it is as good as a map, and is checked and vouched for like one. */
static enum bl_status map_known(struct raw *raw, unsigned volume, uint64_t inode,
				const struct image_attr *known, struct image_map **out_map,
				struct bl_error *why)
{
	const struct image_call call = {.op = WIRE_MAP, .volume = volume, .inode = inode};
	struct wire_run said = {0, known->lies_at, known->size_bytes}, run;
	struct map_build build = {.runs = &run};
	bool has_bytes = known->size_bytes > 0;

	if (has_bytes &&
	    !image_append_runs((const uint8_t *)&said, sizeof(said), &raw->image.volumes[volume],
			       known->size_bytes, build.runs, &build.count, &build.end))
		return image_client_refuse(raw->client, &call, "the reader gave a bad map", why);
	return map_finish(raw, &call, known->size_bytes, true, &build, out_map, why);
}

static enum bl_status map_ask(struct raw *raw, unsigned volume, uint64_t inode, uint64_t until_ns,
			      uint64_t size_bytes, struct image_map **out_map, struct bl_error *why)
{
	struct image_call call = {
		.op = WIRE_MAP, .volume = volume, .inode = inode, .until_ns = until_ns};
	struct map_build build = {0};
	bool has_map = true;
	enum bl_status status;

	do {
		status = map_page(raw, &call, size_bytes, &build, &has_map, why);
	} while (status == BL_OK && has_map && call.offset != 0);
	if (status == BL_OK)
		status = map_finish(raw, &call, size_bytes, has_map, &build, out_map, why);
	free(build.runs);
	return status;
}

static enum bl_status map_get(struct raw *raw, unsigned volume, uint64_t inode,
			      const struct image_attr *known, struct image_map **out_map,
			      struct bl_error *why)
{
	struct image_attr attr;
	enum bl_status status = BL_OK;

	*out_map = image_maps_get(&raw->maps, volume, inode);
	if (*out_map)
		return BL_OK;
	uint64_t until_ns = image_client_until(raw->client);
	if (known)
		attr = *known;
	else
		status = stat_until(raw, volume, inode, until_ns, &attr, why);
	if (status != BL_OK)
		return status;
	if (attr.type != IMAGE_FILE)
		return bl_fail(why, BL_INVALID, "node %llu of the image is no regular file",
			       (unsigned long long)inode);
	status = attr.lies_at
			 ? map_known(raw, volume, inode, &attr, out_map, why)
			 : map_ask(raw, volume, inode, until_ns, attr.size_bytes, out_map, why);
	if (status == BL_OK)
		image_maps_put(&raw->maps, *out_map);
	return status;
}

static void raw_file_close(struct image_file *base)
{
	struct raw_file *file = (struct raw_file *)(void *)base;

	image_maps_release(&raw_of(base->image)->maps, file->map);
	pthread_mutex_destroy(&file->mutex);
	free(file->unit);
	free(file);
}

static enum bl_status raw_file_open(struct image *image, unsigned volume, uint64_t inode,
				    const struct image_attr *known, struct image_file **out_file,
				    struct bl_error *why)
{
	struct raw *raw = raw_of(image);
	struct image_map *map = NULL;
	enum bl_status status = map_get(raw, volume, inode, known, &map, why);

	if (status != BL_OK)
		return status;
	struct raw_file *file = calloc(1, sizeof(*file));
	if (!file) {
		image_maps_release(&raw->maps, map);
		return bl_fail(why, BL_NO_MEMORY, "cannot open a file: out of memory");
	}
	pthread_mutex_init(&file->mutex, NULL);
	file->file = (struct image_file){image, map->size_bytes};
	file->map = map;
	*out_file = &file->file;
	return BL_OK;
}

static enum bl_status read_mapped(struct raw_file *file, uint64_t offset, uint8_t *out,
				  size_t length, struct bl_error *why)
{
	const struct raw *raw = raw_of(file->file.image);
	const struct image_call call = {.volume = file->map->volume, .inode = file->map->inode};

	while (length > 0) {
		uint64_t image_offset = 0;
		size_t part = 0;

		if (image_map_at(file->map, offset, length, &image_offset, &part)) {
			enum bl_status status =
				image_client_read(raw->client, &call, image_offset, out, part, why);

			if (status != BL_OK)
				return status;
		} else {
			memset(out, 0, part);
		}
		offset += part;
		out += part;
		length -= part;
	}
	return BL_OK;
}

static enum bl_status load_unit(struct raw_file *file, uint64_t unit_offset, struct bl_error *why)
{
	struct raw *raw = raw_of(file->file.image);
	uint64_t size_bytes = file->map->size_bytes;
	struct image_call call = {
		.op = WIRE_READ,
		.volume = file->map->volume,
		.inode = file->map->inode,
		.offset = unit_offset,
		.length = BL_MIN((uint64_t)WIRE_UNIT, size_bytes - unit_offset),
	};
	struct image_reply reply = {0};
	enum bl_status status = ask(raw, &call, &reply, why);
	BL_CLEANUP(bl_free) uint8_t *bytes = reply.bytes;

	if (status != BL_OK)
		return status;
	if (!bytes || reply.length != call.length)
		return image_client_refuse(raw->client, &call,
					   "the reader gave too little or too much", why);
	status = check_said(raw, &call, unit_offset / WIRE_UNIT, size_bytes, bytes, reply.length,
			    why);
	if (status != BL_OK)
		return status;
	free(file->unit);
	file->unit = BL_TAKE(bytes);
	file->unit_offset = unit_offset;
	file->unit_length = reply.length;
	return BL_OK;
}

static enum bl_status read_units(struct raw_file *file, uint64_t offset, uint8_t *out,
				 size_t length, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	pthread_mutex_lock(&file->mutex);
	while (length > 0) {
		uint64_t start = offset - offset % WIRE_UNIT;

		if (!file->unit_length || file->unit_offset != start)
			status = load_unit(file, start, why);
		if (status != BL_OK)
			break;
		size_t skip = (size_t)(offset - start);
		size_t part = BL_MIN(length, file->unit_length - skip);

		memcpy(out, file->unit + skip, part);
		offset += part;
		out += part;
		length -= part;
	}
	pthread_mutex_unlock(&file->mutex);
	return status;
}

static enum bl_status raw_file_read(struct image_file *base, uint64_t offset, uint8_t *out,
				    size_t length, struct bl_error *why)
{
	struct raw_file *file = (struct raw_file *)(void *)base;

	return file->map->is_mapped ? read_mapped(file, offset, out, length, why)
				    : read_units(file, offset, out, length, why);
}

static enum bl_status raw_file_seek(struct image_file *base, uint64_t offset, bool is_hole,
				    uint64_t *out_offset)
{
	const struct raw_file *file = (const struct raw_file *)(const void *)base;
	uint64_t size = base->size_bytes, where;
	size_t length;

	if (!file->map->is_mapped) {
		*out_offset = is_hole ? size : offset;
		return BL_OK;
	}
	while (offset < size &&
	       image_map_at(file->map, offset, SIZE_MAX, &where, &length) == is_hole)
		offset += BL_MIN((uint64_t)length, size - offset);
	*out_offset = offset;
	return offset < size || is_hole ? BL_OK : BL_NOT_FOUND;
}

static enum bl_status raw_places(struct image *image, unsigned volume, uint64_t inode,
				 image_range_fn *tell, void *context, struct bl_error *why)
{
	struct image_attr attr;
	enum bl_status status = raw_stat(image, volume, inode, &attr, why);

	if (status != BL_OK)
		return status;
	if (attr.type != IMAGE_FILE)
		return bl_fail(why, BL_INVALID, "node %llu of the image is no regular file",
			       (unsigned long long)inode);
	return image_places_ask(raw_of(image)->client, &image->volumes[volume], volume, inode, tell,
				context, why);
}

static enum bl_status raw_used(struct image *image, unsigned volume, image_range_fn *tell,
			       void *context, struct bl_error *why)
{
	return image_places_ask(raw_of(image)->client, &image->volumes[volume], volume,
				IMAGE_NO_INODE, tell, context, why);
}

static enum bl_status raw_bytes(struct image *image, unsigned volume, uint64_t offset, void *out,
				size_t length, struct bl_error *why)
{
	const struct image_call call = {.volume = volume};

	return image_client_read(raw_of(image)->client, &call, offset, out, length, why);
}

static void raw_close(struct image *image)
{
	struct raw *raw = raw_of(image);

	image_client_close(raw->client);
	image_maps_done(&raw->maps);
	image_units_done(&raw->units);
	fd_close(raw->fd);
	contained_close(raw->contained);
	free(raw);
}

static const struct image_backend RAW_BACKEND = {
	.close = raw_close,
	.list = raw_list,
	.stat = raw_stat,
	.readlink = raw_readlink,
	.file_open = raw_file_open,
	.file_close = raw_file_close,
	.file_read = raw_file_read,
	.file_seek = raw_file_seek,
	.xattrs = raw_xattrs,
	.places = raw_places,
	.used = raw_used,
	.bytes = raw_bytes,
};

static enum bl_status read_fd(void *context, uint64_t offset, void *out, size_t length,
			      struct bl_error *why)
{
	const struct raw *raw = context;

	return image_pread(raw->fd, raw->offset + offset, out, length, why);
}

static enum bl_status read_contained(void *context, uint64_t offset, void *out, size_t length,
				     struct bl_error *why)
{
	const struct raw *raw = context;

	return contained_read(raw->contained, raw->offset + offset, out, length, why);
}

static enum bl_status find_size(int fd, uint64_t *out_bytes, struct bl_error *why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return bl_fail_errno(why, BL_IO, "cannot look at the image");
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return bl_fail(why, BL_INVALID, "the image is neither a file nor a block device");
	off_t end = lseek(fd, 0, SEEK_END);
	if (end < 0)
		return bl_fail_errno(why, BL_IO, "cannot find the size of the image");
	*out_bytes = (uint64_t)end;
	return BL_OK;
}

static enum bl_status new_raw(const struct image_options *options, struct raw **out_raw,
			      struct bl_error *why)
{
	if (!options || !options->reader_path)
		return bl_fail(why, BL_FAILED, "no reader program is named");
	struct raw *raw = calloc(1, sizeof(*raw));
	if (!raw || sodium_init() < 0) {
		free(raw);
		return bl_fail(why, BL_NO_MEMORY, "cannot open the image: out of memory");
	}
	raw->image.backend = &RAW_BACKEND;
	raw->fd = -1;
	image_maps_init(&raw->maps, IMAGE_MAPS_BYTES);
	image_units_init(&raw->units, IMAGE_UNITS_LIMIT);
	*out_raw = raw;
	return BL_OK;
}

/* Takes @raw: it is handed out or closed. */
static enum bl_status start(struct raw *raw, const struct image_bytes *bytes,
			    const struct image_options *options, struct image **out_image,
			    struct bl_error *why)
{
	enum bl_status status = BL_OK;

	if (bytes->size_bytes == 0)
		status = bl_fail(why, BL_INVALID, "the image is empty");
	else
		status = image_client_open(bytes, options, &raw->client, &raw->image.volumes,
					   &raw->image.volume_count, why);
	if (status != BL_OK) {
		image_close(&raw->image);
		return status;
	}
	*out_image = &raw->image;
	return BL_OK;
}

/* Of @bytes, which are all there are, only those behind the part's offset. */
static enum bl_status start_part(struct raw *raw, struct image_bytes *bytes,
				 const struct image_options *options, struct image **out_image,
				 struct bl_error *why)
{
	enum bl_status status = BL_OK;

	if (options->part && bytes->size_bytes)
		status = image_part_ok(options->part, bytes->size_bytes, why);
	if (status == BL_OK && options->part && bytes->size_bytes) {
		raw->offset = options->part->offset;
		bytes->size_bytes -= raw->offset;
	}
	if (status != BL_OK) {
		image_close(&raw->image);
		return status;
	}
	return start(raw, bytes, options, out_image, why);
}

enum bl_status image_raw_open(int fd, const struct image_options *options, struct image **out_image,
			      struct bl_error *why)
{
	struct raw *raw = NULL;
	enum bl_status status = new_raw(options, &raw, why);

	if (status != BL_OK)
		return status;
	struct image_bytes bytes = {.read = read_fd, .context = raw};
	raw->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (raw->fd < 0)
		status = bl_fail_errno(why, BL_IO, "cannot keep the image open");
	else
		status = find_size(raw->fd, &bytes.size_bytes, why);
	if (status != BL_OK) {
		image_close(&raw->image);
		return status;
	}
	return start_part(raw, &bytes, options, out_image, why);
}

/* Those of containers lie beside the reader. */
static enum bl_status open_contained(struct container *taken, const char *reader_path,
				     struct contained **out_contained, struct bl_error *why)
{
	BL_CLEANUP(container_free) struct container *container = taken;
	BL_CLEANUP(bl_free) char *folder = strdup(reader_path);

	if (!folder)
		return bl_fail(why, BL_NO_MEMORY, "cannot open the image: out of memory");
	char *slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	const struct contained_options options = {.folder = slash ? folder : "."};
	return contained_open(BL_TAKE(container), &options, out_contained, why);
}

enum bl_status image_raw_open_container(struct container *taken,
					const struct image_options *options,
					struct image **out_image, struct bl_error *why)
{
	BL_CLEANUP(container_free) struct container *container = taken;
	struct raw *raw = NULL;

	if (container->kind == CONTAINER_NONE)
		return image_raw_open(container->fds[0], options, out_image, why);
	enum bl_status status = new_raw(options, &raw, why);
	if (status != BL_OK)
		return status;
	status = open_contained(BL_TAKE(container), options->reader_path, &raw->contained, why);
	if (status != BL_OK) {
		image_close(&raw->image);
		return status;
	}
	struct image_bytes bytes = {.read = read_contained,
				    .context = raw,
				    .size_bytes = contained_size(raw->contained)};
	return start_part(raw, &bytes, options, out_image, why);
}

enum bl_status image_raw_open_bytes(const struct image_bytes *bytes,
				    const struct image_options *options, struct image **out_image,
				    struct bl_error *why)
{
	struct raw *raw = NULL;
	enum bl_status status = new_raw(options, &raw, why);

	return status == BL_OK ? start(raw, bytes, options, out_image, why) : status;
}
