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

/* ---- open ------------------------------------------------------------------------------------------- */

/*
 * May the contents be shown on this mount? An open mount lets any program copy, so reading here is copying. What nobody
 * could look into stays closed whatever rules permit. Locks are held.
 */
static int decide_contents(struct asked *asked, struct scene *scene, const struct gate_file *file)
{
	struct rules_decision decision;

	scene_set(scene, asked->view, asked->device, tree_entry(asked->device->tree, asked->entry),
		  (int)file->profile.kind);
	if (file->size_bytes <= INT64_MAX)
		scene->facts.size_bytes = (int64_t)file->size_bytes;
	scene_decide(scene, ACTION_COPY, &decision);
	int error = asked_deny(asked, &decision);

	if (!error && !file->profile.is_text) {
		asked->event.verdict = AUDIT_WITHHELD;
		memcpy(asked->event.rule, RULE_UNSCANNED, sizeof(RULE_UNSCANNED));
		error = EACCES;
	}
	return error;
}

static void handle_take(struct gate_handle *handle, const struct asked *asked,
			const struct scene *scene)
{
	handle->device = gate_device_ref(asked->device);
	handle->entry = asked->entry;
	handle->epoch = asked->reply->epoch;
	scene_mask(scene, &handle->mask);
	memcpy(handle->token, asked->event.token, sizeof(handle->token));
	memcpy(handle->rule, asked->event.rule, sizeof(handle->rule));
	memcpy(handle->id, asked->event.device, sizeof(handle->id));
}

static int open_notice(struct asked *asked, struct gate_handle *handle)
{
	snprintf(asked->event.rule, sizeof(asked->event.rule), "%s", RULE_NOTICE);
	handle->device = gate_device_ref(asked->device);
	handle->entry = asked->entry;
	handle->is_notice = true;
	memcpy(handle->rule, asked->event.rule, sizeof(handle->rule));
	memcpy(handle->id, asked->event.device, sizeof(handle->id));
	return 0;
}

static int open_image_file(struct asked *asked, struct gate_handle *handle)
{
	struct scene scene;
	BL_CLEANUP(file_unref) struct gate_file *file = NULL;
	enum bl_status status = device_file(asked->device, asked->entry, &file);

	if (status != BL_OK)
		return asked_failed(asked, status);
	asked_lock(asked);
	int error = asked_visible(asked, asked->entry, &scene);

	if (!error)
		error = decide_contents(asked, &scene, file);
	if (!error) {
		handle_take(handle, asked, &scene);
		handle->file = BL_TAKE(file);
	}
	asked_unlock(asked);
	return error;
}

static int open_file(struct asked *asked, uint64_t node, int flags, struct gate_handle *handle)
{
	struct scene scene;

	if (node == GATE_ROOT)
		return EISDIR;
	int error = asked_node(asked, node);

	if (error)
		return error;
	if ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_TRUNC | O_CREAT))) {
		asked->event.verdict = AUDIT_DENIED;
		memcpy(asked->event.rule, RULE_READ_ONLY, sizeof(RULE_READ_ONLY));
		return EROFS;
	}
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
	return kind == ENTRY_NOTICE ? open_notice(asked, handle) : open_image_file(asked, handle);
}

void gate_open(struct gate_view *view, const struct gate_caller *caller, uint64_t node, int flags,
	       struct gate_reply *reply)
{
	struct asked asked;

	if (!asked_begin(&asked, view, caller, AUDIT_OPEN, reply))
		return;
	struct gate_handle *handle = handle_new();
	int error = handle ? open_file(&asked, node, flags, handle) : ENOMEM;

	if (!error && !handle_add(view, handle))
		error = asked_failed(&asked, BL_STALE);
	if (error) {
		handle_free(handle);
	} else {
		asked.event.handle = handle->number;
		reply->handle = (uint64_t)(uintptr_t)handle;
	}
	asked_finish(&asked, error);
}

/* ---- read ------------------------------------------------------------------------------------------- */

/* The view has moved since the handle was judged: judge again. handle->lock is not held. */
static int judge_again(struct asked *asked, struct gate_handle *handle, struct gate_file *file,
		       struct mask *out_mask)
{
	struct scene scene;

	asked_lock(asked);
	int error = asked_visible(asked, asked->entry, &scene);

	if (!error)
		error = decide_contents(asked, &scene, file) ? ESTALE : 0;
	if (!error)
		scene_mask(&scene, out_mask);
	uint64_t epoch = asked->reply->epoch;

	asked_unlock(asked);
	pthread_mutex_lock(&handle->lock);
	if (error) {
		handle->is_lost = true;
	} else if (epoch > handle->epoch) {
		handle->epoch = epoch;
		handle->mask = *out_mask;
		memcpy(handle->rule, asked->event.rule, sizeof(handle->rule));
	}
	pthread_mutex_unlock(&handle->lock);
	return error;
}

/* What the read needs of its handle, under the handle's lock for a moment only. */
static int handle_pin(struct asked *asked, struct gate_handle *handle, struct gate_file **out_file,
		      struct mask *out_mask)
{
	pthread_mutex_lock(&handle->lock);
	bool is_there = handle->device && !handle->is_lost;
	bool is_current = handle->epoch == gate_view_epoch(asked->view);

	asked->event.handle = handle->number;
	memcpy(asked->event.device, handle->id, sizeof(handle->id));
	memcpy(asked->event.rule, handle->rule, sizeof(handle->rule));
	memcpy(asked->event.token, handle->token, sizeof(handle->token));
	if (is_there) {
		asked->device = gate_device_ref(handle->device);
		asked->entry = handle->entry;
		if (handle->file) {
			*out_file = handle->file;
			atomic_fetch_add(&handle->file->refs, 1);
		}
		*out_mask = handle->mask;
	}
	pthread_mutex_unlock(&handle->lock);
	if (!is_there) {
		asked->event.verdict = AUDIT_DENIED;
		return ESTALE;
	}
	return !*out_file || is_current ? 0 : judge_again(asked, handle, *out_file, out_mask);
}

static int read_notice(struct asked *asked, uint64_t offset, uint8_t *buffer, size_t size)
{
	struct scene scene;
	char text[512];

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

static int read_file(struct asked *asked, struct gate_file *file, const struct mask *mask,
		     uint64_t offset, size_t size, uint8_t *buffer, size_t room)
{
	enum bl_status status = file_read_masked(file, mask, offset, size, buffer, room,
						 &asked->reply->bytes, &asked->reply->length);

	if (status == BL_WITHHELD) {
		asked->event.verdict = AUDIT_WITHHELD;
		memcpy(asked->event.rule, RULE_UNSCANNED, sizeof(RULE_UNSCANNED));
		return bl_status_errno(status);
	}
	if (status == BL_STALE)
		device_forget_file(asked->device, file);
	return status == BL_OK ? 0 : asked_failed(asked, status);
}

void gate_read(struct gate_view *view, const struct gate_caller *caller, uint64_t number,
	       uint64_t offset, size_t size, uint8_t *buffer, size_t room, struct gate_reply *reply)
{
	struct gate_handle *handle = (struct gate_handle *)(uintptr_t)number;
	struct gate_file *file = NULL;
	struct asked asked;
	struct mask mask;

	if (!asked_begin(&asked, view, caller, AUDIT_READ, reply))
		return;
	asked.event.offset = offset;
	int error = handle_pin(&asked, handle, &file, &mask);

	if (!error)
		error = file ? read_file(&asked, file, &mask, offset, size, buffer, room)
			     : read_notice(&asked, offset, buffer, size);
	file_unref(file);
	sodium_memzero(&mask, sizeof(mask));
	if (error) {
		reply->bytes = NULL;
		reply->length = 0;
	}
	asked.event.bytes = error ? size : reply->length;
	asked_finish(&asked, error);
}
