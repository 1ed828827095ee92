/* Looking through a whole device, on all cores: what is found is kept, and counted. Never a value leaves here. */
#include "fs/gate/private.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS 12u /* fewer than scratches: reads go on meanwhile */
#define PART                                                                                       \
	(UINT64_C(64) << 20) /* a long file that is looked at by windows is cut into such parts */
#define HOLE_MOST                                                                                  \
	(UINT64_C(1)                                                                               \
	 << 30) /* of what can be looked at in order only: zeros behind zeros, for days */
#define TELL_MS	  250
#define ATTEMPTS  8u
#define PATH_ROOM (GATE_PATH + 1)

/* One file while it is looked at; done when all of its parts are. */
struct job {
	struct gate_file *file; /* counted */
	uint32_t entry;
	unsigned parts; /* left; under scanning.lock */
	bool is_withheld;
	enum bl_status status;
	uint64_t scanned; /* of the file, before */
	uint64_t found[CLASS_LIMIT];
};

/* Something to do: a directory or file of the tree, or a part of a job. */
struct item {
	struct job *job;     /* NULL: `entry` */
	uint64_t first, end; /* windows */
	uint32_t entry;
	bool is_folder;
};

struct scanning {
	struct gate *gate;
	const struct gate_scan *scan;
	struct gate_device *device;
	struct mask mask; /* of names */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct item *items; /* the last one comes next */
	size_t count, room;
	unsigned busy;
	enum bl_status status; /* but BL_OK: all stop */
	struct gate_scan_counts counts;
	pthread_mutex_t tell_lock;
	int64_t told_ms;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- telling -------------------------------------------------------------------------------------------- */

static void tell_progress(struct scanning *scanning, bool is_last)
{
	struct gate_scan_counts counts;

	if (!scanning->scan->progress)
		return;
	pthread_mutex_lock(&scanning->tell_lock);
	int64_t now = now_ms();

	if (is_last || now - scanning->told_ms >= TELL_MS) {
		scanning->told_ms = now;
		pthread_mutex_lock(&scanning->lock);
		counts = scanning->counts;
		pthread_mutex_unlock(&scanning->lock);
		scanning->scan->progress(scanning->scan->context, &counts);
	}
	pthread_mutex_unlock(&scanning->tell_lock);
}

/* The name of one entry in front of what is in @out from *at on; false: there is no room. */
static bool name_before(const struct scanning *scanning, const struct entry *entry,
			char out[PATH_ROOM], size_t *at)
{
	char masked[MASK_NAME_SIZE];
	const char *name = entry->name;

	if (entry->find) {
		mask_name(&scanning->mask, entry->name, entry->length, &entry->find->spans,
			  entry->find->node_id, masked);
		name = masked;
	}
	size_t length = strlen(name);

	if (length + 1 > *at)
		return false;
	*at -= length;
	memcpy(out + *at, name, length);
	out[--*at] = '/';
	return true;
}

/* Below the device, as a view shows it that shows the least. */
static const char *path_of(const struct scanning *scanning, uint32_t id, char out[PATH_ROOM])
{
	struct gate_device *device = scanning->device;
	size_t at = PATH_ROOM - 1;

	out[at] = 0;
	pthread_mutex_lock(&device->lock);
	const struct entry *entry = tree_entry(device->tree, id);

	while (entry->id && name_before(scanning, entry, out, &at))
		entry = tree_entry(device->tree, entry->parent);
	pthread_mutex_unlock(&device->lock);
	return out + at + (out[at] == '/');
}

static void tell_file(struct scanning *scanning, uint32_t id, const struct gate_file *file,
		      enum gate_scanned how, const uint64_t found[CLASS_LIMIT])
{
	char path[PATH_ROOM];
	struct gate_scan_file told = {.size_bytes = file ? file->size_bytes : 0,
				      .how = how,
				      .reason =
					      how == SCANNED_SKIPPED ? file->profile.reason : NULL,
				      .found = found};

	if (!scanning->scan->file)
		return;
	told.path = path_of(scanning, id, path);
	pthread_mutex_lock(&scanning->tell_lock);
	scanning->scan->file(scanning->scan->context, &told);
	pthread_mutex_unlock(&scanning->tell_lock);
}

/* ---- what there is to do ----------------------------------------------------------------------------------- */

static bool is_over(struct scanning *scanning)
{
	const atomic_bool *is_cancelled = scanning->scan->is_cancelled;
	enum bl_status status = BL_OK;

	if (is_cancelled && atomic_load(is_cancelled))
		status = BL_TIMED_OUT;
	else if (atomic_load(&scanning->device->is_ending) ||
		 atomic_load(&scanning->gate->is_closing))
		status = BL_STALE;
	pthread_mutex_lock(&scanning->lock);
	if (scanning->status == BL_OK)
		scanning->status = status;
	bool is_over = scanning->status != BL_OK;

	pthread_mutex_unlock(&scanning->lock);
	return is_over;
}

static void fail(struct scanning *scanning, enum bl_status status)
{
	pthread_mutex_lock(&scanning->lock);
	if (scanning->status == BL_OK)
		scanning->status = status;
	pthread_cond_broadcast(&scanning->changed);
	pthread_mutex_unlock(&scanning->lock);
}

/* lock is held. */
static void push(struct scanning *scanning, const struct item *item)
{
	if (scanning->count == scanning->room) {
		size_t room = scanning->room ? scanning->room * 2 : 256;
		struct item *grown = realloc(scanning->items, room * sizeof(*grown));

		if (!grown) {
			scanning->status = BL_NO_MEMORY;
			return;
		}
		scanning->items = grown;
		scanning->room = room;
	}
	scanning->items[scanning->count++] = *item;
	pthread_cond_signal(&scanning->changed);
}

/* The next thing; false: there is nothing any more, or all stop. */
static bool take(struct scanning *scanning, struct item *out_item)
{
	pthread_mutex_lock(&scanning->lock);
	while (scanning->status == BL_OK && !scanning->count && scanning->busy)
		pthread_cond_wait(&scanning->changed, &scanning->lock);
	bool is_there = scanning->status == BL_OK && scanning->count > 0;

	if (is_there) {
		*out_item = scanning->items[--scanning->count];
		scanning->busy++;
	}
	pthread_mutex_unlock(&scanning->lock);
	return is_there;
}

static void give(struct scanning *scanning)
{
	pthread_mutex_lock(&scanning->lock);
	if (--scanning->busy == 0)
		pthread_cond_broadcast(&scanning->changed);
	pthread_mutex_unlock(&scanning->lock);
}

/* ---- directories ------------------------------------------------------------------------------------------- */

static void count_name(struct scanning *scanning, const struct entry *entry)
{
	for (size_t i = 0; entry->find && i < entry->find->spans.count; i++)
		scanning->counts.names[entry->find->spans.items[i].class % CLASS_LIMIT]++;
}

/* Both locks are held. */
static void push_entry(struct scanning *scanning, const struct entry *entry)
{
	const struct item item = {.entry = entry->id, .is_folder = entry->attr.type == IMAGE_DIR};

	count_name(scanning, entry);
	/* A notice beside no partition is the image's own: it cannot be opened. */
	scanning->counts.unreadable +=
		entry->kind == ENTRY_UNREADABLE || entry->kind == ENTRY_NOTICE;
	if (entry->kind != ENTRY_VOLUME && entry->kind != ENTRY_IMAGE)
		return;
	if (item.is_folder) {
		scanning->counts.directories++;
	} else if (entry->attr.type == IMAGE_FILE) {
		scanning->counts.files++;
		scanning->counts.bytes += entry->attr.size_bytes;
	} else {
		return;
	}
	push(scanning, &item);
}

static void do_folder(struct scanning *scanning, uint32_t id)
{
	struct gate_device *device = scanning->device;
	enum bl_status status = device_load(device, id);

	if (status == BL_STALE || status == BL_NO_MEMORY || status == BL_FORBIDDEN) {
		fail(scanning, status == BL_FORBIDDEN ? BL_STALE : status);
		return;
	}
	pthread_mutex_lock(&device->lock);
	pthread_mutex_lock(&scanning->lock);
	const struct entry *folder = tree_entry(device->tree, id);

	scanning->counts.directories_done++;
	scanning->counts.failed += status != BL_OK;
	for (uint32_t i = 0; status == BL_OK && i < folder->count; i++)
		push_entry(scanning, tree_entry(device->tree, folder->first + i));
	pthread_mutex_unlock(&scanning->lock);
	pthread_mutex_unlock(&device->lock);
}

/* ---- files --------------------------------------------------------------------------------------------------- */

/* What the tree says of its size is what was added to all bytes; what is there may be another. */
static void count_size(struct scanning *scanning, const struct gate_file *file)
{
	pthread_mutex_lock(&scanning->device->lock);
	uint64_t listed = tree_entry(scanning->device->tree, file->entry)->attr.size_bytes;

	pthread_mutex_unlock(&scanning->device->lock);
	pthread_mutex_lock(&scanning->lock);
	scanning->counts.bytes += file->size_bytes - listed;
	pthread_mutex_unlock(&scanning->lock);
}

static void count_skipped(struct scanning *scanning, const struct gate_file *file)
{
	pthread_mutex_lock(&scanning->lock);
	scanning->counts.files_done++;
	scanning->counts.bytes_done += file->size_bytes;
	scanning->counts.skipped++;
	pthread_mutex_unlock(&scanning->lock);
}

static void count_failed(struct scanning *scanning, uint32_t id)
{
	pthread_mutex_lock(&scanning->device->lock);
	uint64_t bytes = tree_entry(scanning->device->tree, id)->attr.size_bytes;

	pthread_mutex_unlock(&scanning->device->lock);
	pthread_mutex_lock(&scanning->lock);
	scanning->counts.files_done++;
	scanning->counts.bytes_done += bytes;
	scanning->counts.failed++;
	pthread_mutex_unlock(&scanning->lock);
}

static const uint64_t NOTHING[CLASS_LIMIT];

static void job_end(struct scanning *scanning, struct job *job)
{
	bool has_found = memcmp(job->found, NOTHING, sizeof(NOTHING)) != 0;
	bool is_failed = job->status != BL_OK;

	pthread_mutex_lock(&scanning->lock);
	scanning->counts.files_done++;
	scanning->counts.failed += is_failed;
	scanning->counts.withheld += job->is_withheld;
	scanning->counts.looked_bytes += atomic_load(&job->file->scanned_bytes) - job->scanned;
	for (size_t i = 0; i < CLASS_LIMIT; i++)
		scanning->counts.found[i] += job->found[i];
	pthread_mutex_unlock(&scanning->lock);
	if (is_failed || job->is_withheld || has_found)
		tell_file(scanning, job->entry, job->file,
			  is_failed	     ? SCANNED_FAILED
			  : job->is_withheld ? SCANNED_PARTLY
					     : SCANNED_WHOLE,
			  job->found);
	file_unref(job->file);
	free(job);
}

_Static_assert(DETECT_LEAD <= DETECT_WINDOW && DETECT_TAIL <= DETECT_WINDOW,
	       "a window with a hole around it has nothing but zeros");

/* The window that the hole around the window @at ends in, or the one before: all from @at on, below it, are the same zeros. @at: no such hole. */
static uint64_t hole_end(const struct job *job, uint64_t at)
{
	uint64_t from = at ? (at - 1) * DETECT_WINDOW : 0, data = 0;
	enum bl_status status = image_file_seek(job->file->file, from, false, &data);

	if (status == BL_NOT_FOUND) /* to the end of the file */
		data = job->file->size_bytes;
	else if (status != BL_OK)
		return at;
	return BL_MAX(at, data / DETECT_WINDOW - BL_MIN(data / DETECT_WINDOW, UINT64_C(1)));
}

/*
 * A hole of petabytes costs its image nothing, and must not cost us a day. What is looked at from anywhere is looked at by its beginning
 * alone, which says what all windows like it say. What goes in order may be otherwise in each: it is not looked into from there on.
 */
static uint64_t skip_hole(struct scanning *scanning, struct job *job, const struct item *item,
			  uint64_t at, uint64_t next)
{
	uint64_t end = BL_MIN(hole_end(job, at), item->end);

	if (detect_is_local(&job->file->profile))
		return BL_MAX(next, end);
	if (end <= next || (end - next) * DETECT_WINDOW < HOLE_MOST)
		return next;
	pthread_mutex_lock(&scanning->lock);
	job->is_withheld = true;
	pthread_mutex_unlock(&scanning->lock);
	return item->end;
}

static void do_part(struct scanning *scanning, const struct item *item)
{
	struct job *job = item->job;
	uint64_t found[CLASS_LIMIT] = {0}, next;
	enum bl_status status = BL_OK;

	for (uint64_t at = item->first; at < item->end && status == BL_OK; at = next) {
		if (is_over(scanning))
			break;
		status = file_tally(job->file, at, found, &next);
		if (status == BL_OK)
			next = skip_hole(scanning, job, item, at, next);
		uint64_t end = BL_MIN(next * DETECT_WINDOW, job->file->size_bytes);

		if (status != BL_OK)
			end = BL_MIN(item->end * DETECT_WINDOW, job->file->size_bytes);
		pthread_mutex_lock(&scanning->lock);
		scanning->counts.bytes_done += end - at * DETECT_WINDOW;
		pthread_mutex_unlock(&scanning->lock);
		tell_progress(scanning, false);
	}
	if (status == BL_NO_MEMORY)
		fail(scanning, status);
	pthread_mutex_lock(&scanning->lock);
	for (size_t i = 0; i < CLASS_LIMIT; i++)
		job->found[i] += found[i];
	if (job->status == BL_OK)
		job->status = status;
	job->is_withheld |= atomic_load(&job->file->is_hopeless);
	bool is_last = --job->parts == 0;

	pthread_mutex_unlock(&scanning->lock);
	if (is_last)
		job_end(scanning, job);
}

/* A file that can be looked at from anywhere is looked at by many. */
static void job_begin(struct scanning *scanning, struct job *job)
{
	uint64_t windows = file_windows(job->file), step = PART / DETECT_WINDOW;

	if (!detect_is_local(&job->file->profile))
		step = windows;
	job->parts = 1;
	pthread_mutex_lock(&scanning->lock);
	/* A part ends where its hole does, or there would be a million of them. */
	uint64_t first_end = BL_MIN(BL_MAX(step, hole_end(job, 0)), windows), end;
	for (uint64_t at = first_end; at < windows && scanning->status == BL_OK; at = end) {
		end = BL_MIN(BL_MAX(at + step, hole_end(job, at)), windows);

		const struct item part = {.job = job, .first = at, .end = end};
		size_t before = scanning->count;

		push(scanning, &part);
		job->parts += (unsigned)(scanning->count - before);
	}
	pthread_mutex_unlock(&scanning->lock);
	const struct item first = {.job = job, .first = 0, .end = first_end};

	do_part(scanning, &first);
}

static void do_file(struct scanning *scanning, uint32_t id)
{
	BL_CLEANUP(file_unref) struct gate_file *file = NULL;
	enum bl_status status = device_file(scanning->device, id, &file);

	if (status == BL_NO_MEMORY) {
		fail(scanning, status);
		return;
	}
	if (status != BL_OK) {
		count_failed(scanning, id);
		tell_file(scanning, id, NULL, SCANNED_FAILED, NOTHING);
		return;
	}
	count_size(scanning, file);
	if (!file->profile.is_text) {
		count_skipped(scanning, file);
		tell_file(scanning, id, file, SCANNED_SKIPPED, NOTHING);
		return;
	}
	struct job *job = calloc(1, sizeof(*job));

	if (!job) {
		fail(scanning, BL_NO_MEMORY);
		return;
	}
	job->entry = id;
	job->scanned = atomic_load(&file->scanned_bytes);
	job->file = BL_TAKE(file);
	job_begin(scanning, job);
}

static void *work(void *context)
{
	struct scanning *scanning = context;
	struct item item;

	while (!is_over(scanning) && take(scanning, &item)) {
		if (item.job)
			do_part(scanning, &item);
		else if (item.is_folder)
			do_folder(scanning, item.entry);
		else
			do_file(scanning, item.entry);
		give(scanning);
		tell_progress(scanning, false);
	}
	/* Whoever waits sees that all stop. */
	pthread_mutex_lock(&scanning->lock);
	pthread_cond_broadcast(&scanning->changed);
	pthread_mutex_unlock(&scanning->lock);
	return NULL;
}

/* ---- a whole device ---------------------------------------------------------------------------------------------- */

static enum bl_status check_shown(struct scanning *scanning, struct bl_error *why)
{
	struct gate_device *device = scanning->device;

	pthread_rwlock_rdlock(&scanning->gate->policy_lock);
	enum bl_device_state state = device->state;
	bool is_dropped = device->is_dropped;

	pthread_rwlock_unlock(&scanning->gate->policy_lock);
	if (is_dropped)
		return BL_STALE;
	if (state == STATE_DUE || state == STATE_SHREDDED || state == STATE_RELEASED)
		return bl_fail(why, BL_WITHHELD, "device '%s' is %s: nothing of it is shown",
			       device->id, bl_device_state_name(state));
	return BL_OK;
}

/* Its image is open, and who is known on it is known. */
static enum bl_status get_ready(struct scanning *scanning, struct bl_error *why)
{
	struct gate_device *device = scanning->device;
	enum bl_status status = check_shown(scanning, why);

	if (status == BL_OK)
		status = device_load(device, 0);
	if (status != BL_OK)
		return status == BL_WITHHELD
			       ? status
			       : bl_fail(why, status, "cannot look into device '%s'", device->id);
	while (!harvest_wait(device, TELL_MS)) {
		scanning->counts.wait_percent = harvest_percent(device);
		tell_progress(scanning, true);
		if (is_over(scanning))
			return scanning->status;
	}
	scanning->counts.wait_percent = 100;
	if (atomic_load(&device->is_ending))
		return BL_STALE;
	if (!device->image)
		return bl_fail(why, BL_IO, "device '%s' cannot be opened: %s", device->id,
			       device->trouble ? device->trouble : "its image cannot be opened");
	return BL_OK;
}

static void run_threads(struct scanning *scanning)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned wanted = scanning->scan->threads ? scanning->scan->threads
			  : processors > 0	  ? (unsigned)processors
						  : 1;
	pthread_t threads[THREADS];
	unsigned begun = 0;

	wanted = BL_MIN(wanted, THREADS);
	while (begun + 1 < wanted && pthread_create(&threads[begun], NULL, work, scanning) == 0)
		begun++;
	/* This one too: where no thread can be begun, it does all. */
	work(scanning);
	while (begun > 0)
		pthread_join(threads[--begun], NULL);
}

static void drop_items(struct scanning *scanning)
{
	while (scanning->count > 0) {
		struct job *job = scanning->items[--scanning->count].job;

		if (job && --job->parts == 0) {
			file_unref(job->file);
			free(job);
		}
	}
	free(scanning->items);
}

static enum bl_status scan_device(struct scanning *scanning, struct bl_error *why)
{
	enum bl_status status = get_ready(scanning, why);

	if (status != BL_OK)
		return status;
	for (size_t i = 0; i < CLASS_LIMIT; i++)
		scanning->mask.styles[i] = STYLE_FILL;
	memcpy(scanning->mask.key, scanning->device->keys->mask, sizeof(scanning->mask.key));
	const struct item root = {.entry = 0, .is_folder = true};

	pthread_mutex_lock(&scanning->lock);
	scanning->counts.directories = 1;
	push(scanning, &root);
	pthread_mutex_unlock(&scanning->lock);
	run_threads(scanning);
	drop_items(scanning);
	if (scanning->device->kept)
		gate_kept_flush(scanning->device->kept);
	tell_progress(scanning, true);
	sodium_memzero(&scanning->mask, sizeof(scanning->mask));
	return scanning->status;
}

static enum bl_status scan_once(struct gate *gate, const struct gate_scan *scan,
				struct gate_scan_counts *out_counts, struct bl_error *why)
{
	struct scanning scanning = {.gate = gate, .scan = scan};

	scanning.device = gate_device_settled(gate, scan->device);
	if (!scanning.device)
		return bl_fail(why, BL_NOT_FOUND, "there is no device '%s'", scan->device);
	pthread_mutex_init(&scanning.lock, NULL);
	pthread_mutex_init(&scanning.tell_lock, NULL);
	pthread_cond_init(&scanning.changed, NULL);
	enum bl_status status = scan_device(&scanning, why);

	*out_counts = scanning.counts;
	gate_device_unref(scanning.device);
	pthread_cond_destroy(&scanning.changed);
	pthread_mutex_destroy(&scanning.tell_lock);
	pthread_mutex_destroy(&scanning.lock);
	return status;
}

/* Where the device began anew before anything was counted, so do we: nobody has been told of a file yet. */
enum bl_status gate_scan(struct gate *gate, const struct gate_scan *scan,
			 struct gate_scan_counts *out_counts, struct bl_error *why)
{
	enum bl_status status = BL_STALE;

	memset(out_counts, 0, sizeof(*out_counts));
	for (unsigned i = 0; i < ATTEMPTS && status == BL_STALE && !out_counts->files_done; i++)
		status = scan_once(gate, scan, out_counts, why);
	if (status == BL_STALE)
		return bl_fail(
			why, status,
			"what is looked for in device '%s' has changed meanwhile (scan again; "
			"what was found is kept)",
			scan->device);
	if (status == BL_TIMED_OUT)
		return bl_fail(why, status, "the scan of '%s' was stopped (scan again: it goes on)",
			       scan->device);
	return status;
}
