/* reader-answers.c - whatever a subverted reader answers: what passes the checks keeps its promises
 *
 * The first byte says which answer the rest is; some limits are taken from the next eight.
 */
#include "fs/image/answers.h"
#include "fs/image/maps.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define IMAGE_BYTES (UINT64_C(1) << 40)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void try_volumes(const uint8_t *bytes, size_t length, uint64_t image_bytes)
{
	static struct image_volume volumes[IMAGE_VOLUMES];
	size_t count = 0;

	if (!image_check_volumes(bytes, length, image_bytes, volumes, &count))
		return;
	must(count <= IMAGE_VOLUMES && image_same_volumes(bytes, length, bytes, length));
	for (size_t i = 0; i < count; i++) {
		const struct image_volume *v = &volumes[i];

		must(v->offset <= image_bytes && v->length <= image_bytes - v->offset);
		must(v->is_readable ? v->length > 0 && !v->notice[0] : v->notice[0] != '\0');
		must(strlen(v->name) < sizeof(v->name) && !strchr(v->name, '/') &&
		     v->name[0] == 'p');
		must(strlen(v->type) < sizeof(v->type));
		for (const char *c = v->notice; *c; c++)
			must(*c >= 0x20 && *c < 0x7f);
		for (size_t j = 0; j < i; j++)
			must(strcmp(v->name, volumes[j].name) != 0);
	}
}

static void check_attr(const struct image_attr *attr)
{
	must(attr->size_bytes <= (uint64_t)INT64_MAX && attr->nlink > 0);
	must((attr->mode & ~(uint32_t)(S_IFMT | 07777)) == 0);
	must((attr->type == IMAGE_FILE) == !!S_ISREG(attr->mode));
	must((attr->type == IMAGE_DIR) == !!S_ISDIR(attr->mode));
	must((attr->type == IMAGE_LINK) == !!S_ISLNK(attr->mode));
}

static void try_entries(const uint8_t *bytes, size_t length)
{
	struct image_entry entry;
	char name[IMAGE_NAME_LIMIT + 1];
	size_t count = 0, told = 0;

	if (!image_check_entries(bytes, length, &count))
		return;
	for (size_t at = 0; at < length; told++) {
		size_t before = at;

		must(image_next_entry(bytes, length, &at, &entry, name));
		must(at > before && at <= length);
		must(entry.length >= 1 && entry.length <= IMAGE_NAME_LIMIT);
		must(strlen(entry.name) == entry.length && !strchr(entry.name, '/'));
		must(strcmp(entry.name, ".") != 0 && strcmp(entry.name, "..") != 0);
		if (entry.has_attr)
			check_attr(&entry.attr);
	}
	must(told == count);
}

static void try_attr(const uint8_t *bytes, size_t length)
{
	struct wire_attr wire;
	struct image_attr attr;

	if (length < sizeof(wire))
		return;
	memcpy(&wire, bytes, sizeof(wire));
	if (image_check_attr(&wire, &attr))
		check_attr(&attr);
}

/* Walk the file as a reader of it would: every byte that is read lies in the volume. */
static void walk(const struct image_map *map, const struct image_volume *volume)
{
	uint64_t offset = 0;

	for (size_t steps = 0; offset < map->size_bytes; steps++) {
		uint64_t image_offset = 0;
		size_t part = 0;
		uint64_t left = map->size_bytes - offset;

		must(steps <= 2 * map->count + 1);
		if (image_map_at(map, offset, (size_t)left, &image_offset, &part))
			must(image_offset >= volume->offset &&
			     part <= volume->offset + volume->length - image_offset);
		must(part > 0 && part <= left);
		offset += part;
	}
}

static void try_map(const uint8_t *bytes, size_t length, uint64_t size_bytes)
{
	const struct image_volume volume = {.offset = 4096, .length = IMAGE_BYTES - 4096};
	struct image_map *map =
		image_map_new(0, 1, size_bytes & INT64_MAX, length / sizeof(struct wire_run) + 1);
	size_t first = length / sizeof(struct wire_run) / 2 * sizeof(struct wire_run);
	uint64_t end = 0;
	size_t count = 0;

	must(map != NULL);
	/* in two pages, as a long map comes */
	if (image_append_runs(bytes, first, &volume, map->size_bytes, map->runs, &count, &end) &&
	    image_append_runs(bytes + first, length - first, &volume, map->size_bytes, map->runs,
			      &count, &end)) {
		must(count <= length / sizeof(struct wire_run));
		map->count = count;
		walk(map, &volume);
	}
	free(map);
}

static void try_places(const uint8_t *bytes, size_t length)
{
	const struct image_volume volume = {.offset = 4096, .length = IMAGE_BYTES - 4096};
	size_t runs = length / sizeof(struct wire_run), count = 0;
	size_t first = runs / 2 * sizeof(struct wire_run);
	struct image_range *ranges = calloc(runs + 1, sizeof(*ranges));
	uint64_t end = 0;

	must(ranges != NULL);
	/* in two pages, as many places come */
	if (image_append_places(bytes, first, &volume, ranges, &count, &end) &&
	    image_append_places(bytes + first, length - first, &volume, ranges, &count, &end)) {
		must(count <= runs);
		for (size_t i = 0; i < count; i++) {
			must(ranges[i].length > 0 && ranges[i].offset >= volume.offset);
			must(ranges[i].length <= IMAGE_BYTES - ranges[i].offset);
			/* joined, so never side by side */
			must(i == 0 ||
			     ranges[i].offset > ranges[i - 1].offset + ranges[i - 1].length);
		}
	}
	free(ranges);
}

static void try_xattrs(const uint8_t *bytes, size_t length)
{
	if (!image_check_xattrs(bytes, length))
		return;
	for (size_t at = 0; at < length;) {
		size_t before = at;
		struct image_xattr xattr = image_next_xattr(bytes, &at);

		must(at > before && at <= length);
		must(xattr.name_length >= 1 && xattr.name_length <= IMAGE_NAME_LIMIT);
		must(!memchr(xattr.name, 0, xattr.name_length));
		must(xattr.length <= IMAGE_XATTR_LIMIT);
		must((const uint8_t *)xattr.name >= bytes + before &&
		     xattr.value + xattr.length <= bytes + at);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length < 9)
		return 0;
	uint64_t limit = bl_get64(bytes + 1);
	const uint8_t *rest = bytes + 9;
	size_t left = length - 9;

	switch (bytes[0] % 7) {
	case 0:
		try_volumes(rest, left, limit);
		break;
	case 1:
		try_entries(rest, left);
		break;
	case 2:
		try_attr(rest, left);
		break;
	case 3:
		try_map(rest, left, limit);
		break;
	case 4:
		if (image_check_link(rest, left))
			must(left > 0 && left <= IMAGE_LINK_LIMIT && !memchr(rest, 0, left));
		break;
	case 5:
		try_places(rest, left);
		break;
	case 6:
		try_xattrs(rest, left);
		break;
	}
	return 0;
}
