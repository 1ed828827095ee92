/* choose.c - volume after volume: walk it, ask where the files lie that are left out, then who shares these bytes */
#include "fs/image/choose.h"

#include "fs/image/backend.h"
#include "fs/image/choose-walk.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB	   (UINT64_C(1) << 20)
#define TELL_EVERY 256u
#define BLANK_LIMIT                                                                                \
	(UINT64_C(1) << 30) /* bytes of a volume that are looked through for one that is not zero */
#define LOGICAL 5u /* partitions of a DOS table from here on lie behind small tables of their own */

struct choosing {
	struct image *image;
	uint64_t image_bytes;
	const struct image_choice *choice;
	bool is_find; /* image_find: a file that matches under one name is destroyed under all */
	struct choose_walk walk;
	/* of all volumes */
	struct image_ranges files, free, whole;
	uint64_t left_out; /* files */
	uint64_t untold;   /* files that are to be left out, and nobody can say where they lie */
	uint64_t shared;   /* ranges of files that stay within what is left out */
	unsigned volumes_left_out, volumes_kept_whole;
};

static void choosing_done(struct choosing *choosing)
{
	choose_match_free(choosing->walk.match);
	image_ranges_done(&choosing->files);
	image_ranges_done(&choosing->free);
	image_ranges_done(&choosing->whole);
}

static enum bl_status fail_ranges(enum bl_status status, struct bl_error *why)
{
	if (status == BL_OK)
		return BL_OK;
	if (status == BL_TOO_LARGE)
		return bl_fail(why, status,
			       "what is to be left out lies in more than %u pieces (use fewer "
			       "patterns)",
			       IMAGE_RANGES_LIMIT);
	return bl_fail(why, status, "cannot choose files: out of memory");
}

static enum bl_status add_all(struct image_ranges *to, const struct image_ranges *what)
{
	enum bl_status status = BL_OK;

	for (size_t i = 0; status == BL_OK && i < what->count; i++)
		status = image_ranges_add(to, what->items[i].offset, what->items[i].length);
	return status;
}

static bool has_patterns(const struct choosing *choosing)
{
	return choosing->choice->without_count || choosing->choice->only_count;
}

static bool wants_free(const struct choosing *choosing)
{
	return choosing->choice->only_count || choosing->choice->no_free_space;
}

/* ---- ranges as the image tells them ---------------------------------------------------------- */

struct telling {
	const struct image_volume *volume;
	struct image_ranges *to;
	const struct image_ranges *within[2]; /* only what lies in one of these; NULL: all */
	enum bl_status status;
};

static enum bl_status add_common(struct telling *telling, const struct image_ranges *within,
				 const struct image_range *range)
{
	uint64_t end = range->offset + range->length;
	enum bl_status status = BL_OK;

	for (size_t i = image_ranges_find(within, range->offset);
	     status == BL_OK && i < within->count && within->items[i].offset < end; i++) {
		uint64_t from = BL_MAX(range->offset, within->items[i].offset);
		uint64_t until = BL_MIN(end, within->items[i].offset + within->items[i].length);

		status = image_ranges_add(telling->to, from, until - from);
	}
	return status;
}

/* What lies outside of the volume is of another one: nobody may be made to destroy it. */
static bool is_inside(const struct image_volume *volume, const struct image_range *range)
{
	return range->offset >= volume->offset && range->length <= volume->length &&
	       range->offset - volume->offset <= volume->length - range->length;
}

static bool hear(void *context, const struct image_range *range)
{
	struct telling *telling = context;

	if (!is_inside(telling->volume, range))
		telling->status = BL_IO;
	else if (!telling->within[0])
		telling->status = image_ranges_add(telling->to, range->offset, range->length);
	for (size_t i = 0; telling->status == BL_OK && i < 2 && telling->within[i]; i++)
		telling->status = add_common(telling, telling->within[i], range);
	return telling->status == BL_OK;
}

/* BL_UNSUPPORTED for all that says "nobody knows". */
static enum bl_status heard(const struct telling *telling, enum bl_status status,
			    struct bl_error *why)
{
	if (telling->status == BL_TOO_LARGE || telling->status == BL_NO_MEMORY)
		return fail_ranges(telling->status, why);
	if (telling->status != BL_OK)
		return BL_UNSUPPORTED;
	if (status == BL_OK || choose_is_fatal(status) || status == BL_TIMED_OUT)
		return status;
	return BL_UNSUPPORTED;
}

static enum bl_status places_of(const struct choosing *choosing, unsigned volume, uint64_t inode,
				struct telling *telling, struct bl_error *why)
{
	telling->status = BL_OK;
	return heard(telling, image_places(choosing->image, volume, inode, hear, telling, why),
		     why);
}

/* ---- the files of one volume ----------------------------------------------------------------- */

/* What is left out of one volume. */
struct taken {
	struct choosing *choosing;
	unsigned volume;
	const struct image_volume *about;
	struct choose_files files;
	struct image_ranges without; /* a file that stays keeps what it shares with these, */
	struct image_ranges free;    /* and with these, */
	struct image_ranges other;   /* but not with what `only` leaves out */
};

static void taken_done(struct taken *taken)
{
	choose_files_done(&taken->files);
	image_ranges_done(&taken->without);
	image_ranges_done(&taken->free);
	image_ranges_done(&taken->other);
}

static bool is_left_out(const struct taken *taken, const struct choose_file *file)
{
	if (taken->choosing->is_find)
		return file->verdicts & CHOOSE_WITHOUT;
	return !(file->verdicts & CHOOSE_KEPT);
}

static bool goes_on(const struct taken *taken, size_t at, struct bl_error *why,
		    enum bl_status *out_status)
{
	if (at % TELL_EVERY == 0)
		*out_status = choose_walk_goes_on(&taken->choosing->walk, taken->files.count, why);
	return *out_status == BL_OK;
}

static void count_left_out(struct taken *taken)
{
	const struct choose_file *files = taken->files.items;

	for (size_t i = 0; i < taken->files.count; i++) {
		bool is_first = i == 0 || files[i].identity != files[i - 1].identity;

		taken->choosing->walk.files += is_first;
		taken->choosing->left_out += is_first && is_left_out(taken, &files[i]);
	}
}

static enum bl_status take_places(struct taken *taken, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < taken->files.count && goes_on(taken, i, why, &status); i++) {
		const struct choose_file *file = &taken->files.items[i];
		bool is_other = file->verdicts & CHOOSE_OTHER;
		struct telling telling = {.volume = taken->about,
					  .to = is_other ? &taken->other : &taken->without};

		if (!is_left_out(taken, file))
			continue;
		status = places_of(taken->choosing, taken->volume, file->inode, &telling, why);
		if (status == BL_UNSUPPORTED) {
			taken->choosing->untold++;
			status = BL_OK;
		}
		if (status != BL_OK)
			return status;
	}
	image_ranges_join(&taken->without);
	image_ranges_join(&taken->other);
	return status;
}

static enum bl_status streams_apart(struct taken *taken, size_t owner, struct image_ranges *apart,
				    struct bl_error *why)
{
	const struct choose_file *files = taken->files.items;
	struct telling telling = {.volume = taken->about, .to = apart};
	enum bl_status status = BL_OK;

	for (size_t i = owner + 1; status == BL_OK && i < taken->files.count; i++) {
		if (files[i].owner != files[owner].identity)
			break;
		if (is_left_out(taken, &files[i]))
			status = places_of(taken->choosing, taken->volume, files[i].inode, &telling,
					   why);
	}
	image_ranges_join(apart);
	return status;
}

/* What a file says is its own is that of its streams as well: of those that go alone it keeps nothing. */
static enum bl_status keep_of(struct taken *taken, size_t index, struct image_ranges *shared,
			      struct bl_error *why)
{
	const struct choose_file *file = &taken->files.items[index];
	struct image_ranges apart = {0}, own = {0};
	struct telling telling = {.volume = taken->about, .to = &own};
	struct telling keeping = {
		.volume = taken->about, .to = shared, .within = {&taken->without, &taken->free}};
	enum bl_status status = file->owner ? BL_OK : streams_apart(taken, index, &apart, why);

	if (status == BL_OK && !apart.count)
		status = places_of(taken->choosing, taken->volume, file->inode, &keeping, why);
	else if (status == BL_OK)
		status = places_of(taken->choosing, taken->volume, file->inode, &telling, why);
	image_ranges_join(&own);
	if (status == BL_OK && own.count)
		status = fail_ranges(image_ranges_subtract(&own, &apart), why);
	for (size_t i = 0; status == BL_OK && i < own.count; i++)
		if (!hear(&keeping, &own.items[i]))
			status = heard(&keeping, BL_OK, why);
	image_ranges_done(&apart);
	image_ranges_done(&own);
	return status;
}

/* A file that stays and cannot tell where it lies is not asked twice: what matches goes all the same. */
static enum bl_status find_shared(struct taken *taken, struct image_ranges *shared,
				  struct bl_error *why)
{
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < taken->files.count && goes_on(taken, i, why, &status); i++) {
		if (!(taken->files.items[i].verdicts & CHOOSE_KEPT))
			continue;
		status = keep_of(taken, i, shared, why);
		if (status == BL_UNSUPPORTED || status == BL_TIMED_OUT)
			status = BL_OK;
		if (status != BL_OK)
			return status;
	}
	image_ranges_join(shared);
	return status;
}

static enum bl_status keep_shared(struct taken *taken, struct bl_error *why)
{
	struct image_ranges shared = {0};

	if (taken->without.count == 0 && taken->free.count == 0)
		return BL_OK;
	enum bl_status status = find_shared(taken, &shared, why);

	taken->choosing->shared += shared.count;
	if (status == BL_OK)
		status = fail_ranges(image_ranges_subtract(&taken->without, &shared), why);
	if (status == BL_OK)
		status = fail_ranges(image_ranges_subtract(&taken->free, &shared), why);
	image_ranges_done(&shared);
	return status;
}

/* ---- free space ------------------------------------------------------------------------------ */

static enum bl_status take_free(struct taken *taken, struct bl_error *why)
{
	const struct image_volume *about = taken->about;
	struct image_ranges used = {0};
	struct telling telling = {.volume = about, .to = &used};
	enum bl_status status =
		image_used(taken->choosing->image, taken->volume, hear, &telling, why);

	status = heard(&telling, status, why);
	if (status == BL_OK) {
		image_ranges_join(&used);
		status = fail_ranges(image_ranges_add(&taken->free, about->offset, about->length),
				     why);
	}
	if (status == BL_OK)
		status = fail_ranges(image_ranges_subtract(&taken->free, &used), why);
	image_ranges_done(&used);
	return status;
}

/* Without a table of partitions there is one volume, and it begins where the image does. */
static bool has_table(const struct image *image)
{
	return image_volume_count(image) > 1 || image_volume(image, 0)->offset > 0;
}

/* Logical partitions are a chain of tables, each in front of its partition, mostly within a MiB. */
static bool is_logical(const struct image_volume *volume)
{
	unsigned number = 0;

	return sscanf(volume->name, "p%u-", &number) == 1 && number >= LOGICAL;
}

static enum bl_status add_clipped(struct image_ranges *to, uint64_t from, uint64_t until,
				  uint64_t image_bytes)
{
	until = BL_MIN(until, image_bytes);
	return from < until ? image_ranges_add(to, from, until - from) : BL_OK;
}

static enum bl_status add_ends(const struct choosing *choosing, struct image_ranges *to)
{
	uint64_t bytes = choosing->image_bytes;
	enum bl_status status = add_clipped(to, 0, MIB, bytes);

	if (status == BL_OK)
		status = add_clipped(to, bytes > MIB ? bytes - MIB : 0, bytes, bytes);
	return status;
}

/* The first and the last MiB of a gap in front of a logical partition. @volumes: joined */
static enum bl_status add_chain(const struct choosing *choosing, const struct image_volume *volume,
				const struct image_ranges *volumes, struct image_ranges *to)
{
	uint64_t start = volume->offset, before = 0;
	size_t at = image_ranges_find(volumes, start);

	if (at < volumes->count && volumes->items[at].offset < start)
		return BL_OK; /* no gap */
	if (at > 0)
		before = volumes->items[at - 1].offset + volumes->items[at - 1].length;
	enum bl_status status =
		add_clipped(to, start - BL_MIN(start, MIB), start, choosing->image_bytes);

	if (status == BL_OK)
		status = add_clipped(to, before, before + MIB, choosing->image_bytes);
	return status;
}

static enum bl_status find_gaps(const struct choosing *choosing, struct image_ranges *gaps,
				struct image_ranges *volumes, struct image_ranges *tables)
{
	size_t count = image_volume_count(choosing->image);
	enum bl_status status = BL_OK;

	for (size_t i = 0; status == BL_OK && i < count; i++) {
		const struct image_volume *volume = image_volume(choosing->image, i);

		status = image_ranges_add(volumes, volume->offset, volume->length);
	}
	image_ranges_join(volumes);
	if (status == BL_OK)
		status = add_ends(choosing, tables);
	for (size_t i = 0; status == BL_OK && i < count; i++) {
		const struct image_volume *volume = image_volume(choosing->image, i);

		if (is_logical(volume))
			status = add_chain(choosing, volume, volumes, tables);
	}
	image_ranges_join(tables);
	if (status == BL_OK)
		status = add_clipped(gaps, 0, choosing->image_bytes, choosing->image_bytes);
	if (status == BL_OK)
		status = image_ranges_subtract(gaps, volumes);
	return status == BL_OK ? image_ranges_subtract(gaps, tables) : status;
}

static enum bl_status take_gaps(struct choosing *choosing, struct bl_error *why)
{
	struct image_ranges gaps = {0}, volumes = {0}, tables = {0};
	enum bl_status status = find_gaps(choosing, &gaps, &volumes, &tables);

	if (status == BL_OK)
		status = add_all(&choosing->free, &gaps);
	image_ranges_done(&gaps);
	image_ranges_done(&volumes);
	image_ranges_done(&tables);
	return fail_ranges(status, why);
}

/* ---- one volume ------------------------------------------------------------------------------ */

static enum bl_status look_for_bytes(struct image *image, unsigned number, uint8_t *bytes,
				     bool *out_is_blank)
{
	const struct image_volume *volume = image_volume(image, number);
	enum bl_status status = BL_OK;

	*out_is_blank = true;
	for (uint64_t at = 0; status == BL_OK && *out_is_blank && at < volume->length; at += MIB) {
		size_t length = (size_t)BL_MIN(MIB, volume->length - at);

		status = image->backend->bytes(image, number, volume->offset + at, bytes, length,
					       NULL);
		*out_is_blank = status == BL_OK && sodium_is_zero(bytes, length);
	}
	return status == BL_IO ? BL_OK : status;
}

/* Nothing but zeros is no file: so Windows leaves its reserved partition (MSR), on nearly every disk. In doubt it is not blank. */
static enum bl_status find_blank(struct image *image, unsigned number, bool *out_is_blank,
				 struct bl_error *why)
{
	BL_CLEANUP(bl_free) uint8_t *bytes = malloc(MIB);

	*out_is_blank = false;
	if (!image->backend->bytes || image_volume(image, number)->length > BLANK_LIMIT)
		return BL_OK;
	enum bl_status status =
		bytes ? look_for_bytes(image, number, bytes, out_is_blank) : BL_NO_MEMORY;

	if (bytes)
		sodium_memzero(bytes, MIB);
	return fail_ranges(status, why);
}

/* Nobody can say what is in it: kept where every name would be kept, else left out whole. */
static enum bl_status take_whole(struct choosing *choosing, unsigned number, struct bl_error *why)
{
	const struct image_volume *volume = image_volume(choosing->image, number);
	uint32_t root = 0;
	enum bl_status status = choose_match_root(choosing->walk.match, number, &root, why);

	if (status != BL_OK)
		return status;
	if (choose_match_is_settled(choosing->walk.match, root)) {
		choosing->volumes_kept_whole += wants_free(choosing);
		return BL_OK;
	}
	bool is_blank = false;
	if (choosing->is_find)
		status = find_blank(choosing->image, number, &is_blank, why);
	if (status != BL_OK || is_blank)
		return status;
	if (choosing->is_find)
		return bl_fail(
			why, BL_UNSUPPORTED,
			"volume '%s' cannot be read, or not all of it, so nobody can say that "
			"no file in it matches (begin each pattern with the name of a volume "
			"that can be read)",
			volume->name);
	choosing->volumes_left_out++;
	return fail_ranges(image_ranges_add(&choosing->whole, volume->offset, volume->length), why);
}

static enum bl_status take_files(struct taken *taken, struct bl_error *why)
{
	struct choosing *choosing = taken->choosing;
	bool is_whole = false;
	enum bl_status status =
		choose_walk_volume(&choosing->walk, taken->volume, &taken->files, &is_whole, why);

	if (status != BL_OK)
		return status;
	if (!is_whole) {
		choosing->walk.files += taken->files.count;
		return take_whole(choosing, taken->volume, why);
	}
	status = take_places(taken, why);
	if (status == BL_OK)
		status = keep_shared(taken, why);
	if (status != BL_OK)
		return status;
	count_left_out(taken);
	status = add_all(&choosing->files, &taken->without);
	if (status == BL_OK)
		status = add_all(&choosing->files, &taken->other);
	if (status == BL_OK)
		status = add_all(&choosing->free, &taken->free);
	return fail_ranges(status, why);
}

static enum bl_status take_volume(struct taken *taken, struct bl_error *why)
{
	struct choosing *choosing = taken->choosing;
	enum bl_status status = BL_OK;

	if (!taken->about->is_readable)
		return take_whole(choosing, taken->volume, why);
	if (wants_free(choosing))
		status = take_free(taken, why);
	if (status == BL_UNSUPPORTED && choosing->choice->only_count)
		return take_whole(choosing, taken->volume, why);
	if (status == BL_UNSUPPORTED) {
		choosing->volumes_kept_whole++;
		status = BL_OK;
	}
	if (status == BL_OK && (has_patterns(choosing) || taken->free.count))
		status = take_files(taken, why);
	return status;
}

static enum bl_status take_volumes(struct choosing *choosing, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	for (size_t i = 0; status == BL_OK && i < image_volume_count(choosing->image); i++) {
		struct taken taken = {.choosing = choosing,
				      .volume = (unsigned)i,
				      .about = image_volume(choosing->image, i)};

		status = take_volume(&taken, why);
		taken_done(&taken);
	}
	return status;
}

static enum bl_status begin(struct choosing *choosing, struct bl_error *why)
{
	choosing->walk.image = choosing->image;
	if (image_volume(choosing->image, 0)->length == 0)
		return bl_fail(why, BL_UNSUPPORTED,
			       "a mounted directory has no bytes to choose from (give an image)");
	return choose_match_new(choosing->image, choosing->choice, &choosing->walk.match, why);
}

/* ---- leaving out ----------------------------------------------------------------------------- */

/* All but the partition tables, which lie in no volume unless the tables lie about it. */
static enum bl_status add_wholes(struct choosing *choosing, struct bl_error *why)
{
	struct image_ranges ends = {0};
	enum bl_status status = BL_OK;

	image_ranges_join(&choosing->whole);
	if (has_table(choosing->image)) {
		status = add_ends(choosing, &ends);
		image_ranges_join(&ends);
		if (status == BL_OK)
			status = image_ranges_subtract(&choosing->whole, &ends);
	}
	if (status == BL_OK)
		status = add_all(&choosing->files, &choosing->whole);
	image_ranges_done(&ends);
	return fail_ranges(status, why);
}

static enum bl_status fail_untold(const struct choosing *choosing, struct bl_error *why)
{
	return bl_fail(why, BL_UNSUPPORTED,
		       "files that are to be %s, but lie where it cannot be told: %llu (%s)",
		       choosing->is_find ? "destroyed" : "left out",
		       (unsigned long long)choosing->untold,
		       choosing->is_find ? "destroy the whole device"
					 : "take the device in whole, or name other files");
}

static enum bl_status finish(struct choosing *choosing, struct image_choice_report *report,
			     struct bl_error *why)
{
	if (choosing->untold)
		return fail_untold(choosing, why);
	enum bl_status status = add_wholes(choosing, why);

	if (status == BL_OK && wants_free(choosing))
		status = take_gaps(choosing, why);
	if (status != BL_OK)
		return status;
	image_ranges_join(&choosing->files);
	uint64_t files_bytes = image_ranges_bytes(&choosing->files);

	status = fail_ranges(add_all(&choosing->files, &choosing->free), why);
	if (status != BL_OK)
		return status;
	image_ranges_join(&choosing->files);
	uint64_t bytes = image_ranges_bytes(&choosing->files);

	*report = (struct image_choice_report){
		.files = choosing->walk.files,
		.files_left_out = choosing->left_out,
		.bytes_left_out = bytes,
		.free_bytes = bytes - files_bytes,
		.volumes_left_out = choosing->volumes_left_out,
		.volumes_kept_whole = choosing->volumes_kept_whole,
	};
	return BL_OK;
}

enum bl_status image_choose(struct image *image, uint64_t image_bytes,
			    const struct image_choice *choice, image_choose_progress_fn *progress,
			    void *context, struct image_ranges *out_left_out,
			    struct image_choice_report *out_report, struct bl_error *why)
{
	struct choosing choosing = {
		.image = image,
		.image_bytes = image_bytes,
		.choice = choice,
		.walk = {.progress = progress, .context = context},
	};
	enum bl_status status = begin(&choosing, why);

	if (status == BL_OK && (has_patterns(&choosing) || wants_free(&choosing)))
		status = take_volumes(&choosing, why);
	if (status == BL_OK)
		status = finish(&choosing, out_report, why);
	if (status == BL_OK) {
		*out_left_out = choosing.files;
		choosing.files = (struct image_ranges){0};
	}
	choosing_done(&choosing);
	return status;
}

/* ---- finding --------------------------------------------------------------------------------- */

static enum bl_status judge_found(const struct choosing *choosing, struct bl_error *why)
{
	if (choosing->untold)
		return fail_untold(choosing, why);
	if (choosing->shared)
		return bl_fail(
			why, BL_UNSUPPORTED,
			"files that match share bytes with files, or are known by names, that "
			"do not match, in %llu places (use patterns that match these too, or "
			"destroy the whole device)",
			(unsigned long long)choosing->shared);
	if (choosing->left_out == 0)
		return bl_fail(why, BL_NOT_FOUND, "no file matches");
	return BL_OK;
}

enum bl_status image_find(struct image *image, const char *const *patterns, size_t count,
			  struct image_ranges *out_places, uint64_t *out_files,
			  struct bl_error *why)
{
	const struct image_choice choice = {.without = patterns, .without_count = count};
	struct choosing choosing = {.image = image, .choice = &choice, .is_find = true};
	enum bl_status status = begin(&choosing, why);

	if (status == BL_OK && count > 0)
		status = take_volumes(&choosing, why);
	if (status == BL_OK)
		status = judge_found(&choosing, why);
	if (status == BL_OK) {
		image_ranges_join(&choosing.files);
		*out_places = choosing.files;
		*out_files = choosing.left_out;
		choosing.files = (struct image_ranges){0};
	}
	choosing_done(&choosing);
	return status;
}
