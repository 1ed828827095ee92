/*
 * One pass: what lies there already is checked, the rest is sealed, and the end is finish.c's. Whatever stops it, the next try finds on the
 * disk how far it got, and never has to believe more than what it can decrypt.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/intake/private.h"
#include "fs/vault/medium.h"

#define CHECKPOINT (UINT64_C(256) << 20)
#define HALF_MADE  SEALED_FOLDER ".new"

struct run {
	const struct intake *intake;
	const struct intake_source *asked;
	const struct image_choice *choice; /* NULL: nothing is left out */
	struct device device;
	int folder_fd;
	struct progress progress;
	struct source source;
	struct gaps unreadable;
	struct image_ranges left_out;
	struct job job;
	bool is_again; /* something of it was there */
	struct sealed_writer *writer;
	uint64_t checkpointed; /* by this run, or before it */
	size_t saved_gaps;     /* in `image/intake` */
	uint64_t saved_gap_bytes;
	struct digest *hash;
};

static void run_done(struct run *run)
{
	if (run->writer)
		sealed_writer_close(run->writer);
	digest_free(run->hash);
	image_ranges_done(&run->left_out);
	gaps_done(&run->unreadable);
	job_done(&run->job);
	fd_close(run->folder_fd);
}
#define RUN_CLEANUP __attribute__((cleanup(run_done)))

static void key_free(uint8_t **key)
{
	sodium_free(*key);
}

static struct vault *vault_of(const struct run *run)
{
	return device_store_vault(run->intake->store);
}

/* ---- may it be ------------------------------------------------------------------------------------------- */

static enum bl_status check_device(const struct device *device, struct bl_error *why)
{
	if (device->source_kind != SOURCE_SEALED)
		return bl_fail(
			why, BL_INVALID,
			"device '%s' was enrolled with an image that lies elsewhere (take it in "
			"under another id)",
			device->id);
	if (device->state == STATE_DUE || device_is_gone(device))
		return bl_fail(why, BL_INVALID, "device '%s' is %s: nothing is taken in for it",
			       device->id, bl_device_state_name(device->state));
	return BL_OK;
}

/* Keys that cannot be destroyed where they lie would make every later certificate a lie. */
enum bl_status intake_check_store(const struct device_store *store, struct bl_error *why)
{
	struct medium medium;
	enum bl_status status = medium_look(device_store_keys_fd(store), &medium, why);

	if (status == BL_OK && !medium.is_good)
		status = bl_fail(why, BL_UNSUPPORTED, "the store's key file %s", medium.trouble);
	return status;
}

static enum bl_status check_log(const struct run *run, struct bl_error *why)
{
	if (!audit_is_writable(run->intake->audit))
		return bl_fail(why, BL_LOG_BROKEN,
			       "the log takes no events, and an intake ends with one");
	return BL_OK;
}

/* ---- what to leave out -------------------------------------------------------------------------------------- */

static bool is_choice_empty(const struct image_choice *choice)
{
	return !choice || (!choice->without_count && !choice->only_count && !choice->no_free_space);
}

static enum bl_status check_choice(const struct run *run, struct bl_error *why)
{
	const char *container = run->asked->container;

	if (run->choice && run->asked->form != INTAKE_FILE)
		return bl_fail(
			why, BL_UNSUPPORTED,
			"what is to be left out can only be found in a file or a block device "
			"(store what comes out of the pipe or the container as a raw image, "
			"and take that in)");
	if (run->choice && container && strcmp(container, "raw") != 0)
		return bl_fail(
			why, BL_UNSUPPORTED,
			"what is to be left out can only be found in a raw image (convert it, "
			"and take that in)");
	return BL_OK;
}

static bool tell_files(void *context, uint64_t files)
{
	struct progress *progress = context;

	progress->now.done = files;
	return progress_tick(progress);
}

static enum bl_status choose(struct run *run, struct image_choice_report *out_report,
			     struct bl_error *why)
{
	const struct image_options options = {.reader_path = run->intake->reader_path};
	BL_CLEANUP(image_close) struct image *image = NULL;

	if (!run->choice)
		return BL_OK;
	progress_stage(&run->progress, INTAKE_CHOOSING, 0);

	enum bl_status status = image_open(run->source.fd, IMAGE_RAW, &options, &image, why);

	if (status == BL_OK)
		status = image_choose(image, run->source.bytes, run->choice, tell_files,
				      &run->progress, &run->left_out, out_report, why);
	if (status == BL_STALE)
		return progress_stopped(why);
	return status;
}

/* ---- what is there, and what is asked for ---------------------------------------------------------------------- */

enum begun { BEGUN_NOT, BEGUN_HALF, BEGUN_SEALED };

/* Away at once, under the name of what is half made: a crash on the way must not leave half of an image. */
static enum bl_status remove_image(const struct run *run, struct bl_error *why)
{
	int fd = run->folder_fd;

	if (renameat(fd, SEALED_FOLDER, fd, HALF_MADE) != 0 && errno != ENOENT &&
	    errno != ENOTEMPTY && errno != EEXIST)
		return bl_fail_errno(why, BL_IO, "cannot move the unfinished image of '%s' away",
				     run->device.id);
	return sealed_remove(fd, why);
}

/* A crash before `image/intake` was written left nothing but an empty image. */
static enum bl_status sweep_empty(const struct run *run, const struct sealed_facts *facts,
				  struct bl_error *why)
{
	if (facts->is_complete || facts->done_bytes)
		return bl_fail(why, BL_TAMPERED,
			       "what the intake of '%s' was asked to do is not there any more",
			       run->device.id);
	return remove_image(run, why);
}

/*
 * Nothing of it may come back: a fresh root makes what was sealed unreadable, and begins the nonces of the next try under a key of
 * its own. Whoever finds it half done does it again.
 */
static enum bl_status sweep_abandoned(struct run *run, struct bl_error *why)
{
	__attribute__((cleanup(key_free))) uint8_t *root = vault_guarded(1, VAULT_KEY);
	enum vault_proof proof;

	if (!root)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	randombytes_buf(root, VAULT_KEY);
	job_done(&run->job);
	gaps_done(&run->unreadable);

	enum bl_status status =
		vault_image_root_set(vault_of(run), run->device.id, root, &proof, why);

	return status == BL_OK ? remove_image(run, why) : status;
}

static enum bl_status look(struct run *run, enum begun *out_begun, struct bl_error *why)
{
	const char *id = run->device.id;
	struct sealed_facts facts;
	struct stat st;
	enum bl_status status = sealed_look(run->folder_fd, id, &facts, why);

	*out_begun = BEGUN_NOT;
	if (status == BL_NOT_FOUND &&
	    fstatat(run->folder_fd, SEALED_FOLDER, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return sealed_remove(run->folder_fd, why); /* of HALF_MADE */
	if (status != BL_OK)
		return status;
	status = job_load(vault_of(run), run->folder_fd, id, &run->job, &run->unreadable, why);
	if (status == BL_NOT_FOUND)
		return sweep_empty(run, &facts, why);
	if (status == BL_OK && run->job.is_abandoned)
		return sweep_abandoned(run, why);
	run->is_again = true;
	*out_begun = facts.is_complete ? BEGUN_SEALED : BEGUN_HALF;
	return status;
}

/* @until: places in front of it are known for good. */
static enum bl_status save_job(struct run *run, uint64_t until, bool is_new, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct sealed_gap *gaps = NULL;
	size_t count;
	uint64_t bytes = 0;
	enum bl_status status = gaps_copy(&run->unreadable, until, &gaps, &count, why);

	if (status != BL_OK)
		return status;
	for (size_t i = 0; i < count; i++)
		bytes += gaps[i].length;
	/* Most checkpoints have nothing new to say. */
	if (!is_new && count == run->saved_gaps && bytes == run->saved_gap_bytes)
		return BL_OK;
	status = job_save(vault_of(run), run->folder_fd, run->device.id, &run->job, gaps, count,
			  why);
	if (status == BL_OK) {
		run->saved_gaps = count;
		run->saved_gap_bytes = bytes;
	}
	return status;
}

/* ---- sealing -------------------------------------------------------------------------------------------------------- */

/* The places first: what is durable must be known to be there, or not to be there. */
static enum bl_status checkpoint(struct run *run, struct bl_error *why)
{
	uint64_t at = sealed_at(run->writer);

	progress_step(run->intake, "checkpoint");

	enum bl_status status = save_job(run, at, false, why);

	if (status == BL_OK)
		status = sealed_checkpoint(run->writer, why);
	if (status == BL_OK)
		run->checkpointed = at;
	return status;
}

static bool is_zeros(const uint8_t *bytes, size_t length)
{
	return !bytes[0] && memcmp(bytes, bytes + 1, length - 1) == 0;
}

/* On the ring's last thread: the only one that touches the writer while the ring turns. */
static enum bl_status seal_piece(void *context, uint8_t *bytes, uint64_t length,
				 struct bl_error *why)
{
	struct run *run = context;
	bool is_nothing = !bytes || (length == SEALED_GROUP && is_zeros(bytes, length));
	enum bl_status status = is_nothing ? sealed_skip(run->writer, length / SEALED_GROUP, why)
					   : sealed_put(run->writer, bytes, (size_t)length, why);

	if (status == BL_OK && sealed_at(run->writer) - run->checkpointed >= CHECKPOINT)
		status = checkpoint(run, why);
	return status;
}

static enum bl_status pass_source(struct run *run, struct ring *ring, struct bl_error *why)
{
	enum bl_status status = BL_OK;
	uint8_t *bytes;

	while ((bytes = ring_room(ring))) {
		struct piece piece = {.length = 0};

		status = source_next(&run->source, UINT64_MAX, bytes, &piece, why);
		if (status != BL_OK || !piece.length)
			break;
		ring_put(ring, &piece);
	}
	return status;
}

/* @status and @why say what happened to the source; should the sweeping fail, the next try does it. */
static enum bl_status abandon(struct run *run, enum bl_status status, struct bl_error *why)
{
	struct bl_error trouble = {.text = ""};

	run->job.is_abandoned = true;

	enum bl_status saved = save_job(run, sealed_at(run->writer), true, &trouble);

	sealed_writer_close(run->writer);
	run->writer = NULL;
	if (saved == BL_OK)
		saved = sweep_abandoned(run, &trouble);
	if (saved != BL_OK)
		bl_explain(why, "%s; before that", trouble.text);
	return status;
}

static enum bl_status seal(struct run *run, struct bl_error *why)
{
	const struct ring_sink sink = {.put = seal_piece, .context = run};
	struct ring *ring;

	progress_step(run->intake, "sealing");
	progress_stage(&run->progress, INTAKE_SEALING, run->source.bytes);
	run->progress.now.done = run->source.at;

	enum bl_status status = ring_new(run->hash, &sink, &run->progress, &ring, why);

	if (status != BL_OK)
		return status;
	status = ring_end(ring, pass_source(run, ring, why), why);
	if (status == BL_OK)
		status = source_end(&run->source, why);
	if (run->source.is_spoilt)
		return abandon(run, status, why);
	/* What is sealed need not be sealed again; that it could not be written down changes nothing of what is told. */
	if (status != BL_OK && sealed_at(run->writer) > run->checkpointed)
		(void)!checkpoint(run, NULL);
	return status;
}

static enum bl_status finish_sealing(struct run *run, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct sealed_gap *gaps = NULL;
	uint8_t digest[DIGEST];
	size_t count;

	progress_step(run->intake, "gaps");

	enum bl_status status = gaps_merge(&run->unreadable, &run->left_out, &gaps, &count, why);

	if (status != BL_OK)
		return status;
	digest_end(run->hash, digest);
	progress_step(run->intake, "finish");
	status = sealed_finish(run->writer, gaps, count, digest, why);
	sealed_writer_close(run->writer);
	run->writer = NULL;
	return status;
}

/* ---- going on: what was sealed, once more ------------------------------------------------------------------------------ */

/* From where on the source is compared: all of a pipe; else the last 16 chunks and what hangs over. */
static uint64_t compare_from(enum intake_form form, uint64_t done)
{
	uint64_t groups = done / SEALED_GROUP;

	return form == INTAKE_PLAIN || !groups ? 0 : (groups - 1) * SEALED_GROUP;
}

static enum bl_status look_back(struct run *run, struct ring *ring, uint64_t until,
				struct bl_error *why)
{
	enum bl_status status = BL_OK;
	uint8_t *bytes;

	for (uint64_t at = 0; at < until && (bytes = ring_room(ring));) {
		struct piece piece = {.length = BL_MIN(SEALED_GROUP, until - at)};

		status = sealed_look_back(run->writer, at, bytes, (size_t)piece.length, why);
		if (status != BL_OK)
			break;
		ring_put(ring, &piece);
		at += piece.length;
	}
	return status;
}

static enum bl_status another_source(struct bl_error *why)
{
	return bl_fail(
		why, BL_INVALID,
		"this is not the source it was: what was sealed of it already differs (give the "
		"one it was begun with; else shred the device, and take this in under another "
		"id)");
}

/* What cannot be read any more says nothing against the source. */
static void pardon(const struct gaps *now, uint64_t at, uint8_t *theirs, const uint8_t *ours,
		   size_t length)
{
	for (size_t i = 0; i < now->count; i++) {
		uint64_t from = BL_MAX(now->items[i].offset, at);
		uint64_t until = BL_MIN(now->items[i].offset + now->items[i].length, at + length);

		if (from < until)
			memcpy(theirs + (from - at), ours + (from - at), until - from);
	}
}

/*
 * One piece of the source against what was sealed. The digest is of the sealed bytes; the source's own lie in the scratch buffer,
 * and are compared but for what could not be read, then or now.
 */
static enum bl_status compare_piece(struct run *run, struct ring *ring, uint64_t at,
				    struct piece *piece, const struct gaps *now,
				    struct bl_error *why)
{
	uint8_t *theirs = ring_scratch(ring), *ours;
	enum bl_status status = BL_OK;

	for (uint64_t end = at + piece->length; status == BL_OK && at < end;) {
		struct piece part = {.length = BL_MIN(SEALED_GROUP, end - at)};
		size_t length = (size_t)part.length;

		ours = ring_room(ring);
		if (!ours)
			return BL_OK; /* ring_end says why */
		status = sealed_look_back(run->writer, at, ours, length, why);
		if (status != BL_OK)
			break;
		if (piece->is_zeros)
			memset(theirs, 0, length);
		gaps_blank(&run->unreadable, at, theirs, length);
		pardon(now, at, theirs, ours, length);
		if (memcmp(theirs, ours, length) != 0)
			status = another_source(why);
		ring_put(ring, &part);
		at += length;
	}
	return status;
}

static enum bl_status compare(struct run *run, struct ring *ring, uint64_t done,
			      struct bl_error *why)
{
	struct gaps now = GAPS_EMPTY;
	struct source *source = &run->source;
	enum bl_status status = BL_OK;

	source->unreadable = &now;
	while (status == BL_OK && source->at < done && !run->progress.is_stopped) {
		struct piece piece = {.length = 0};
		uint64_t at = source->at;

		gaps_done(&now);

		status = source_next(source, done - at, ring_scratch(ring), &piece, why);
		if (status == BL_OK && !piece.length)
			status = another_source(why);
		if (status == BL_OK)
			status = compare_piece(run, ring, at, &piece, &now, why);
	}
	source->unreadable = &run->unreadable;
	run->progress.now.unreadable = run->unreadable.bytes;
	gaps_done(&now);
	return status;
}

static enum bl_status check_begin(struct run *run, uint64_t from, struct bl_error *why)
{
	source_seek(&run->source, from);
	if (run->source.at > from)
		return bl_fail(why, BL_INVALID,
			       "the stream begins at byte %" PRIu64 ", and has to begin at %" PRIu64
			       " or before it",
			       run->source.at, from);
	return BL_OK;
}

static enum bl_status check_done(struct run *run, uint64_t done, struct bl_error *why)
{
	const struct ring_sink nobody = {.put = NULL};
	struct ring *ring;
	enum bl_status status = check_begin(run, compare_from(run->source.form, done), why);

	if (status != BL_OK || !done)
		return status;
	progress_stage(&run->progress, INTAKE_CHECKING, done);
	status = ring_new(run->hash, &nobody, &run->progress, &ring, why);
	if (status != BL_OK)
		return status;
	status = look_back(run, ring, run->source.at, why);
	if (status == BL_OK)
		status = compare(run, ring, done, why);
	return ring_end(ring, status, why);
}

/* ---- beginning ------------------------------------------------------------------------------------------------------------ */

static enum bl_status open_writer(struct run *run, const uint8_t *root, struct bl_error *why)
{
	const char *id = run->device.id;

	if (run->is_again)
		return sealed_resume(run->folder_fd, id, root, run->source.bytes, &run->writer,
				     why);
	progress_step(run->intake, "folder");
	return sealed_create(run->folder_fd, id, root, run->source.bytes, sealed_algorithm_here(),
			     &run->writer, why);
}

/* Places behind what is durable were met by a try that did not get to seal them. */
static enum bl_status cut_gaps(struct run *run, uint64_t done, struct bl_error *why)
{
	struct sealed_gap *items;
	size_t count;
	enum bl_status status = gaps_copy(&run->unreadable, done, &items, &count, why);

	if (status != BL_OK)
		return status;
	gaps_done(&run->unreadable);
	for (size_t i = 0; i < count && status == BL_OK; i++)
		status = gaps_add(&run->unreadable, items[i].offset, items[i].length, why);
	free(items);
	return status;
}

static enum bl_status begin(struct run *run, struct bl_error *why)
{
	__attribute__((cleanup(key_free))) uint8_t *root = vault_guarded(1, VAULT_KEY);

	if (!root)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = vault_image_root(vault_of(run), run->device.id, root, why);

	if (status == BL_OK)
		status = open_writer(run, root, why);
	if (status != BL_OK)
		return status;
	run->checkpointed = sealed_at(run->writer);
	status = cut_gaps(run, run->checkpointed, why);
	progress_step(run->intake, "header");
	return status == BL_OK ? save_job(run, run->checkpointed, true, why) : status;
}

static enum bl_status settle_job(struct run *run, struct bl_error *why)
{
	struct image_choice_report report = {0};
	struct job now;
	enum bl_status status = choose(run, &report, why);

	if (status == BL_OK)
		status = job_of(&run->source, run->asked->container, run->choice, &report,
				&run->left_out, &now, why);
	if (status != BL_OK)
		return status;
	now.begun_unix = run->intake->now_unix(run->intake->context);
	if (!run->is_again) {
		run->job = now;
		return BL_OK;
	}
	status = job_same(&run->job, &now, why);
	run->job.resumed++;
	job_done(&now);
	return status;
}

static enum bl_status seal_source(struct run *run, uint64_t *out_resumed_at, struct bl_error *why)
{
	enum bl_status status = check_choice(run, why);

	if (status == BL_OK)
		status = source_open(&run->source, run->asked, why);
	if (status == BL_OK)
		status = settle_job(run, why);
	if (status == BL_OK)
		status = begin(run, why);
	if (status != BL_OK)
		return status;
	*out_resumed_at = run->checkpointed;
	run->hash = digest_new();
	if (!run->hash)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	status = check_done(run, run->checkpointed, why);
	if (status == BL_OK)
		status = seal(run, why);
	return status == BL_OK ? finish_sealing(run, why) : status;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------------- */

static enum bl_status finish(struct run *run, bool is_verified,
			     enum bl_status (*before_complete)(void *context, struct bl_error *why),
			     struct intake_result *out_result, struct bl_error *why)
{
	const struct finish finish = {.intake = run->intake,
				      .device = &run->device,
				      .job = &run->job,
				      .folder_fd = run->folder_fd,
				      .is_verified = is_verified,
				      .is_again = run->is_again,
				      .progress = &run->progress,
				      .before_complete = run->device.is_complete
								 ? NULL /* it was done then */
								 : before_complete};

	return finish_run(&finish, out_result, why);
}

/* The record says complete; only the last file of the intake may still be there. */
static enum bl_status check_complete(struct run *run, struct bl_error *why)
{
	if (!run->device.is_complete)
		return BL_OK;
	if (job_is_there(run->folder_fd))
		return BL_OK; /* finish.c does once more what does no harm, and removes it */
	return bl_fail(why, BL_EXISTS, "the image of '%s' was taken in already", run->device.id);
}

static enum bl_status prepare(struct run *run, enum begun *out_begun, struct bl_error *why)
{
	const struct intake *intake = run->intake;
	enum bl_status status = check_device(&run->device, why);

	if (status == BL_OK)
		status = device_folder(intake->store, run->device.id, &run->folder_fd, why);
	if (status == BL_OK)
		status = check_complete(run, why);
	if (status == BL_OK)
		status = intake_check_store(run->intake->store, why);
	if (status == BL_OK)
		status = check_log(run, why);
	return status == BL_OK ? look(run, out_begun, why) : status;
}

static enum bl_status run_claimed(struct run *run, const char *id, bool is_verified,
				  enum bl_status (*before_complete)(void *context,
								    struct bl_error *why),
				  struct intake_result *out_result, struct bl_error *why)
{
	enum begun begun = BEGUN_NOT;
	uint64_t resumed_at = 0;
	enum bl_status status = device_find(run->intake->store, id, &run->device, why);

	if (status == BL_OK)
		status = prepare(run, &begun, why);
	if (status == BL_OK && begun != BEGUN_SEALED)
		status = seal_source(run, &resumed_at, why);
	if (status == BL_OK)
		status = finish(run, is_verified, before_complete, out_result, why);
	if (status == BL_OK)
		out_result->resumed_at =
			begun == BEGUN_SEALED ? out_result->facts.image_bytes : resumed_at;
	return status;
}

enum bl_status intake_run(const struct intake *intake, const char *id,
			  const struct intake_source *source, const struct image_choice *choice,
			  bool is_verified,
			  enum bl_status (*before_complete)(void *context, struct bl_error *why),
			  struct intake_result *out_result, struct bl_error *why)
{
	RUN_CLEANUP struct run run = {.intake = intake,
				      .asked = source,
				      .choice = is_choice_empty(choice) ? NULL : choice,
				      .folder_fd = -1,
				      .progress = {.intake = intake},
				      .unreadable = GAPS_EMPTY};
	enum bl_status status = device_shred_claim(intake->store, id, why);

	if (status != BL_OK)
		return status;
	run.source.progress = &run.progress;
	run.source.unreadable = &run.unreadable;
	run.source.left_out = &run.left_out;
	status = run_claimed(&run, id, is_verified, before_complete, out_result, why);
	device_shred_unclaim(intake->store, id);
	return status;
}

enum bl_status intake_done(struct device_store *store, const char *id, uint64_t *out_bytes,
			   struct bl_error *why)
{
	BL_CLEANUP(fd_close) int folder = -1;
	struct sealed_facts facts;
	enum bl_status status = device_folder(store, id, &folder, why);

	if (status == BL_OK)
		status = sealed_look(folder, id, &facts, why);
	if (status == BL_OK && facts.is_complete)
		status = bl_fail(why, BL_NOT_FOUND, "no intake of '%s' is unfinished", id);
	/* What lies there is not believed without the source: a part of it comes again, and is compared. */
	if (status == BL_OK)
		*out_bytes = compare_from(INTAKE_STREAM, facts.done_bytes);
	return status;
}
