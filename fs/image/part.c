#include "fs/image/part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those that a reader tells (fs/image/reader/probe.c); what can never be one is a slip of the pen. */
static const char *const TYPES[] = {"ext2",  "ext3",  "ext4",	 "ntfs",    "fat12", "fat16",
				    "fat32", "exfat", "hfsplus", "iso9660", "apfs",  "vfat"};

static bool take_number(const char *value, uint64_t most, uint64_t *out, const char **out_rest)
{
	uint64_t number = 0;
	const char *at = value;

	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(number, 10u, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number) || number > most)
			return false;
	*out = number;
	*out_rest = at;
	return at != value;
}

/* "KB" is 1,000 to some tools and 1,024 to others: it is not taken. */
static bool take_suffix(const char *suffix, uint64_t *number)
{
	static const char *const UNITS[] = {"", "K", "M", "G", "T"};

	for (unsigned i = 0; i < BL_COUNT(UNITS); i++) {
		size_t length = strlen(UNITS[i]);

		if (strncmp(suffix, UNITS[i], length) != 0 ||
		    (suffix[length] && (!length || strcmp(suffix + length, "iB") != 0)))
			continue;
		return !__builtin_mul_overflow(*number, UINT64_C(1) << (10 * i), number) &&
		       *number <= INT64_MAX;
	}
	return false;
}

static bool is_type(const char *text)
{
	for (size_t i = 0; i < BL_COUNT(TYPES); i++)
		if (strcmp(text, TYPES[i]) == 0)
			return true;
	return false;
}

enum bl_status image_part_take(struct image_part *part, const char *name, const char *value,
			       struct bl_error *why)
{
	uint64_t number = 0;
	const char *rest = "";

	if (strcmp(name, "offset") == 0 || strcmp(name, "start") == 0) {
		if (!take_number(value, INT64_MAX, &number, &rest) || !take_suffix(rest, &number))
			return bl_fail(why, BL_INVALID,
				       "%s= is not a number of bytes (digits, and K, M, G or T "
				       "for 1,024s)",
				       name);
		part->offset = number;
		return BL_OK;
	}
	if (strcmp(name, "partition") == 0) {
		if (!take_number(value, UINT32_MAX, &number, &rest) || *rest || number == 0)
			return bl_fail(why, BL_INVALID,
				       "partition= is not a number from 1 (that of p2-ext4 is 2)");
		part->partition = (uint32_t)number;
		return BL_OK;
	}
	if (strcmp(name, "fs") != 0)
		return BL_NOT_FOUND;
	if (!is_type(value))
		return bl_fail(why, BL_INVALID,
			       "fs= is not one of ext2 ext3 ext4 ntfs fat12 fat16 fat32 vfat exfat "
			       "hfsplus iso9660 apfs");
	snprintf(part->fs, sizeof(part->fs), "%s", value);
	return BL_OK;
}

enum bl_status image_part_ok(const struct image_part *part, uint64_t size_bytes,
			     struct bl_error *why)
{
	if (part->offset >= size_bytes)
		return bl_fail(why, BL_INVALID,
			       "offset= is behind the end of the image (it has %llu bytes)",
			       (unsigned long long)size_bytes);
	if (!memchr(part->fs, '\0', sizeof(part->fs)) || (part->fs[0] && !is_type(part->fs)))
		return bl_fail(why, BL_INVALID, "fs= is not a type that is known");
	return BL_OK;
}

/* "p3-ntfs" is partition 3. */
static uint32_t number_of(const struct image_volume *volume)
{
	return volume->name[0] == 'p' ? (uint32_t)strtoul(volume->name + 1, NULL, 10) : 0;
}

static bool is_of_type(const struct image_volume *volume, const char *fs)
{
	return !*fs || strcmp(volume->type, fs) == 0 ||
	       (strcmp(fs, "vfat") == 0 && strncmp(volume->type, "fat", 3) == 0);
}

static const char *type_of(const struct image_volume *volume)
{
	return volume->type[0] ? volume->type : "nothing that can be read";
}

/* "p1-fat32 p2-ext4": names of ours, a number and a type. */
static void list_volumes(const struct image_volume *volumes, size_t count, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < count && used < size; i++) {
		int written =
			snprintf(out + used, size - used, "%s%s", i ? " " : "", volumes[i].name);

		used += written > 0 ? (size_t)written : 0;
	}
}

static enum bl_status none_left(const struct image_volume *volumes, size_t count,
				const struct image_part *part, struct bl_error *why)
{
	const struct image_volume *about = count == 1 && !part->partition ? &volumes[0] : NULL;
	char names[120];

	for (size_t i = 0; i < count; i++)
		if (part->partition && number_of(&volumes[i]) == part->partition)
			about = &volumes[i];
	if (about)
		return bl_fail(why, BL_NOT_FOUND, "partition %u is %s, not %s", number_of(about),
			       type_of(about), part->fs);
	list_volumes(volumes, count, names, sizeof(names));
	if (part->partition)
		return bl_fail(why, BL_NOT_FOUND, "the image has no partition %u (it has %s)",
			       part->partition, names);
	return bl_fail(why, BL_NOT_FOUND, "no partition of the image is %s (it has %s)", part->fs,
		       names);
}

enum bl_status image_part_choose(struct image_volume *volumes, size_t count,
				 const struct image_part *part, struct bl_error *why)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		bool is_asked = (!part->partition || number_of(&volumes[i]) == part->partition) &&
				is_of_type(&volumes[i], part->fs);

		volumes[i].is_left_out = !is_asked;
		left += is_asked;
	}
	return left ? BL_OK : none_left(volumes, count, part, why);
}
