/* answers.c - check what a possibly subverted reader says, field by field */
#include "fs/image/answers.h"

#include "fs/image/backend.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCKS_LIMIT ((uint64_t)INT64_MAX / 512)

void image_escape(const char *bytes, size_t length, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)bytes[i];
		bool is_plain = c >= 0x20 && c < 0x7f;

		if (used + (is_plain ? 1 : 4) >= size)
			break;
		if (is_plain)
			out[used++] = (char)c;
		else
			used += (size_t)snprintf(out + used, size - used, "\\x%02x", c);
	}
	out[used] = '\0';
}

/* A type becomes part of a directory name, so only words of our own shape pass. */
static bool type_ok(const char *type, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!((type[i] >= 'a' && type[i] <= 'z') || (type[i] >= '0' && type[i] <= '9')))
			return false;
	return true;
}

static bool clip_to_image(const struct wire_volume *wire, uint64_t image_bytes,
			  struct image_volume *out)
{
	if (wire->offset >= image_bytes || wire->length == 0) {
		out->offset = 0;
		out->length = 0;
		return !wire->is_readable;
	}
	out->offset = wire->offset;
	out->length = BL_MIN(wire->length, image_bytes - wire->offset);
	return true;
}

static bool check_volume(const struct wire_volume *wire, size_t count, uint64_t image_bytes,
			 struct image_volume *out)
{
	size_t type_length = strnlen(wire->type, sizeof(wire->type));
	/* Without a partition table there is one volume, and the path keeps its shape. */
	uint32_t number = wire->number ? wire->number : 1;

	*out = (struct image_volume){.is_readable = wire->is_readable == 1, .root = wire->root};
	if (wire->is_readable > 1 || (wire->number == 0 && count > 1))
		return false;
	if (!clip_to_image(wire, image_bytes, out))
		return false;
	if (type_length == sizeof(wire->type) || !type_ok(wire->type, type_length))
		type_length = 0;
	if (out->is_readable && type_length == 0)
		return false;
	memcpy(out->type, wire->type, type_length);
	snprintf(out->name, sizeof(out->name), "p%u-%s", number,
		 out->is_readable ? out->type : "unreadable");
	if (!out->is_readable)
		image_escape(wire->notice, strnlen(wire->notice, sizeof(wire->notice)), out->notice,
			     sizeof(out->notice));
	if (!out->is_readable && !out->notice[0])
		snprintf(out->notice, sizeof(out->notice), "cannot be read");
	return true;
}

static uint32_t number_at(const uint8_t *bytes, size_t index)
{
	struct wire_volume wire;

	memcpy(&wire, bytes + index * sizeof(wire), sizeof(wire));
	return wire.number ? wire.number : 1;
}

bool image_check_volumes(const uint8_t *bytes, size_t length, uint64_t image_bytes,
			 struct image_volume *out, size_t *out_count)
{
	struct wire_volume wire;
	size_t count = length / sizeof(wire);

	if (length % sizeof(wire) != 0 || count > IMAGE_VOLUMES)
		return false;
	for (size_t i = 0; i < count; i++) {
		memcpy(&wire, bytes + i * sizeof(wire), sizeof(wire));
		if (!check_volume(&wire, count, image_bytes, &out[i]))
			return false;
		for (size_t j = 0; j < i; j++)
			if (number_at(bytes, i) == number_at(bytes, j))
				return false;
	}
	*out_count = count;
	return true;
}

bool image_same_volumes(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
	if (a_length != b_length)
		return false;
	for (size_t at = 0; at + sizeof(struct wire_volume) <= a_length;
	     at += sizeof(struct wire_volume)) {
		struct wire_volume one, two;

		memcpy(&one, a + at, sizeof(one));
		memcpy(&two, b + at, sizeof(two));
		memset(one.notice, 0, sizeof(one.notice));
		memset(two.notice, 0, sizeof(two.notice));
		if (memcmp(&one, &two, sizeof(one)) != 0)
			return false;
	}
	return true;
}

bool image_check_attr(const struct wire_attr *attr, struct image_attr *out)
{
	if (attr->size_bytes > (uint64_t)INT64_MAX)
		return false;
	*out = (struct image_attr){
		.type = image_type_of(attr->mode),
		.mode = attr->mode & (S_IFMT | 07777),
		.uid = attr->uid,
		.gid = attr->gid,
		.nlink = BL_MAX(attr->nlink, 1u),
		.size_bytes = attr->size_bytes,
		.blocks_512 = BL_MIN(attr->blocks_512, BLOCKS_LIMIT),
		.lies_at = attr->lies_at,
		.mtime_ns = attr->mtime_ns,
		.atime_ns = attr->atime_ns,
		.ctime_ns = attr->ctime_ns,
	};
	uint32_t mode = out->mode;
	/* A damaged inode may have any type bits; a socket is the most inert thing to show. */
	if (out->type == IMAGE_OTHER && !S_ISCHR(mode) && !S_ISBLK(mode) && !S_ISFIFO(mode) &&
	    !S_ISSOCK(mode))
		out->mode = S_IFSOCK;
	if (S_ISCHR(out->mode) || S_ISBLK(out->mode)) {
		out->rdev_major = attr->rdev_major;
		out->rdev_minor = attr->rdev_minor;
	}
	return true;
}

bool image_next_entry(const uint8_t *bytes, size_t length, size_t *inout_at,
		      struct image_entry *out, char *out_name)
{
	struct wire_entry wire;
	size_t left = length - *inout_at;

	if (left < sizeof(wire))
		return false;
	memcpy(&wire, bytes + *inout_at, sizeof(wire));
	if (wire.record_length % 8 != 0 || wire.record_length > left ||
	    wire.record_length < sizeof(wire) + wire.name_length)
		return false;
	const char *name = (const char *)bytes + *inout_at + sizeof(wire);
	if (!image_name_ok(name, wire.name_length))
		return false;
	memcpy(out_name, name, wire.name_length);
	out_name[wire.name_length] = '\0';
	*out = (struct image_entry){.inode = wire.inode,
				    .identity = wire.inode,
				    .owner = wire.owner,
				    .name = out_name,
				    .length = wire.name_length};
	out->has_attr = wire.has_attr && image_check_attr(&wire.attr, &out->attr);
	*inout_at += wire.record_length;
	return true;
}

bool image_check_entries(const uint8_t *bytes, size_t length, size_t *out_count)
{
	struct image_entry entry;
	char name[IMAGE_NAME_LIMIT + 1];
	size_t at = 0, count = 0;

	while (at < length) {
		if (!image_next_entry(bytes, length, &at, &entry, name))
			return false;
		count++;
	}
	*out_count = count;
	return true;
}

static bool run_ok(const struct wire_run *run, const struct image_volume *volume, uint64_t after)
{
	uint64_t file_end, image_end;

	if (run->length == 0 || run->file_offset < after)
		return false;
	if (__builtin_add_overflow(run->file_offset, run->length, &file_end) ||
	    __builtin_add_overflow(run->image_offset, run->length, &image_end))
		return false;
	/* The volume was clipped to the image before, so its own end cannot overflow. */
	return run->image_offset >= volume->offset && image_end <= volume->offset + volume->length;
}

static void append(const struct wire_run *run, struct wire_run *runs, size_t *inout_count)
{
	struct wire_run *last = *inout_count ? &runs[*inout_count - 1] : NULL;

	if (last && last->file_offset + last->length == run->file_offset &&
	    last->image_offset + last->length == run->image_offset)
		last->length += run->length;
	else
		runs[(*inout_count)++] = *run;
}

bool image_append_runs(const uint8_t *bytes, size_t length, const struct image_volume *volume,
		       uint64_t size_bytes, struct wire_run *runs, size_t *inout_count,
		       uint64_t *inout_end)
{
	struct wire_run run;

	if (length % sizeof(run) != 0)
		return false;
	for (size_t at = 0; at < length; at += sizeof(run)) {
		memcpy(&run, bytes + at, sizeof(run));
		if (!run_ok(&run, volume, *inout_end))
			return false;
		*inout_end = run.file_offset + run.length;
		if (run.file_offset >= size_bytes)
			continue; /* preallocated behind the end: nobody can read it */
		run.length = BL_MIN(run.length, size_bytes - run.file_offset);
		append(&run, runs, inout_count);
	}
	return true;
}

bool image_append_places(const uint8_t *bytes, size_t length, const struct image_volume *volume,
			 struct image_range *out, size_t *inout_count, uint64_t *inout_end)
{
	struct wire_run run;

	if (length % sizeof(run) != 0)
		return false;
	for (size_t at = 0; at < length; at += sizeof(run)) {
		memcpy(&run, bytes + at, sizeof(run));
		if (run.file_offset != 0 || run.image_offset < *inout_end ||
		    !run_ok(&run, volume, 0))
			return false;
		if (*inout_count && run.image_offset == *inout_end)
			out[*inout_count - 1].length += run.length;
		else
			out[(*inout_count)++] = (struct image_range){run.image_offset, run.length};
		*inout_end = run.image_offset + run.length;
	}
	return true;
}

bool image_check_link(const uint8_t *bytes, size_t length)
{
	return length > 0 && length <= IMAGE_LINK_LIMIT && !memchr(bytes, '\0', length);
}

static bool xattr_ok(const struct wire_xattr *wire, const uint8_t *name, size_t left)
{
	if (wire->record_length % 8 != 0 || wire->record_length > left ||
	    wire->record_length < sizeof(*wire) || wire->name_length == 0 ||
	    wire->name_length > IMAGE_NAME_LIMIT || wire->value_length > IMAGE_XATTR_LIMIT ||
	    wire->record_length - sizeof(*wire) < wire->name_length + wire->value_length)
		return false;
	return !memchr(name, '\0', wire->name_length);
}

bool image_check_xattrs(const uint8_t *bytes, size_t length)
{
	struct wire_xattr wire;

	for (size_t at = 0; at < length; at += (size_t)wire.record_length) {
		if (length - at < sizeof(wire))
			return false;
		memcpy(&wire, bytes + at, sizeof(wire));
		if (!xattr_ok(&wire, bytes + at + sizeof(wire), length - at))
			return false;
	}
	return true;
}

struct image_xattr image_next_xattr(const uint8_t *bytes, size_t *inout_at)
{
	struct wire_xattr wire;
	const uint8_t *name = bytes + *inout_at + sizeof(wire);

	memcpy(&wire, bytes + *inout_at, sizeof(wire));
	*inout_at += (size_t)wire.record_length;
	return (struct image_xattr){
		.name = (const char *)name,
		.name_length = wire.name_length,
		.value = name + wire.name_length,
		.length = wire.value_length,
	};
}
