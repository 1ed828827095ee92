/*
 * The pass over a medium: blocks are handed out in order, worked on by any thread, and put together in order again, so that the
 * result does not depend on how many threads there were.
 */
#include "fs/inspect/private.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_NS	 250000000L
#define BUFFER		 (INSPECT_BLOCK + 2 * INSPECT_CONTEXT)
#define SLOTS_PER_THREAD 4
#define FILL_TRIES	 1024 /* blocks whose begin is tried to learn the fill */

const char *inspect_where_name(enum inspect_where where)
{
	static const char *const names[] = {"allocated", "free", "nobodys"};

	return names[where];
}

const char *inspect_verdict_name(enum inspect_verdict verdict)
{
	static const char *const names[] = {"EMPTY", "NOT_EMPTY", "NOT_READ"};

	return names[verdict];
}

/* What one block, or one hole, adds to the result. */
struct slot {
	bool is_ready;
	uint64_t bytes;
	struct inspect_read read;
	size_t region_count, sign_count, place_count;
	uint64_t finding_total;
	struct inspect_region regions[INSPECT_BLOCK_REGIONS];
	struct inspect_found_sign signs[INSPECT_SIGNS_AT];
	uint64_t findings[CLASS_LIMIT][INSPECT_WHERE_COUNT];
	uint64_t identity_findings[CLASS_LIMIT];
	struct inspect_place places[INSPECT_PLACES];
};

struct run {
	const struct inspect_job *job;
	const struct inspect_source *source;
	struct inspect_result *result;
	struct detect_scanner *scanner; /* NULL: nothing is looked for */
	struct inspect_map map;
	uint8_t fill;
	struct inspect_joiner joiner;

	atomic_bool is_stopped;
	pthread_mutex_t mutex; /* for all below */
	pthread_cond_t room, ended;
	uint64_t next_offset, next_number, put_number, done_bytes;
	struct slot *slots;
	size_t slot_count;
	unsigned running;
	enum bl_status status;
	struct bl_error why;
};

static void stop(struct run *run, enum bl_status status, const struct bl_error *why)
{
	pthread_mutex_lock(&run->mutex);
	if (run->status == BL_OK) {
		run->status = status;
		if (why)
			run->why = *why;
	}
	atomic_store(&run->is_stopped, true);
	pthread_cond_broadcast(&run->room);
	pthread_mutex_unlock(&run->mutex);
}

/* ---- one block -------------------------------------------------------------------------------------------- */

struct worker {
	struct run *run;
	struct inspect_text *text; /* NULL: nothing is looked for */
	uint8_t *buffer;
};

struct turn {
	uint64_t number, offset, length;
	bool is_hole;
};

static void worker_done(struct worker *worker)
{
	inspect_text_free(worker->text);
	if (worker->buffer)
		sodium_memzero(worker->buffer, BUFFER);
	free(worker->buffer);
}

static enum bl_status worker_init(struct worker *worker, struct run *run)
{
	*worker = (struct worker){.run = run, .buffer = aligned_alloc(INSPECT_PIECE, BUFFER)};
	if (!worker->buffer)
		return BL_NO_MEMORY;
	return run->scanner ? inspect_text_new(run->scanner, &worker->text) : BL_OK;
}

static void count_finding(const struct run *run, const struct inspect_finding *finding,
			  struct slot *slot)
{
	enum inspect_where where = inspect_map_where(&run->map, finding->offset);

	slot->finding_total++;
	slot->findings[finding->class][where]++;
	slot->identity_findings[finding->class] += finding->is_identity;
	if (slot->place_count < INSPECT_PLACES)
		slot->places[slot->place_count++] = (struct inspect_place){
			finding->offset, finding->length, finding->class, (uint8_t)where};
}

/* With what is around the block, so that each value is seen whole, by the block in which it begins. */
static enum bl_status find_data(struct worker *worker, const struct turn *turn, struct slot *slot,
				struct bl_error *why)
{
	const struct run *run = worker->run;
	size_t length = (size_t)turn->length;
	size_t lead = (size_t)BL_MIN(turn->offset, (uint64_t)INSPECT_CONTEXT);
	size_t tail = (size_t)BL_MIN(run->source->size_bytes - turn->offset - length,
				     (uint64_t)INSPECT_CONTEXT);
	uint8_t *block = worker->buffer + INSPECT_CONTEXT;
	const struct inspect_finding *items;
	struct inspect_read read;
	size_t count;

	inspect_source_read(run->source, block - lead, lead, turn->offset - lead, run->fill,
			    &run->is_stopped, &read);
	inspect_source_read(run->source, block + length, tail, turn->offset + length, run->fill,
			    &run->is_stopped, &read);

	enum bl_status status =
		inspect_text_look(worker->text, block - lead, lead + length + tail, lead,
				  lead + length, turn->offset - lead, &items, &count, why);

	for (size_t i = 0; status == BL_OK && i < count; i++)
		count_finding(run, &items[i], slot);
	return status;
}

static enum bl_status look_at(struct worker *worker, const struct turn *turn, struct slot *slot,
			      struct bl_error *why)
{
	const struct run *run = worker->run;
	uint8_t *block = worker->buffer + INSPECT_CONTEXT;
	size_t length = (size_t)turn->length;

	slot->bytes = turn->length;
	slot->read = (struct inspect_read){0};
	slot->region_count = slot->sign_count = slot->place_count = 0;
	slot->finding_total = 0;
	if (turn->is_hole)
		return BL_OK;
	inspect_source_read(run->source, block, length, turn->offset, run->fill, &run->is_stopped,
			    &slot->read);
	if (inspect_is_fill(block, length, run->fill))
		return BL_OK;
	slot->region_count =
		inspect_block_regions(block, length, turn->offset, run->fill, slot->regions);
	slot->sign_count =
		inspect_signs_at(block, length, turn->offset, turn->offset == 0, slot->signs);
	if (!worker->text)
		return BL_OK;
	memset(slot->findings, 0, sizeof(slot->findings));
	memset(slot->identity_findings, 0, sizeof(slot->identity_findings));
	return find_data(worker, turn, slot, why);
}

/* ---- in order ------------------------------------------------------------------------------------------------ */

static void put_findings(struct inspect_result *result, const struct slot *slot)
{
	size_t more = BL_MIN(slot->place_count, INSPECT_PLACES - result->places_told);

	result->finding_total += slot->finding_total;
	for (size_t class = 0; class < CLASS_LIMIT; class ++) {
		for (size_t where = 0; where < INSPECT_WHERE_COUNT; where++)
			result->findings[class][where] += slot->findings[class][where];
		result->identity_findings[class] += slot->identity_findings[class];
	}
	memcpy(result->places + result->places_told, slot->places, more * sizeof(*slot->places));
	result->places_told += more;
}

static void put_slot(struct run *run, const struct slot *slot)
{
	struct inspect_result *result = run->result;
	uint64_t missed = slot->read.unreadable_bytes + slot->read.short_bytes;

	run->done_bytes += slot->bytes;
	result->read_bytes += slot->bytes - missed;
	result->unreadable_bytes += missed;
	for (size_t i = 0; i < slot->region_count; i++)
		inspect_join(&run->joiner, &slot->regions[i], result);
	for (size_t i = 0; i < slot->sign_count; i++)
		inspect_sign_add(result, &slot->signs[i]);
	if (slot->finding_total)
		put_findings(result, slot);
}

static void put_back(struct run *run, const struct turn *turn)
{
	pthread_mutex_lock(&run->mutex);
	run->slots[turn->number % run->slot_count].is_ready = true;
	for (;;) {
		struct slot *slot = &run->slots[run->put_number % run->slot_count];

		if (!slot->is_ready)
			break;
		put_slot(run, slot);
		slot->is_ready = false;
		run->put_number++;
	}
	pthread_cond_broadcast(&run->room);
	pthread_mutex_unlock(&run->mutex);
}

/* A hole of a file is zeros: it is not read. Only whole blocks of the grid are left out. */
static uint64_t hole_length(const struct run *run, uint64_t offset)
{
	uint64_t size = run->source->size_bytes, data;

	if (!run->source->has_holes || run->fill != 0)
		return 0;
	data = inspect_source_data(run->source, offset);
	return data >= size ? size - offset : data / INSPECT_BLOCK * INSPECT_BLOCK - offset;
}

static bool take_turn(struct run *run, struct turn *out)
{
	uint64_t left, hole;

	pthread_mutex_lock(&run->mutex);
	while (!atomic_load(&run->is_stopped) &&
	       run->next_number - run->put_number >= run->slot_count)
		pthread_cond_wait(&run->room, &run->mutex);
	left = run->source->size_bytes - run->next_offset;
	if (atomic_load(&run->is_stopped) || left == 0) {
		pthread_mutex_unlock(&run->mutex);
		return false;
	}
	hole = hole_length(run, run->next_offset);
	*out = (struct turn){run->next_number++, run->next_offset,
			     hole ? hole : BL_MIN(left, (uint64_t)INSPECT_BLOCK), hole > 0};
	run->next_offset += out->length;
	pthread_mutex_unlock(&run->mutex);
	return true;
}

/*
 * What is left over: whoever reads a view meanwhile does not wait for a check that has hours (six at once on two processors: reads took 13 times
 * as long, at nice 10 nine times, so three). Of Linux, where a policy is of a thread (sched(7)); without it the check is as good.
 */
static void step_back(void)
{
	const struct sched_param none = {0};

	(void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
}

static void *work(void *argument)
{
	struct run *run = argument;
	struct worker worker;
	struct bl_error why = {""};
	enum bl_status status = worker_init(&worker, run);
	struct turn turn;

	step_back();
	if (status != BL_OK)
		(void)bl_fail(&why, status, "cannot check the medium: out of memory");
	while (status == BL_OK && take_turn(run, &turn)) {
		status = look_at(&worker, &turn, &run->slots[turn.number % run->slot_count], &why);
		if (status == BL_OK)
			put_back(run, &turn);
	}
	worker_done(&worker);
	if (status != BL_OK)
		stop(run, status, &why);
	pthread_mutex_lock(&run->mutex);
	run->running--;
	pthread_cond_signal(&run->ended);
	pthread_mutex_unlock(&run->mutex);
	return NULL;
}

/* ---- threads --------------------------------------------------------------------------------------------------- */

static struct timespec in_a_while(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += PROGRESS_NS;
	at.tv_sec += at.tv_nsec / 1000000000L;
	at.tv_nsec %= 1000000000L;
	return at;
}

static bool tell(const struct run *run, uint64_t done_bytes)
{
	return !run->job->progress ||
	       run->job->progress(run->job->context, done_bytes, run->source->size_bytes);
}

static void wait_for_all(struct run *run)
{
	struct timespec next = in_a_while();

	pthread_mutex_lock(&run->mutex);
	while (run->running) {
		uint64_t done = run->done_bytes;

		if (pthread_cond_timedwait(&run->ended, &run->mutex, &next) == 0)
			continue;
		next = in_a_while();
		pthread_mutex_unlock(&run->mutex);
		if (!atomic_load(&run->is_stopped) && !tell(run, done)) {
			struct bl_error why;

			(void)bl_fail(&why, BL_FAILED, "the check was stopped (begin it again)");
			stop(run, BL_FAILED, &why);
		}
		pthread_mutex_lock(&run->mutex);
	}
	pthread_mutex_unlock(&run->mutex);
}

static unsigned count_threads(const struct run *run)
{
	uint64_t blocks = (run->source->size_bytes + INSPECT_BLOCK - 1) / INSPECT_BLOCK;
	long online = run->job->threads ? (long)run->job->threads : sysconf(_SC_NPROCESSORS_ONLN);

	online = BL_MIN(BL_MAX(online, 1L), (long)INSPECT_THREADS);
	return (unsigned)BL_MIN((uint64_t)online, blocks);
}

static enum bl_status run_threads(struct run *run)
{
	pthread_t threads[INSPECT_THREADS];
	unsigned wanted = count_threads(run), begun = 0;
	sigset_t all, before;

	run->slot_count = (size_t)wanted * SLOTS_PER_THREAD;
	run->slots = calloc(run->slot_count, sizeof(*run->slots));
	if (!run->slots)
		return bl_fail(&run->why, BL_NO_MEMORY, "cannot check the medium: out of memory");
	/* Signals are for the threads of whoever called. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	run->running = wanted;
	while (begun < wanted && pthread_create(&threads[begun], NULL, work, run) == 0)
		begun++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_mutex_lock(&run->mutex);
	run->running -= wanted - begun;
	pthread_mutex_unlock(&run->mutex);
	run->result->threads = begun;
	wait_for_all(run);
	for (unsigned i = 0; i < begun; i++)
		pthread_join(threads[i], NULL);
	return begun ? run->status
		     : bl_fail(&run->why, BL_NO_MEMORY,
			       "cannot start a thread to check the medium");
}

/* ---- before and after the pass ----------------------------------------------------------------------------------- */

/* What the first block that can be read begins with. */
static uint8_t find_fill(const struct run *run, uint8_t *buffer)
{
	uint64_t size = run->source->size_bytes;
	struct inspect_read read;

	for (uint64_t i = 0; i < FILL_TRIES && i * INSPECT_BLOCK < size; i++) {
		uint64_t at = i * INSPECT_BLOCK;
		size_t length = (size_t)BL_MIN(size - at, (uint64_t)INSPECT_PIECE);

		inspect_source_read(run->source, buffer, length, at, 0, &run->is_stopped, &read);
		if (read.unreadable_bytes + read.short_bytes == 0)
			return buffer[0] == 0xff ? 0xff : 0;
	}
	return 0;
}

/* The end has signatures of its own. @out_is_fill: this part of the medium is. */
static void look_at_end(struct run *run, uint8_t *buffer, bool *out_is_fill)
{
	uint64_t size = run->source->size_bytes;
	uint64_t from =
		size <= INSPECT_BLOCK ? 0 : (size - INSPECT_BLOCK) / INSPECT_PIECE * INSPECT_PIECE;
	struct inspect_found_sign found[INSPECT_SIGNS_AT];
	struct inspect_read read;
	size_t length = (size_t)(size - from);

	inspect_source_read(run->source, buffer, length, from, run->fill, &run->is_stopped, &read);
	*out_is_fill = inspect_is_fill(buffer, length, run->fill);

	size_t count = *out_is_fill ? 0 : inspect_signs_end(buffer, length, size, found);

	for (size_t i = 0; i < count; i++)
		inspect_sign_add(run->result, &found[i]);
}

static void look_at_starts(struct run *run, uint8_t *buffer)
{
	struct inspect_found_sign found[INSPECT_SIGNS_AT];
	uint64_t starts[INSPECT_STARTS];
	struct inspect_read read;
	size_t count = inspect_starts(run->source, buffer, &run->is_stopped, starts);

	for (size_t i = 0; i < count; i++) {
		uint64_t from = starts[i] / INSPECT_PIECE * INSPECT_PIECE;
		size_t skip = (size_t)(starts[i] - from);
		size_t length =
			(size_t)BL_MIN(run->source->size_bytes - from, (uint64_t)INSPECT_SIGN_AREA);

		inspect_source_read(run->source, buffer, length, from, run->fill, &run->is_stopped,
				    &read);

		size_t signs =
			inspect_signs_at(buffer + skip, length - skip, starts[i], false, found);

		for (size_t k = 0; k < signs; k++)
			inspect_sign_add(run->result, &found[k]);
	}
}

/* A medium whose begin and end are blank has no filesystem that anybody could read. */
static bool look_around(struct run *run, uint8_t *buffer)
{
	size_t length = (size_t)BL_MIN(run->source->size_bytes, (uint64_t)INSPECT_BLOCK);
	struct inspect_read read;
	bool is_end_fill;

	run->fill = find_fill(run, buffer);
	run->result->fill = run->fill;
	look_at_end(run, buffer, &is_end_fill);
	look_at_starts(run, buffer);
	inspect_source_read(run->source, buffer, length, 0, run->fill, &run->is_stopped, &read);
	return !is_end_fill || !inspect_is_fill(buffer, length, run->fill);
}

static enum bl_status prepare(struct run *run, struct bl_error *why)
{
	const struct inspect_job *job = run->job;
	uint8_t *buffer = aligned_alloc(INSPECT_PIECE, BUFFER);
	enum bl_status status = BL_OK;
	bl_classes classes = job->classes;

	if (!buffer)
		return bl_fail(why, BL_NO_MEMORY, "cannot check the medium: out of memory");

	bool has_contents = look_around(run, buffer);

	sodium_memzero(buffer, BUFFER);
	free(buffer);
	if (has_contents)
		status = inspect_map_read(&run->map, job->fd, job->reader_path, why);
	/* Under a class of their own the known identities can be told from what only looks like them. */
	if (job->identity_count)
		classes |= CLASS_BIT(CLASS_CUSTOMER);
	if (status == BL_OK && classes)
		status = detect_scanner_new(classes, job->custom, job->identities,
					    job->identity_count, &run->scanner, why);
	return status;
}

static enum bl_status finish(struct run *run, struct bl_error *why)
{
	struct inspect_result *result = run->result;

	inspect_join_end(&run->joiner, result);
	if (result->read_bytes == 0)
		return bl_fail(why, BL_IO,
			       "nothing of the medium could be read (is it still there?)");
	if (result->region_count)
		result->verdict = INSPECT_NOT_EMPTY;
	else if (result->unreadable_bytes || inspect_source_changed(run->source))
		result->verdict = INSPECT_NOT_READ;
	else
		result->verdict = INSPECT_EMPTY;
	return BL_OK;
}

static void run_init(struct run *run)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&run->mutex, NULL);
	pthread_cond_init(&run->room, NULL);
	pthread_cond_init(&run->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

static void run_done(struct run *run)
{
	pthread_cond_destroy(&run->ended);
	pthread_cond_destroy(&run->room);
	pthread_mutex_destroy(&run->mutex);
	inspect_map_done(&run->map);
	detect_scanner_free(run->scanner);
	free(run->slots);
}

enum bl_status inspect_run_source(const struct inspect_job *job,
				  const struct inspect_source *source,
				  struct inspect_result **out_result, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct inspect_result *result = calloc(1, sizeof(*result));
	struct run run = {.job = job, .source = source, .result = result};

	if (!result)
		return bl_fail(why, BL_NO_MEMORY, "cannot check the medium: out of memory");
	run_init(&run);
	result->size_bytes = source->size_bytes;

	enum bl_status status = prepare(&run, why);

	if (status == BL_OK) {
		status = run_threads(&run);
		if (status != BL_OK)
			(void)bl_fail(why, status, "%s", run.why.text);
	}
	if (status == BL_OK)
		status = finish(&run, why);
	run_done(&run);
	if (status == BL_OK)
		*out_result = BL_TAKE(result);
	return status;
}

enum bl_status inspect_run(const struct inspect_job *job, struct inspect_result **out_result,
			   struct bl_error *why)
{
	struct inspect_source source;
	enum bl_status status = inspect_source_open(&source, job->fd, why);

	if (status == BL_OK)
		status = inspect_run_source(job, &source, out_result, why);
	inspect_source_close(&source);
	return status;
}
