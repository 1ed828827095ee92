/* What lies in the log's folder, by name; and log.id. */
#include "fs/audit/tombstone.h"
#include "fs/audit/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum name_kind { NAME_OTHER, NAME_SEGMENT, NAME_TOMBSTONE, NAME_FOREIGN };

static enum name_kind kind_of(const char *name, uint64_t *out_first)
{
	if (strncmp(name, "seg.", 4) == 0)
		return format_segment_name_parse(name, out_first) ? NAME_SEGMENT : NAME_FOREIGN;
	if (strncmp(name, "tomb.", 5) != 0 || strcmp(name, "tomb.new") == 0)
		return NAME_OTHER;
	return tombstone_name_parse(name, out_first) ? NAME_TOMBSTONE : NAME_FOREIGN;
}

typedef enum bl_status name_fn(void *context, enum name_kind kind, uint64_t first,
			       struct bl_error *why);

static enum bl_status each_name(int log_fd, name_fn *tell, void *context, struct bl_error *why)
{
	int fd = openat(log_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	enum bl_status status = BL_OK;

	if (!folder) {
		fd_close(fd);
		return bl_fail_errno(why, BL_IO, "cannot list the log's folder");
	}
	for (const struct dirent *entry; status == BL_OK;) {
		uint64_t first = 0;
		enum name_kind kind;

		errno = 0;
		entry = readdir(folder);
		if (!entry && errno != 0)
			status = bl_fail_errno(why, BL_IO, "cannot list the log's folder");
		if (!entry)
			break;
		kind = kind_of(entry->d_name, &first);
		if (kind == NAME_FOREIGN)
			status = bl_fail(why, BL_TAMPERED,
					 "the log's folder holds a file that is not its own");
		else if (kind != NAME_OTHER)
			status = tell(context, kind, first, why);
	}
	closedir(folder);
	return status;
}

/* ---- counted --------------------------------------------------------------------------------- */

struct teller {
	bool (*tell)(void *context, uint64_t first_sequence);
	void *context;
};

static enum bl_status tell_segment(void *context, enum name_kind kind, uint64_t first,
				   struct bl_error *why)
{
	const struct teller *teller = context;

	if (kind == NAME_SEGMENT && !teller->tell(teller->context, first))
		return bl_fail(why, BL_NO_MEMORY, "cannot read the log: out of memory");
	return BL_OK;
}

enum bl_status segments_each(int log_fd, bool (*tell)(void *context, uint64_t first_sequence),
			     void *context, struct bl_error *why)
{
	struct teller teller = {.tell = tell, .context = context};

	return each_name(log_fd, tell_segment, &teller, why);
}

static enum bl_status count_name(void *context, enum name_kind kind, uint64_t first,
				 struct bl_error *why BL_UNUSED)
{
	struct segments *found = context;

	if (kind == NAME_TOMBSTONE) {
		found->tombstones++;
		return BL_OK;
	}
	found->first = found->count ? BL_MIN(found->first, first) : first;
	found->last = found->count ? BL_MAX(found->last, first) : first;
	found->count++;
	return BL_OK;
}

enum bl_status segments_list(int log_fd, struct segments *out, struct bl_error *why)
{
	struct segments found = {0};
	enum bl_status status = each_name(log_fd, count_name, &found, why);

	if (status == BL_OK)
		*out = found;
	return status;
}

/* ---- all of them ----------------------------------------------------------------------------- */

void places_done(struct places *places)
{
	free(places->items);
	*places = (struct places){0};
}

static enum bl_status add_place(void *context, enum name_kind kind, uint64_t first,
				struct bl_error *why)
{
	struct places *places = context;

	if (places->count == PLACES_LIMIT)
		return bl_fail(why, BL_TOO_LARGE, "the log has more than %u segments",
			       PLACES_LIMIT);
	if (places->count == places->room) {
		size_t room = places->room ? 2 * places->room : 64;
		struct place *grown = reallocarray(places->items, room, sizeof(*grown));

		if (!grown)
			return bl_fail(why, BL_NO_MEMORY, "cannot read the log: out of memory");
		places->items = grown;
		places->room = room;
	}
	places->items[places->count++] = (struct place){.first_sequence = first,
							.has_segment = kind == NAME_SEGMENT,
							.has_tombstone = kind == NAME_TOMBSTONE};
	return BL_OK;
}

static int compare(const void *a, const void *b)
{
	uint64_t left = ((const struct place *)a)->first_sequence;
	uint64_t right = ((const struct place *)b)->first_sequence;

	return (left > right) - (left < right);
}

/* A segment and its tombstone are at one place. */
static void merge(struct places *places)
{
	size_t kept = 0;

	for (size_t i = 0; i < places->count; i++) {
		const struct place *next = &places->items[i];
		struct place *last = kept ? &places->items[kept - 1] : NULL;

		if (last && last->first_sequence == next->first_sequence) {
			last->has_segment |= next->has_segment;
			last->has_tombstone |= next->has_tombstone;
		} else {
			places->items[kept++] = *next;
		}
	}
	places->count = kept;
}

enum bl_status places_read(int log_fd, struct places *out, struct bl_error *why)
{
	BL_CLEANUP(places_done) struct places places = {0};
	enum bl_status status = each_name(log_fd, add_place, &places, why);

	if (status != BL_OK)
		return status;
	if (places.count)
		qsort(places.items, places.count, sizeof(places.items[0]), compare);
	merge(&places);
	*out = places;
	places = (struct places){0};
	return BL_OK;
}

/* ---- log.id ---------------------------------------------------------------------------------- */

enum bl_status identity_read(int log_fd, struct log_identity *out_identity, struct bl_error *why)
{
	uint8_t bytes[LOG_ID_FILE_SIZE + 1];
	bool is_newer, is_damaged;
	BL_CLEANUP(fd_close)
	int fd = openat(log_fd, "log.id", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if ((fd < 0 && errno == ELOOP) || (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)))
		return bl_fail(why, BL_INVALID, "'log.id' is not a regular file");
	if (fd < 0)
		return bl_fail_errno(why, errno == ENOENT ? BL_NOT_FOUND : BL_IO,
				     "cannot open 'log.id'");

	ssize_t got = pread(fd, bytes, sizeof(bytes), 0);

	if (got < 0)
		return bl_fail_errno(why, BL_IO, "cannot read 'log.id'");
	if (got != LOG_ID_FILE_SIZE)
		return bl_fail(why, BL_INVALID, "'log.id' is not one of a BLOG1 log");

	const char *problem = format_identity_parse(bytes, out_identity, &is_newer, &is_damaged);

	if (!problem)
		return BL_OK;
	return bl_fail(why,
		       is_newer	    ? BL_UNSUPPORTED
		       : is_damaged ? BL_TAMPERED
				    : BL_INVALID,
		       "'log.id' %s", problem);
}
