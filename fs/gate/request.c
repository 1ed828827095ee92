#include "fs/gate/private.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the frame of every request ---------------------------------------------------------------------- */

/* The event is durable, or never will be: only now does anything leave the gate. */
static void settled(struct audit_ticket *ticket, enum bl_status status)
{
	struct gate_reply *reply =
		(struct gate_reply *)((char *)ticket - offsetof(struct gate_reply, ticket));

	if (status != BL_OK) {
		if (reply->handle)
			gate_release(reply->view, reply->handle);
		reply->handle = 0;
		reply->bytes = NULL;
		reply->length = 0;
		reply->offset = 0;
		memset(&reply->attr, 0, sizeof(reply->attr));
		reply->error = bl_status_errno(BL_LOG_BROKEN);
	}
	struct ahead *lent = reply->lent;

	reply->done(reply);
	if (lent)
		ahead_give(lent);
}

bool asked_begin(struct asked *asked, struct gate_view *view, const struct gate_caller *caller,
		 enum audit_op op, struct gate_reply *reply)
{
	struct gate *gate = view->gate;
	int64_t now = gate->config.now_unix(gate->config.clock_context);

	asked->view = view;
	asked->reply = reply;
	asked->device = NULL;
	asked->entry = 0;
	asked->begun_unix = now;
	asked->is_paid = asked->is_look = asked->is_unnamed = asked->is_attribute = false;
	asked->file = NULL;
	reply->view = view;
	reply->ticket.done = settled;
	if (atomic_load(&view->valid_until) <= now || atomic_load(&gate->due_unix) <= now)
		(void)gate_tick(gate, now);
	reply->epoch = gate_view_epoch(view);
	view_event(view, caller, op, &asked->event);
	if (!view_is_caller(view, caller)) {
		asked->event.verdict = AUDIT_DENIED;
		asked_rule(asked, view->is_session ? RULE_OUTSIDE : RULE_ONE_PERSON);
		asked_finish(asked, EACCES);
		return false;
	}
	view_caller(view, &asked->event);
	if (!audit_is_writable(gate->config.audit)) {
		settled(&reply->ticket, BL_LOG_BROKEN);
		return false;
	}
	return true;
}

/* ---- paths for auditors --------------------------------------------------------------------------------- */

void asked_token(struct asked *asked, const struct scene *scene)
{
	uint32_t segment = (uint32_t)audit_naming(asked->view->gate->config.audit);

	scene_token(scene, NULL, asked->event.token);
	asked->is_unnamed = segment && scene->entry->named_in != segment &&
			    !sodium_is_zero(asked->event.token, AUDIT_TOKEN);
	asked->unnamed = scene->entry->id;
}

/* A file that is read: its tree is not looked at for that. */
static void look_for_name(struct asked *asked)
{
	uint32_t segment = (uint32_t)audit_naming(asked->view->gate->config.audit);

	if (!asked->file || !segment || atomic_load(&asked->file->named_in) == segment ||
	    sodium_is_zero(asked->event.token, AUDIT_TOKEN))
		return;
	asked->is_unnamed = true;
	asked->unnamed = asked->file->entry;
}

/* The path and the key that hides it. False: the device was dropped meanwhile, and its key with it. */
static bool path_of(struct asked *asked, char path[GATE_PATH], size_t *out_length,
		    uint8_t key[VAULT_KEY])
{
	struct gate_device *device = asked->device;
	bool is_there = false;

	pthread_mutex_lock(&device->lock);
	const struct entry *entry = tree_entry(device->tree, asked->unnamed);

	if (entry && device->keys) {
		memcpy(key, device->keys->names, VAULT_KEY);
		is_there = tree_path(device->tree, entry, NULL, path, out_length);
	}
	pthread_mutex_unlock(&device->lock);
	return is_there;
}

static void note_named(struct asked *asked, uint32_t segment)
{
	struct gate_device *device = asked->device;

	pthread_mutex_lock(&device->lock);
	struct entry *entry = tree_entry(device->tree, asked->unnamed);

	if (entry && segment)
		entry->named_in = segment;
	pthread_mutex_unlock(&device->lock);
	if (asked->file && segment)
		atomic_store(&asked->file->named_in, segment);
}

/* The path goes before the event, in one frame. After the submission the reply may be gone, and asked is all there is. */
static void submit_named(struct asked *asked)
{
	struct audit *audit = asked->view->gate->config.audit;
	char path[GATE_PATH];
	uint8_t key[VAULT_KEY];
	size_t length;

	if (!path_of(asked, path, &length, key)) {
		audit_submit(audit, &asked->event, &asked->reply->ticket);
		return;
	}
	const struct audit_name name = {.kind = AUDIT_NAME_PATH,
					.device = asked->event.device,
					.log_names_key = key,
					.token = asked->event.token,
					.text = path,
					.length = length};
	uint32_t segment =
		(uint32_t)audit_submit_named(audit, &asked->event, &name, 1, &asked->reply->ticket);

	sodium_memzero(key, sizeof(key));
	sodium_memzero(path, length);
	note_named(asked, segment);
}

void asked_finish(struct asked *asked, int error)
{
	struct audit *audit = asked->view->gate->config.audit;

	asked->reply->error = error;
	asked->event.error_number = (uint32_t)error;
	if (asked->event.op == AUDIT_READ && error && !asked->is_attribute &&
	    (error == ESTALE || asked->event.verdict == AUDIT_DENIED)) {
		struct gate_caller caller = {asked->event.uid, asked->event.gid, asked->event.pid};

		view_count_refusal(asked->view, &caller);
	}
	if (!error && asked->is_look)
		look_note(asked->device, asked->begun_unix);
	look_for_name(asked);
	if (asked->device && asked->is_unnamed) {
		submit_named(asked);
		file_unref(asked->file);
		gate_device_unref(asked->device);
		return;
	}
	file_unref(asked->file);
	gate_device_unref(asked->device);
	audit_submit(audit, &asked->event, &asked->reply->ticket);
}

void asked_untold(struct asked *asked, int error)
{
	file_unref(asked->file);
	gate_device_unref(asked->device);
	asked->reply->error = error;
	asked->reply->done(asked->reply);
}

void asked_rule(struct asked *asked, const char *rule)
{
	snprintf(asked->event.rule, sizeof(asked->event.rule), "%s", rule ? rule : "");
}

int asked_deny(struct asked *asked, const struct rules_decision *decision)
{
	static const enum audit_verdict VERDICTS[] = {
		[RULES_PERMIT] = AUDIT_PERMITTED,
		[RULES_FORBID] = AUDIT_DENIED,
		[RULES_ASK] = AUDIT_ASKED,
		[RULES_WITHHOLD] = AUDIT_WITHHELD,
	};

	asked->event.verdict = VERDICTS[decision->outcome];
	asked_rule(asked, decision->rule);
	return decision->outcome == RULES_PERMIT ? 0 : EACCES;
}

int asked_failed(struct asked *asked, enum bl_status status)
{
	asked->event.verdict = AUDIT_FAILED_VERDICT;
	return bl_status_errno(status);
}

int asked_node(struct asked *asked, uint64_t node)
{
	asked->device = gate_device_of(asked->view->gate, node);
	asked->entry = (uint32_t)node;
	if (asked->device && !view_shows(asked->view, asked->device))
		gate_device_unref(BL_TAKE(asked->device));
	if (!asked->device)
		return asked_failed(asked, BL_STALE);
	memcpy(asked->event.device, asked->device->id, sizeof(asked->event.device));
	return 0;
}

void asked_lock(struct asked *asked)
{
	pthread_mutex_lock(&asked->device->lock);
	pthread_rwlock_rdlock(&asked->view->gate->policy_lock);
	asked->reply->epoch = gate_view_epoch(asked->view);
	asked->event.policy_serial = atomic_load(&asked->view->policy_serial);
}

void asked_unlock(struct asked *asked)
{
	pthread_rwlock_unlock(&asked->view->gate->policy_lock);
	pthread_mutex_unlock(&asked->device->lock);
}

int asked_visible(struct asked *asked, uint32_t id, struct scene *scene)
{
	struct entry *entry = tree_entry(asked->device->tree, id);
	struct rules_decision decision;

	if (!entry || asked->device->is_dropped)
		return asked_failed(asked, BL_STALE);
	scene_set(scene, asked->view, asked->device, entry, -1);
	scene->facts.is_paid = asked->is_paid;
	asked_token(asked, scene);
	if (scene->is_unknown)
		return asked_failed(asked, BL_NO_MEMORY);
	bool is_visible = scene_is_visible(scene, &decision);

	asked_deny(asked, &decision);
	return is_visible ? 0 : ESTALE; /* it was shown once: what is known of it is stale */
}

/* The children of a directory that may be walked are known after this. 0 or the errno. */
static int directory_ready(struct asked *asked)
{
	struct scene scene;

	asked_lock(asked);
	int error = asked_visible(asked, asked->entry, &scene);
	bool is_directory = !error && scene.entry->attr.type == IMAGE_DIR;
	bool is_ready = is_directory && scene.entry->load == LOAD_READY;

	asked_unlock(asked);
	if (error || is_ready)
		return error;
	if (!is_directory)
		return ENOTDIR;
	enum bl_status status = device_load(asked->device, asked->entry);

	return status == BL_OK ? 0 : asked_failed(asked, status);
}

/* ---- words of our own in the root -------------------------------------------------------------------- */

static int root_notice_attr(struct asked *asked, struct gate_attr *out_attr)
{
	const struct gate_view *view = asked->view;
	size_t length, total;
	enum bl_status status = root_notice(asked->view, 0, NULL, 0, &length, &total);

	if (status != BL_OK)
		return asked_failed(asked, status);
	asked_rule(asked, RULE_NOTICE);
	*out_attr = (struct gate_attr){
		.node = ROOT_NOTICE_NODE,
		.inode = ROOT_NOTICE_NODE,
		.has_stat = true,
		.attr = {.type = IMAGE_FILE,
			 .mode = S_IFREG | 0444,
			 .uid = view_owner_uid(view),
			 .gid = view_owner_gid(view),
			 .nlink = 1,
			 .size_bytes = total,
			 .blocks_512 = (total + 511) / 512},
	};
	return 0;
}

/* ---- lookup -------------------------------------------------------------------------------------------- */

static bool is_shown_as(struct asked *asked, struct entry *entry, const char *name,
			struct scene *scene)
{
	char shown[MASK_NAME_SIZE];

	scene_set(scene, asked->view, asked->device, entry, -1);
	scene_name(scene, shown);
	return strcmp(shown, name) == 0;
}

/* The entry that this view shows under @name: by the mark in it, or by the name itself when nothing is hidden. */
static bool find_shown(struct asked *asked, const char *name, size_t length, struct scene *scene)
{
	struct gate_device *device = asked->device;
	const char *mark = mask_name_mark(name, length);
	struct entry *entry = NULL;

	scene->is_unknown = false;
	if (mark && device->keys)
		entry = tree_find_mark(device->tree, asked->entry, mark, device->keys->mask);
	if (entry && (is_shown_as(asked, entry, name, scene) || scene->is_unknown))
		return true;
	entry = tree_find_name(device->tree, asked->entry, name, length);
	return entry && is_shown_as(asked, entry, name, scene);
}

static int lookup_shown(struct asked *asked, const char *name, size_t length)
{
	struct scene scene;
	struct rules_decision decision;

	if (asked->device->is_dropped)
		return asked_failed(asked, BL_STALE);
	bool is_found = find_shown(asked, name, length, &scene);

	if (scene.is_unknown)
		return asked_failed(asked, BL_NO_MEMORY);
	if (!is_found) {
		scene_set(&scene, asked->view, asked->device,
			  tree_entry(asked->device->tree, asked->entry), -1);
		scene_token(&scene, name, asked->event.token);
		asked->is_unnamed = false; /* a name that is not there is no node's */
		return ENOENT;
	}
	asked_token(asked, &scene);
	bool is_visible = scene_is_visible(&scene, &decision);

	asked_deny(asked, &decision);
	if (!is_visible)
		return ENOENT;
	scene_attr(&scene, &asked->reply->attr);
	return 0;
}

static int lookup_child(struct asked *asked, uint64_t parent, const char *name)
{
	size_t length = strlen(name);
	int error = asked_node(asked, parent);

	if (error)
		return error;
	if (length > IMAGE_NAME_LIMIT)
		return ENAMETOOLONG;
	error = directory_ready(asked);
	if (error)
		return error;
	asked_lock(asked);
	error = lookup_shown(asked, name, length);
	asked_unlock(asked);
	return error;
}

/* A device that the view may not see is answered like one that is not there. */
static int lookup_device(struct asked *asked, const char *name)
{
	if (strcmp(name, ROOT_NOTICE_NAME) == 0)
		return root_notice_attr(asked, &asked->reply->attr);
	/* One that begins anew is there: whoever asks again because it went stale just now finds the new one. */
	asked->device = atomic_load(&asked->view->gate->renewals)
				? gate_device_settled(asked->view->gate, name)
				: gate_device_named(asked->view->gate, name);
	if (asked->device && !view_shows(asked->view, asked->device))
		gate_device_unref(BL_TAKE(asked->device));
	if (!asked->device)
		return ENOENT;
	struct scene scene;

	memcpy(asked->event.device, asked->device->id, sizeof(asked->event.device));
	asked_lock(asked);
	int error = asked_visible(asked, 0, &scene);

	if (!error)
		scene_attr(&scene, &asked->reply->attr);
	asked_unlock(asked);
	return error && error != ENOMEM ? ENOENT : error;
}

void gate_lookup(struct gate_view *view, const struct gate_caller *caller, uint64_t parent,
		 const char *name, struct gate_reply *reply)
{
	struct asked asked;

	if (!asked_begin(&asked, view, caller, AUDIT_LOOKUP, reply))
		return;
	asked_finish(&asked, parent == GATE_ROOT ? lookup_device(&asked, name)
						 : lookup_child(&asked, parent, name));
}

/* ---- attributes ------------------------------------------------------------------------------------------ */

static void root_attr(const struct gate_view *view, struct gate_attr *out_attr)
{
	*out_attr = (struct gate_attr){
		.node = GATE_ROOT,
		.inode = GATE_ROOT,
		.has_stat = true,
		.attr = {.type = IMAGE_DIR,
			 .mode = 040555,
			 .uid = view_owner_uid(view),
			 .gid = view_owner_gid(view),
			 .nlink = 1},
	};
}

static int getattr_now(struct asked *asked)
{
	struct scene scene;
	struct rules_decision decision;
	int error;

	asked_lock(asked);
	error = asked_visible(asked, asked->entry, &scene);
	if (!error) {
		scene_attr(&scene, &asked->reply->attr);
		if (!asked->reply->attr.has_stat) {
			scene_decide(&scene, ACTION_STAT, &decision);
			error = asked_deny(asked, &decision);
			memset(&asked->reply->attr, 0, sizeof(asked->reply->attr));
		}
	}
	asked_unlock(asked);
	return error;
}

/*
 * The file that used a limit up stays readable while it is open, and whoever reads it asks for its size first: the kernel
 * does not say by which descriptor.
 */
static int getattr(struct asked *asked, uint64_t node)
{
	int error = asked_node(asked, node);

	if (error)
		return error;
	const struct audit_event before = asked->event;

	error = getattr_now(asked);
	if (!error || strcmp(asked->event.rule, "limit") != 0 ||
	    !view_has_open(asked->view, asked->device, asked->entry))
		return error;
	asked->event = before;
	asked->is_paid = true;
	return getattr_now(asked);
}

void gate_getattr(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		  struct gate_reply *reply)
{
	struct asked asked;

	if (!asked_begin(&asked, view, caller, AUDIT_STAT, reply))
		return;
	if (node == GATE_ROOT) {
		/* Of our own making, the same for everybody: nothing is revealed. */
		root_attr(view, &reply->attr);
		asked_untold(&asked, 0);
		return;
	}
	asked_finish(&asked, node == ROOT_NOTICE_NODE ? root_notice_attr(&asked, &reply->attr)
						      : getattr(&asked, node));
}

/* ---- links -------------------------------------------------------------------------------------------------- */

/* One component of a target, masked as a name is. The mark is the link's: it leads nowhere, and says nothing. */
static bool mask_component(struct asked *asked, const struct mask *mask, const char *part,
			   size_t length, char out[MASK_NAME_SIZE])
{
	struct detect_spans spans = {0};
	uint64_t node_id = (uint64_t)asked->device->slot << 32 | asked->entry;

	if (detect_scan_name(asked->device->scanner, part, length, &spans) != BL_OK) {
		detect_spans_free(&spans);
		return false;
	}
	if (spans.count) {
		mask_name(mask, part, length, &spans, node_id, out);
	} else {
		memcpy(out, part, length);
		out[length] = 0;
	}
	detect_spans_free(&spans);
	return true;
}

static bool mask_target(struct asked *asked, const struct mask *mask, const char *target,
			uint8_t *buffer, size_t size)
{
	size_t used = 0;

	for (;;) {
		size_t length = strcspn(target, "/");
		char shown[MASK_NAME_SIZE] = "";

		if (length > IMAGE_NAME_LIMIT ||
		    (length && !mask_component(asked, mask, target, length, shown)))
			return false;
		size_t shown_length = strlen(shown);

		if (used + shown_length + 1 > size)
			return false;
		memcpy(buffer + used, shown, shown_length);
		used += shown_length;
		if (!target[length])
			break;
		buffer[used++] = '/';
		target += length + 1;
	}
	if (used == size)
		return false;
	buffer[used] = 0;
	asked->reply->bytes = buffer;
	asked->reply->length = used;
	return true;
}

static int readlink_of(struct asked *asked, uint64_t node, uint8_t *buffer, size_t size)
{
	struct scene scene;
	struct mask mask;
	char target[4096];
	int error = asked_node(asked, node);

	if (error)
		return error;
	asked_lock(asked);
	error = asked_visible(asked, asked->entry, &scene);
	bool is_link = !error && scene.entry->attr.type == IMAGE_LINK;
	unsigned volume = is_link ? scene.entry->volume : 0;
	uint64_t inode = is_link ? scene.entry->inode : 0;

	if (is_link)
		scene_mask(&scene, &mask);
	asked_unlock(asked);
	if (error || !is_link)
		return error ? error : EINVAL;
	enum bl_status status =
		image_readlink(asked->device->image, volume, inode, target, sizeof(target), NULL);

	if (status != BL_OK)
		return asked_failed(asked, status);
	return mask_target(asked, &mask, target, buffer, size) ? 0 : asked_failed(asked, BL_IO);
}

void gate_readlink(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		   uint8_t *buffer, size_t size, struct gate_reply *reply)
{
	struct asked asked;

	if (!asked_begin(&asked, view, caller, AUDIT_READLINK, reply))
		return;
	bool is_ours = node == GATE_ROOT || node == ROOT_NOTICE_NODE;

	asked_finish(&asked, is_ours ? EINVAL : readlink_of(&asked, node, buffer, size));
}

/* ---- directories ---------------------------------------------------------------------------------------------- */

struct listing {
	gate_add_fn *add;
	void *context;
	size_t count;
	enum bl_status status; /* why it goes no further, when the buffer is not full */
};

/* One entry of a listing. False: the buffer is full, or nobody knows whether it is to be seen. */
static bool list_one(struct asked *asked, struct entry *entry, uint64_t next,
		     struct listing *listing)
{
	struct scene scene;
	struct rules_decision decision;
	struct gate_attr attr;
	char shown[MASK_NAME_SIZE];

	scene_set(&scene, asked->view, asked->device, entry, -1);
	if (scene.is_unknown) {
		listing->status = BL_NO_MEMORY;
		return false;
	}
	if (!scene_is_visible(&scene, &decision))
		return true;
	if (entry->id == 0)
		memcpy(shown, asked->device->id, sizeof(asked->device->id));
	else
		scene_name(&scene, shown);
	scene_attr(&scene, &attr);
	if (!listing->add(listing->context, shown, &attr, next))
		return false;
	listing->count++;
	return true;
}

static int list_directory(struct asked *asked, uint64_t offset, struct listing *listing)
{
	struct scene scene;
	int error = directory_ready(asked);

	if (error)
		return error;
	asked_lock(asked);
	/* What is named is as old as the first name. */
	uint64_t epoch = asked->reply->epoch;

	error = asked_visible(asked, asked->entry, &scene);
	/* Now: what the scene is made of may go while the lock is not held. */
	bool extends = !error && scene_extends(&scene);

	for (uint64_t i = offset; !error && i < scene.entry->count; i++) {
		struct entry *child =
			tree_entry(asked->device->tree, scene.entry->first + (uint32_t)i);

		if (asked->device->is_dropped || !list_one(asked, child, i + 1, listing))
			break;
		if (i % GATE_LIST_STEP == GATE_LIST_STEP - 1) {
			asked_unlock(asked);
			asked_lock(asked);
		}
	}
	asked->is_look = extends && listing->count;
	asked->reply->epoch = epoch;
	asked_unlock(asked);
	return error;
}

/* Behind the devices, so that it takes no cookie of theirs. */
static void list_root_notice(struct asked *asked, uint64_t next, struct listing *listing)
{
	struct gate_attr attr;

	int error = root_notice_attr(asked, &attr);

	if (error == ENOMEM)
		listing->status = BL_NO_MEMORY;
	if (error == 0 && listing->add(listing->context, ROOT_NOTICE_NAME, &attr, next))
		listing->count++;
	asked->event.verdict = AUDIT_PERMITTED;
	asked->event.rule[0] = 0;
}

static void list_root(struct asked *asked, const struct gate_handle *handle, uint64_t offset,
		      struct listing *listing)
{
	/* Each device is judged for itself: what the reply names is as old as the first of them. */
	uint64_t epoch = asked->reply->epoch;
	bool is_full = false;

	for (uint64_t i = offset; i < handle->slot_count && !is_full; i++) {
		asked->device = gate_device_of(asked->view->gate, (uint64_t)handle->slots[i] << 32);
		if (!asked->device)
			continue;
		asked_lock(asked);
		is_full = !list_one(asked, tree_entry(asked->device->tree, 0), i + 1, listing);
		asked_unlock(asked);
		gate_device_unref(BL_TAKE(asked->device));
	}
	if (!is_full && offset <= handle->slot_count)
		list_root_notice(asked, handle->slot_count + 1, listing);
	asked->reply->epoch = epoch;
}

static int handle_slots(const struct gate_view *view, struct gate_handle *handle)
{
	struct gate *gate = view->gate;
	size_t count = 0;

	pthread_rwlock_rdlock(&gate->policy_lock);
	for (struct gate_device *device = gate->devices; device; device = device->next)
		count++;
	handle->slots = calloc(count + 1, sizeof(*handle->slots));
	if (handle->slots) {
		for (struct gate_device *device = gate->devices; device; device = device->next)
			if (view_shows(view, device))
				handle->slots[handle->slot_count++] = device->slot;
	}
	pthread_rwlock_unlock(&gate->policy_lock);
	return handle->slots ? 0 : ENOMEM;
}

static int opendir_of(struct asked *asked, uint64_t node, struct gate_handle *handle)
{
	struct scene scene;

	if (node == GATE_ROOT)
		return handle_slots(asked->view, handle);
	if (node == ROOT_NOTICE_NODE)
		return ENOTDIR;
	int error = asked_node(asked, node);

	if (error)
		return error;
	asked_lock(asked);
	error = asked_visible(asked, asked->entry, &scene);
	if (!error && scene.entry->attr.type != IMAGE_DIR)
		error = ENOTDIR;
	asked_unlock(asked);
	handle->device = gate_device_ref(asked->device);
	handle->entry = asked->entry;
	memcpy(handle->token, asked->event.token, sizeof(handle->token));
	return error;
}

void gate_opendir(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		  struct gate_reply *reply)
{
	struct asked asked;
	struct gate_handle *handle;

	if (!asked_begin(&asked, view, caller, AUDIT_LIST, reply))
		return;
	handle = handle_new();
	int error = handle ? opendir_of(&asked, node, handle) : ENOMEM;

	if (!error && !handle_add(view, handle))
		error = asked_failed(&asked, BL_STALE);
	if (error) {
		handle_free(handle);
		asked_finish(&asked, error);
		return;
	}
	/* No name has been shown yet: the events come with the names. */
	reply->handle = (uint64_t)(uintptr_t)handle;
	asked_untold(&asked, 0);
}

void gate_readdir(struct gate_view *view, const struct gate_caller *caller, uint64_t handle_number,
		  uint64_t offset, gate_add_fn *add, void *context, struct gate_reply *reply)
{
	struct gate_handle *handle = (struct gate_handle *)(uintptr_t)handle_number;
	struct listing listing = {add, context, 0, BL_OK};
	struct asked asked;
	int error = 0;

	if (!asked_begin(&asked, view, caller, AUDIT_LIST, reply))
		return;
	asked.event.handle = handle->number;
	if (handle->slots) {
		list_root(&asked, handle, offset, &listing);
	} else {
		pthread_mutex_lock(&handle->lock);
		if (handle->device)
			asked.device = gate_device_ref(handle->device);
		asked.entry = handle->entry;
		pthread_mutex_unlock(&handle->lock);
		if (asked.device)
			memcpy(asked.event.device, asked.device->id, sizeof(asked.event.device));
		error = asked.device ? list_directory(&asked, offset, &listing)
				     : asked_failed(&asked, BL_STALE);
	}
	/* A batch that ends early is asked for again from there; an empty one would be the end. */
	if (!error && listing.status != BL_OK && listing.count == 0)
		error = asked_failed(&asked, listing.status);
	reply->length = listing.count;
	asked.event.offset = offset;
	asked.event.bytes = listing.count;
	if (!error && listing.count == 0) {
		asked_untold(&asked, 0); /* the end: no name is shown */
		return;
	}
	asked_finish(&asked, error);
}
