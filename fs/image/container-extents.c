/*
 * container-extents.c - the files a VMDK's descriptor names
 *
 * Lines as in VMware's "Virtual Disk Format": `RW 4192256 SPARSE "disk-s001.vmdk"`. Only files beside the descriptor that are named
 * like extents: whoever wrote the descriptor must not be able to name just any file of the one who hands it over.
 */
#include "fs/image/container-parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECTOR	 512u
#define MAX_TEXT 65536u
#define SUFFIX	 ".vmdk"

static const char MAGIC[] = "# Disk DescriptorFile";

struct extent {
	char access[16], sectors[24], type[24], name[256];
};

static bool parse_extent(const char *line, struct extent *out)
{
	memset(out, 0, sizeof(*out));
	int fields = sscanf(line, "%15s %23s %23s \"%255[^\"]\"", out->access, out->sectors,
			    out->type, out->name);

	return fields >= 3 && (!strcmp(out->access, "RW") || !strcmp(out->access, "RDONLY") ||
			       !strcmp(out->access, "NOACCESS"));
}

static bool is_beside(const char *name)
{
	size_t length = strlen(name), suffix = strlen(SUFFIX);

	return name[0] != '.' && !strpbrk(name, "/\\") && length > suffix &&
	       strcasecmp(name + length - suffix, SUFFIX) == 0;
}

/* "disk.vmdk" has "disk-flat.vmdk": a raw image may begin like a descriptor, and must not name the image beside it. */
static bool is_own(const char *name, const char *descriptor)
{
	const char *dot = strrchr(descriptor, '.');
	size_t stem = dot ? (size_t)(dot - descriptor) : strlen(descriptor);

	return stem > 0 && strncmp(name, descriptor, stem) == 0 && name[stem] == '-';
}

static bool is_read(const char *type)
{
	return !strcmp(type, "FLAT") || !strcmp(type, "SPARSE") || !strcmp(type, "VMFS");
}

static enum bl_status add_extent(const struct container_place *place, const struct extent *extent,
				 struct container *container, struct bl_error *why)
{
	if (!is_read(extent->type))
		return bl_fail(why, BL_UNSUPPORTED,
			       "'%s' has an extent of a kind that is not read (make it raw first: "
			       "'qemu-img convert -O raw')",
			       place->path);
	if (!is_beside(extent->name))
		return bl_fail(why, BL_INVALID,
			       "'%s' names a file that is no '.vmdk' in its own folder (put all "
			       "extents beside it)",
			       place->path);
	if (place->like && !is_own(extent->name, container->names[0]))
		return bl_fail(why, BL_INVALID,
			       "'%s' names a file that does not begin with its own name (as "
			       "'disk-flat.vmdk' of 'disk.vmdk' does; or: bailee intake)",
			       place->path);
	enum bl_status status = container_add(place, extent->name, container, why);
	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_INVALID,
			       "an extent of '%s' is missing (put all extents beside it)",
			       place->path);
	return status;
}

/* Any value but ffffffff: another disk is below this one. */
static bool names_a_parent(const char *line)
{
	static const char KEY[] = "parentCID";

	if (strncasecmp(line, KEY, sizeof(KEY) - 1) != 0)
		return false;
	const char *value = line + sizeof(KEY) - 1;
	value += strspn(value, " \t=");
	return strncasecmp(value, "ffffffff", 8) != 0;
}

/* @is_embedded: the one extent is the file itself, whatever it is called by now. */
static enum bl_status take_line(const struct container_place *place, char *line, bool is_embedded,
				struct container *container, struct bl_error *why)
{
	struct extent extent;

	line += strspn(line, " \t");
	if (names_a_parent(line))
		return bl_fail(why, BL_UNSUPPORTED,
			       "'%s' builds on another image, its parent (join them where both "
			       "are: 'qemu-img convert -O raw')",
			       place->path);
	if (is_embedded || !parse_extent(line, &extent))
		return BL_OK;
	return add_extent(place, &extent, container, why);
}

static enum bl_status take_text(const struct container_place *place, char *text, bool is_embedded,
				struct container *container, struct bl_error *why)
{
	enum bl_status status = BL_OK;
	char *rest = NULL;

	for (char *line = strtok_r(text, "\r\n", &rest); line && status == BL_OK;
	     line = strtok_r(NULL, "\r\n", &rest))
		status = take_line(place, line, is_embedded, container, why);
	if (status == BL_OK && !is_embedded && container->count == 1)
		return bl_fail(why, BL_INVALID, "'%s' names no extents (get the file anew)",
			       place->path);
	return status;
}

/* A sparse file says where its descriptor is, in sectors. */
static enum bl_status find_text(const struct container_place *place,
				const struct container_head *head, uint64_t *out_at,
				uint64_t *out_length, struct bl_error *why)
{
	uint64_t at = bl_get64(head->first + 28), length = bl_get64(head->first + 36);

	if (memcmp(head->first, "KDMV", 4) != 0) {
		at = 0;
		length = BL_MAX((head->bytes + SECTOR - 1) / SECTOR, UINT64_C(1));
	}
	if (length > MAX_TEXT / SECTOR || at > head->bytes / SECTOR)
		return bl_fail(why, BL_INVALID, "the descriptor of '%s' is no descriptor",
			       place->path);
	*out_at = at * SECTOR;
	*out_length = length * SECTOR;
	return BL_OK;
}

enum bl_status container_add_extents(const struct container_place *place,
				     const struct container_head *head, struct container *container,
				     struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *text = calloc(1, MAX_TEXT + 1);
	uint64_t at = 0, length = 0;

	if (!text)
		return bl_fail(why, BL_NO_MEMORY, "no memory for a descriptor");
	enum bl_status status = find_text(place, head, &at, &length, why);
	if (status != BL_OK)
		return status;
	if (!container_peek(container->fds[0], at, (uint8_t *)text, (size_t)length))
		return bl_fail_errno(why, BL_IO, "cannot read '%s'", place->path);
	if (strncmp(text, MAGIC, sizeof(MAGIC) - 1) != 0)
		return bl_fail(
			why, BL_INVALID,
			"'%s' describes no disk, it may be an extent of one (give the file that "
			"describes it)",
			place->path);
	return take_text(place, text, at != 0, container, why);
}
