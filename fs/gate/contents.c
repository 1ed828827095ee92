#include "fs/gate/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- handles ---------------------------------------------------------------------------------------- */

struct gate_handle *handle_new(void)
{
	struct gate_handle *handle = calloc(1, sizeof(*handle));

	if (handle)
		pthread_mutex_init(&handle->lock, NULL);
	return handle;
}

void handle_free(struct gate_handle *handle)
{
	if (!handle)
		return;
	if (handle->aheads)
		ahead_drop(handle->aheads, handle);
	file_unref(handle->file);
	gate_device_unref(handle->device);
	free(handle->slots);
	pthread_mutex_destroy(&handle->lock);
	sodium_memzero(&handle->mask, sizeof(handle->mask));
	free(handle);
}

bool handle_add(struct gate_view *view, struct gate_handle *handle)
{
	pthread_rwlock_rdlock(&view->gate->policy_lock);
	bool is_there = !handle->device || !handle->device->is_dropped;

	if (is_there) {
		pthread_mutex_lock(&view->lock);
		handle->number = ++view->last_handle;
		handle->next = view->handles;
		if (view->handles)
			view->handles->previous = handle;
		view->handles = handle;
		pthread_mutex_unlock(&view->lock);
	}
	pthread_rwlock_unlock(&view->gate->policy_lock);
	return is_there;
}

void gate_release(struct gate_view *view, uint64_t number)
{
	struct gate_handle *handle = (struct gate_handle *)(uintptr_t)number;

	pthread_mutex_lock(&view->lock);
	*(handle->previous ? &handle->previous->next : &view->handles) = handle->next;
	if (handle->next)
		handle->next->previous = handle->previous;
	pthread_mutex_unlock(&view->lock);
	handle_free(handle);
}

bool view_has_open(struct gate_view *view, const struct gate_device *device, uint32_t entry)
{
	bool is_open = false;

	pthread_mutex_lock(&view->lock);
	for (struct gate_handle *handle = view->handles; handle && !is_open;
	     handle = handle->next) {
		pthread_mutex_lock(&handle->lock);
		is_open = handle->file && !handle->is_lost && handle->device == device &&
			  handle->entry == entry;
		pthread_mutex_unlock(&handle->lock);
	}
	pthread_mutex_unlock(&view->lock);
	return is_open;
}

/* ---- deciding on contents ----------------------------------------------------------------------------- */

/* How the contents of one file are judged: at open, or again for a handle that is open. */
struct judging {
	struct asked *asked;
	struct gate_file *file;
	bool is_again;	      /* files and unmasks are paid for; no more is unmasked than at open */
	bool is_beside;	      /* it is what lies beside the contents: masked as names are, and */
	bool is_free;	      /* not counted */
	bl_classes originals; /* in: of the open; out: what is shown unmasked now */
	struct mask mask;
	bool is_looked; /* more than this will not be known of it now */
	bool is_pending; /* out: it would be shown, but who is known on the device is still being found out */
	bool is_unsure; /* out: what is in the file would matter, and not all of it was looked through */
};

static void contents_scene(const struct judging *judging, struct scene *scene)
{
	struct asked *asked = judging->asked;
	const struct gate_file *file = judging->file;

	scene_set(scene, asked->view, asked->device, tree_entry(asked->device->tree, asked->entry),
		  (int)file->profile.kind);
	if (file->size_bytes <= INT64_MAX)
		scene->facts.size_bytes = (int64_t)file->size_bytes;
	scene->facts.is_paid = judging->is_again;
	if (!scene->closed)
		scene_look(scene, file);
}

static bool is_same_decision(const struct rules_decision *a, const struct rules_decision *b)
{
	return a->outcome == b->outcome && a->by == b->by && strcmp(a->rule, b->rule) == 0;
}

/* Held between a file without any class and one with all. */
bool contents_would_matter(const struct scene *scene, const struct gate_file *file,
			   const struct rules_decision *unsure)
{
	const struct rules_subject *subject = scene->view->subject;
	enum bl_action action = view_contents(scene->view);
	struct rules_facts facts = scene->facts;
	struct rules_decision none, all;
	uint8_t shown[CLASS_LIMIT], shown_all[CLASS_LIMIT];

	if (scene->closed || facts.is_whole_known || !file->profile.is_text ||
	    atomic_load(&file->is_hopeless) || !policy_needs_whole_files(scene->view->gate->policy))
		return false;
	facts.is_whole_known = true;
	facts.has = ~(bl_classes)0;
	if (unsure->outcome == RULES_PERMIT) {
		/* Permitted whatever is in it; but what may be unmasked can hang on a permit that is not sure. */
		rules_shows(subject, &scene->facts, action, shown);
		rules_shows(subject, &facts, action, shown_all);
		return memcmp(shown, shown_all, sizeof(shown)) != 0;
	}
	rules_decide(subject, &facts, action, 0, &all);
	facts.has = 0;
	rules_decide(subject, &facts, action, 0, &none);
	return !is_same_decision(&none, &all);
}

/* Whoever opened it was told what is unmasked, and so was the log: later on it can only be less. */
static void mask_again(struct judging *judging, const struct scene *scene)
{
	struct mask names;
	bl_classes opened = judging->originals;

	judging->originals = opened ? scene_mask_contents(scene, &judging->mask) & opened : 0;
	scene_mask(scene, &names);
	for (unsigned class = 0; class < CLASS_LIMIT; class ++)
		if (!(judging->originals >> class & 1))
			judging->mask.styles[class] = names.styles[class];
	memcpy(judging->mask.key, names.key, sizeof(names.key));
	sodium_memzero(&names, sizeof(names));
}

/* What was permitted is used up at once: nobody else of this person decides between. */
static void use_up(struct gate_usage *usage, bl_classes originals)
{
	usage_count(usage, UNIT_FILES, 1);
	usage_count(usage, UNIT_UNMASKS, originals != 0);
}

/*
 * May the contents be shown on this mount? An open mount lets any program copy, so reading there is copying; out of a session nothing
 * is carried. What nobody could look into stays closed whatever rules permit. Locks are held.
 */
static int judge_contents(struct judging *judging, struct scene *scene)
{
	struct asked *asked = judging->asked;
	struct gate_usage *usage = asked->view->usage;
	struct rules_decision decision;

	contents_scene(judging, scene);
	pthread_mutex_lock(&usage->lock);
	usage_read(usage, &scene->used);
	scene_decide(scene, view_contents(asked->view), &decision);
	int error = asked_deny(asked, &decision);

	judging->is_unsure = contents_would_matter(scene, judging->file, &decision);
	judging->is_pending = (!error || judging->is_unsure) && judging->file->profile.is_text &&
			      atomic_load(&scene->device->is_pending);
	if (judging->is_pending) {
		judging->is_unsure = false;
		asked->event.verdict = AUDIT_WITHHELD;
		asked_rule(asked, RULE_UNSCANNED);
		error = EACCES;
	} else if (!error && !judging->file->profile.is_text) {
		asked->event.verdict = AUDIT_WITHHELD;
		asked_rule(asked, RULE_UNSCANNED);
		error = EACCES;
	}
	if (!error && judging->is_again) {
		mask_again(judging, scene);
	} else if (!error && !judging->is_unsure && judging->is_beside) {
		scene_mask(scene, &judging->mask);
		if (!judging->is_free)
			use_up(usage, 0);
	} else if (!error && !judging->is_unsure) {
		judging->originals = scene_mask_contents(scene, &judging->mask);
		use_up(usage, judging->originals);
	}
	pthread_mutex_unlock(&usage->lock);
	if (judging->is_unsure || judging->is_pending ? judging->is_looked : error)
		view_note_refused(asked->view, scene, judging->file);
	return error;
}

/* ---- open ------------------------------------------------------------------------------------------- */

static void handle_take(struct gate_handle *handle, const struct asked *asked)
{
	handle->device = gate_device_ref(asked->device);
	handle->entry = asked->entry;
	handle->epoch = asked->reply->epoch;
	handle->policy_serial = asked->event.policy_serial;
	memcpy(handle->token, asked->event.token, sizeof(handle->token));
	memcpy(handle->rule, asked->event.rule, sizeof(handle->rule));
	memcpy(handle->id, asked->event.device, sizeof(handle->id));
}

/* The log says what is shown unmasked, in the words of the policy. */
static void tell_originals(struct asked *asked, bl_classes originals)
{
	struct answer answer = {asked->event.detail, sizeof(asked->event.detail), 0};

	asked->event.bytes = (uint64_t)__builtin_popcountll(originals);
	if (!originals)
		return;
	answer_say(&answer, "unmasked: ");
	answer_classes(&answer, asked->view->gate->policy, originals);
}

static bool is_for_writing(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_TRUNC | O_CREAT));
}

/* Words of our own stay readable. */
static int deny_unanchored(struct asked *asked)
{
	if (!atomic_load(&asked->view->gate->is_unanchored))
		return 0;
	asked->event.verdict = AUDIT_DENIED;
	asked_rule(asked, RULE_ANCHOR);
	return EACCES;
}

static int deny_writing(struct asked *asked)
{
	asked->event.verdict = AUDIT_DENIED;
	asked_rule(asked, RULE_READ_ONLY);
	return EROFS;
}

static int open_notice(struct asked *asked, struct gate_handle *handle)
{
	asked_rule(asked, RULE_NOTICE);
	handle->device = gate_device_ref(asked->device);
	handle->entry = asked->entry;
	handle->is_notice = true;
	memcpy(handle->rule, asked->event.rule, sizeof(handle->rule));
	memcpy(handle->id, asked->event.device, sizeof(handle->id));
	return 0;
}

/* Judge the file as far as it is known. */
static int judge_open(struct judging *judging, struct gate_handle *handle)
{
	struct asked *asked = judging->asked;
	struct scene scene;

	asked_lock(asked);
	int error = asked_visible(asked, asked->entry, &scene);

	judging->is_unsure = false;
	if (!error)
		error = judge_contents(judging, &scene);
	if (!error && !judging->is_unsure) {
		handle_take(handle, asked);
		handle->mask = judging->mask;
		handle->originals = judging->originals;
		tell_originals(asked, judging->originals);
		asked->is_look = scene_extends(&scene);
	}
	asked_unlock(asked);
	return error;
}

/* Who is known on the device is found out once, before its first contents: then judge again. */
static int wait_and_judge(struct judging *judging, struct gate_handle *handle)
{
	struct asked *asked = judging->asked;

	judging->is_looked = !harvest_wait(asked->device, asked->view->gate->look_ms);
	int error = judge_open(judging, handle);

	if (judging->is_pending)
		snprintf(asked->event.detail, sizeof(asked->event.detail),
			 "being looked through, %u %%", harvest_percent(asked->device));
	else
		judging->is_looked = false;
	return error;
}

/* Look the file through, and judge again by what is in it. */
static int look_and_judge(struct judging *judging, struct gate_handle *handle)
{
	struct asked *asked = judging->asked;
	enum bl_status status = file_look(judging->file, asked->view->gate->look_ms);

	if (status == BL_STALE)
		device_forget_file(asked->device, judging->file);
	if (status != BL_OK && status != BL_TIMED_OUT)
		return asked_failed(asked, status);
	judging->is_looked = true;
	int error = judge_open(judging, handle);

	if (!judging->is_unsure)
		return error;
	/* Not all of it yet, and that matters: the next open goes on. */
	asked->event.verdict = AUDIT_WITHHELD;
	asked_rule(asked, RULE_UNSCANNED);
	return EACCES;
}

static int judge_file(struct judging *judging, struct gate_handle *handle)
{
	struct asked *asked = judging->asked;
	BL_CLEANUP(file_unref) struct gate_file *file = NULL;
	enum bl_status status = device_file(asked->device, asked->entry, &file);

	if (status != BL_OK)
		return asked_failed(asked, status);
	judging->file = file;
	int error = judge_open(judging, handle);

	if (judging->is_pending)
		error = wait_and_judge(judging, handle);
	if (judging->is_unsure)
		error = look_and_judge(judging, handle);
	sodium_memzero(&judging->mask, sizeof(judging->mask));
	if (!error)
		handle->file = BL_TAKE(file);
	return error;
}

int contents_admit(struct asked *asked, bool is_counted, struct mask *out_mask)
{
	struct judging judging = {.asked = asked, .is_beside = true, .is_free = !is_counted};
	int error = deny_unanchored(asked);

	if (error)
		return error;
	/* Never among the view's: gone before the answer. */
	struct gate_handle *handle = handle_new();

	if (!handle)
		return asked_failed(asked, BL_NO_MEMORY);
	error = judge_file(&judging, handle);
	if (!error)
		*out_mask = handle->mask;
	handle_free(handle);
	return error;
}

/* Words of our own, about what this view may do. */
static int open_root_notice(struct asked *asked, int flags, struct gate_handle *handle)
{
	if (is_for_writing(flags))
		return deny_writing(asked);
	asked_rule(asked, RULE_NOTICE);
	handle->is_notice = true;
	memcpy(handle->rule, asked->event.rule, sizeof(handle->rule));
	return 0;
}

static int open_file(struct asked *asked, uint64_t node, int flags, struct gate_handle *handle)
{
	struct scene scene;

	if (node == GATE_ROOT)
		return EISDIR;
	if (node == ROOT_NOTICE_NODE)
		return open_root_notice(asked, flags, handle);
	int error = asked_node(asked, node);

	if (error)
		return error;
	if (is_for_writing(flags))
		return deny_writing(asked);
	asked_lock(asked);
	error = asked_visible(asked, asked->entry, &scene);
	enum entry_kind kind = error ? ENTRY_IMAGE : (enum entry_kind)scene.entry->kind;
	enum image_type type = error ? IMAGE_OTHER : scene.entry->attr.type;

	asked_unlock(asked);
	if (error)
		return error;
	if (type == IMAGE_DIR)
		return EISDIR;
	if (type != IMAGE_FILE)
		return ENXIO;
	if (kind == ENTRY_NOTICE)
		return open_notice(asked, handle);
	error = deny_unanchored(asked);
	struct judging judging = {.asked = asked};

	return error ? error : judge_file(&judging, handle);
}

/* It was counted, and then its device was dropped: nothing was opened. */
static void not_opened(struct asked *asked, const struct gate_handle *handle)
{
	struct gate_usage *usage = asked->view->usage;

	if (!handle->file)
		return;
	usage_refund(usage, UNIT_FILES, 1);
	usage_refund(usage, UNIT_UNMASKS, handle->originals != 0);
	asked->event.bytes = 0;
	asked->event.detail[0] = 0;
}

void gate_open(struct gate_view *view, const struct gate_caller *caller, uint64_t node, int flags,
	       struct gate_reply *reply)
{
	struct asked asked;

	if (!asked_begin(&asked, view, caller, AUDIT_OPEN, reply))
		return;
	struct gate_handle *handle = handle_new();
	int error = handle ? open_file(&asked, node, flags, handle) : ENOMEM;

	if (!error && !handle_add(view, handle)) {
		error = asked_failed(&asked, BL_STALE);
		not_opened(&asked, handle);
	}
	if (error) {
		handle_free(handle);
	} else {
		asked.event.handle = handle->number;
		reply->handle = (uint64_t)(uintptr_t)handle;
		if (usage_is_stepped(view))
			usage_stepped(view);
	}
	asked_finish(&asked, error);
}

/* ---- read ------------------------------------------------------------------------------------------- */

/* What a read works with: taken from its handle for as long as it lasts. */
struct reading {
	struct asked *asked;
	struct gate_handle *handle;
	struct gate_file *file; /* counted; NULL: words of our own */
	struct mask mask;
	bl_classes originals;
	uint64_t epoch; /* of the view when this was decided */
	bool is_next;	/* it goes on where the last one ended */
};

/* The view has moved since the handle was judged: judge again. handle->lock is not held. */
static int judge_again(struct reading *reading)
{
	struct asked *asked = reading->asked;
	struct gate_handle *handle = reading->handle;
	struct judging judging = {.asked = asked,
				  .file = reading->file,
				  .is_again = true,
				  .originals = reading->originals};
	struct scene scene;

	asked->is_paid = true;
	asked_lock(asked);
	int error = asked_visible(asked, asked->entry, &scene);

	if (!error)
		error = judge_contents(&judging, &scene) ? ESTALE : 0;
	uint64_t epoch = asked->reply->epoch;

	asked_unlock(asked);
	pthread_mutex_lock(&handle->lock);
	if (error) {
		handle->is_lost = true;
	} else if (epoch > handle->epoch) {
		handle->epoch = epoch;
		handle->policy_serial = asked->event.policy_serial;
		handle->mask = judging.mask;
		memcpy(handle->rule, asked->event.rule, sizeof(handle->rule));
	}
	pthread_mutex_unlock(&handle->lock);
	reading->epoch = epoch;
	reading->mask = judging.mask;
	sodium_memzero(&judging.mask, sizeof(judging.mask));
	return error;
}

/* What the read needs of its handle, under the handle's lock for a moment only. */
static int handle_pin(struct reading *reading)
{
	struct asked *asked = reading->asked;
	struct gate_handle *handle = reading->handle;

	pthread_mutex_lock(&handle->lock);
	bool is_root_notice = handle->is_notice && !handle->device && !handle->id[0];
	bool is_there = (handle->device || is_root_notice) && !handle->is_lost;

	reading->epoch = gate_view_epoch(asked->view);
	bool is_current = handle->epoch == reading->epoch;

	asked->event.handle = handle->number;
	memcpy(asked->event.device, handle->id, sizeof(handle->id));
	memcpy(asked->event.rule, handle->rule, sizeof(handle->rule));
	memcpy(asked->event.token, handle->token, sizeof(handle->token));
	if (is_there && handle->device) {
		asked->device = gate_device_ref(handle->device);
		asked->entry = handle->entry;
		/* Not the view's: a policy that comes in between has not decided this. */
		asked->event.policy_serial = handle->policy_serial;
		if (handle->file) {
			reading->file = handle->file;
			atomic_fetch_add(&handle->file->refs, 1);
		}
		reading->mask = handle->mask;
		reading->originals = handle->originals;
	}
	pthread_mutex_unlock(&handle->lock);
	if (!is_there) {
		asked->event.verdict = AUDIT_DENIED;
		return ESTALE;
	}
	return !reading->file || is_current ? 0 : judge_again(reading);
}

#define NOTICE_SIZE 512 /* of a device's or a partition's */

static int read_notice(struct asked *asked, uint64_t offset, uint8_t *buffer, size_t size)
{
	struct scene scene;
	char text[NOTICE_SIZE];

	asked_lock(asked);
	int error = asked_visible(asked, asked->entry, &scene);
	size_t length = error ? 0 : notice_text(asked->device, scene.entry, text, sizeof(text));

	asked_unlock(asked);
	if (offset < length) {
		length = BL_MIN(length - (size_t)offset, size);
		memcpy(buffer, text + offset, length);
		asked->reply->length = length;
	}
	asked->reply->bytes = buffer;
	return error;
}

static int read_root_notice(struct asked *asked, uint64_t offset, uint8_t *buffer, size_t size)
{
	size_t total;
	enum bl_status status =
		root_notice(asked->view, offset, buffer, size, &asked->reply->length, &total);

	asked->reply->bytes = buffer;
	return status == BL_OK ? 0 : asked_failed(asked, status);
}

/*
 * Count what will be read; when a limit was reached meanwhile the handle is judged again first. So it is when somebody else has
 * just noticed that: the next step may be far off then, for a handle that was judged before it.
 */
static int reserve(struct reading *reading, uint64_t bytes)
{
	struct gate_view *view = reading->asked->view;

	for (;;) {
		if (!usage_reserve(view, UNIT_BYTES, bytes))
			usage_stepped(view);
		else if (gate_view_epoch(view) == reading->epoch)
			return 0;
		else
			usage_refund(view->usage, UNIT_BYTES, bytes);
		int error = judge_again(reading);

		if (error)
			return error;
	}
}

/* Is this one of a reader that goes from front to back, in parts worth it? Each read of a handle says where the next one would be. */
static void note_next(struct reading *reading, uint64_t offset, size_t size)
{
	struct gate_handle *handle = reading->handle;

	if (!reading->asked->reply->may_lend || size < GATE_AHEAD_LEAST)
		return;
	pthread_mutex_lock(&handle->lock);
	reading->is_next = handle->next_offset == offset;
	handle->next_offset = offset + size;
	handle->aheads = &reading->asked->view->gate->aheads;
	pthread_mutex_unlock(&handle->lock);
}

static void part_of(const struct reading *reading, uint64_t offset, size_t size,
		    struct ahead_part *out)
{
	*out = (struct ahead_part){.owner = reading->handle,
				   .serial = reading->file->serial,
				   .offset = offset,
				   .size = size,
				   .mask = reading->mask};
}

static enum bl_status read_masked(struct reading *reading, uint64_t offset, size_t size,
				  uint8_t *buffer, size_t room)
{
	struct gate_reply *reply = reading->asked->reply;

	note_next(reading, offset, size);
	if (reading->is_next) {
		struct ahead_part part;

		part_of(reading, offset, size, &part);
		reply->lent = ahead_take(&reply->view->gate->aheads, &part);
		sodium_memzero(&part, sizeof(part));
	}
	if (!reply->lent)
		return file_read_masked(reading->file, &reading->mask, offset, size, buffer, room,
					&reply->bytes, &reply->length);
	reply->bytes = reply->lent->bytes;
	reply->length = reply->lent->length;
	return BL_OK;
}

static int read_file(struct reading *reading, uint64_t offset, size_t size, uint8_t *buffer,
		     size_t room)
{
	struct asked *asked = reading->asked;
	struct gate_file *file = reading->file;
	uint64_t left = offset < file->size_bytes ? file->size_bytes - offset : 0;
	uint64_t bytes = BL_MIN(size, left);
	int error = reserve(reading, bytes);

	if (error)
		return error;
	enum bl_status status = read_masked(reading, offset, size, buffer, room);

	if (status != BL_OK)
		usage_refund(asked->view->usage, UNIT_BYTES, bytes);
	if (status == BL_WITHHELD) {
		asked->event.verdict = AUDIT_WITHHELD;
		asked_rule(asked, RULE_UNSCANNED);
		if (file_is_behind(file, offset + bytes))
			snprintf(asked->event.detail, sizeof(asked->event.detail),
				 "being looked through, %u %%", file_looked_percent(file));
		return bl_status_errno(status);
	}
	if (status == BL_STALE)
		device_forget_file(asked->device, file);
	if (status != BL_OK)
		return asked_failed(asked, status);
	if (usage_is_stepped(asked->view))
		usage_stepped(asked->view);
	return 0;
}

/* The handle is pinned, or *out_error says why not. False: that was answered already. */
static bool reading_begin(struct reading *reading, struct gate_view *view,
			  const struct gate_caller *caller, uint64_t offset,
			  struct gate_reply *reply, int *out_error)
{
	if (!asked_begin(reading->asked, view, caller, AUDIT_READ, reply))
		return false;
	reading->asked->event.offset = offset;
	*out_error = handle_pin(reading);
	if (!*out_error && reading->file)
		*out_error = deny_unanchored(reading->asked);
	return true;
}

static void reading_end(struct reading *reading, int error)
{
	reading->asked->file = reading->file; /* given back with the rest */
	sodium_memzero(&reading->mask, sizeof(reading->mask));
	asked_finish(reading->asked, error);
}

/* At or behind the end of a file that may be read: no byte leaves, so nothing has to be in the log first. */
static bool is_behind_end(const struct reading *reading, uint64_t offset)
{
	return reading->file && offset >= reading->file->size_bytes;
}

static void reading_end_empty(struct reading *reading)
{
	struct gate_reply *reply = reading->asked->reply;

	reading->asked->file = reading->file; /* given back with the rest */
	sodium_memzero(&reading->mask, sizeof(reading->mask));
	reply->bytes = NULL;
	reply->length = 0;
	asked_untold(reading->asked, 0);
}

/* As reading_end; and then, while the log and the kernel have the answer, what comes behind it. Reply and handle may be gone by then. */
static void reading_go_on(struct reading *reading, uint64_t next, size_t size)
{
	struct gate_file *file = reading->file;
	struct gate_device *device = reading->asked->device;
	struct ahead *ahead = NULL;

	if (reading->is_next && next < file->size_bytes) {
		struct ahead_part part;

		part_of(reading, next, size, &part);
		ahead = ahead_begin(&device->gate->aheads, &part);
		sodium_memzero(&part, sizeof(part));
	}
	if (!ahead) {
		reading_end(reading, 0);
		return;
	}
	atomic_fetch_add(&file->refs, 1);
	gate_device_ref(device);
	reading_end(reading, 0);
	ahead_fill(ahead, file);
	file_unref(file);
	gate_device_unref(device);
}

void gate_read(struct gate_view *view, const struct gate_caller *caller, uint64_t number,
	       uint64_t offset, size_t size, uint8_t *buffer, size_t room, struct gate_reply *reply)
{
	struct asked asked = {.view = view};
	struct reading reading = {.asked = &asked,
				  .handle = (struct gate_handle *)(uintptr_t)number};
	int error;

	if (!reading_begin(&reading, view, caller, offset, reply, &error))
		return;
	if (!error && is_behind_end(&reading, offset)) {
		reading_end_empty(&reading);
		return;
	}
	if (!error && reading.file)
		error = read_file(&reading, offset, size, buffer, room);
	else if (!error && asked.device)
		error = read_notice(&asked, offset, buffer, size);
	else if (!error)
		error = read_root_notice(&asked, offset, buffer, size);
	if (error) {
		reply->bytes = NULL;
		reply->length = 0;
	}
	asked.event.bytes = error ? size : reply->length;
	if (error)
		reading_end(&reading, error);
	else
		reading_go_on(&reading, offset + reply->length, size);
}

/* ---- seek ------------------------------------------------------------------------------------------- */

/* Words of our own have no holes. */
static int seek_notice(struct asked *asked, uint64_t offset, bool is_hole)
{
	uint8_t text[NOTICE_SIZE];
	size_t none, total = 0;
	int error = 0;

	if (asked->device) {
		error = read_notice(asked, 0, text, sizeof(text));
		total = asked->reply->length;
		asked->reply->length = 0;
	} else if (root_notice(asked->view, 0, NULL, 0, &none, &total) != BL_OK) {
		error = asked_failed(asked, BL_NO_MEMORY);
	}
	asked->reply->offset = is_hole ? total : offset;
	return error ? error : offset < total ? 0 : ENXIO;
}

static int seek_file(struct reading *reading, uint64_t offset, bool is_hole)
{
	struct asked *asked = reading->asked;
	enum bl_status status =
		image_file_seek(reading->file->file, offset, is_hole, &asked->reply->offset);

	if (status == BL_NOT_FOUND)
		return ENXIO;
	if (status == BL_STALE)
		device_forget_file(asked->device, reading->file);
	return status == BL_OK ? 0 : asked_failed(asked, status);
}

void gate_seek(struct gate_view *view, const struct gate_caller *caller, uint64_t number,
	       uint64_t offset, bool is_hole, struct gate_reply *reply)
{
	struct asked asked = {.view = view};
	struct reading reading = {.asked = &asked,
				  .handle = (struct gate_handle *)(uintptr_t)number};
	int error;

	if (!reading_begin(&reading, view, caller, offset, reply, &error))
		return;
	if (!error)
		error = reading.file ? seek_file(&reading, offset, is_hole)
				     : seek_notice(&asked, offset, is_hole);
	if (!error || error == ENXIO)
		snprintf(asked.event.detail, sizeof(asked.event.detail), "%s",
			 is_hole ? "where a hole begins" : "where data begin");
	reading_end(&reading, error);
}
