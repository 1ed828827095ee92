/* Extended attributes of files: docs/serving.md, "Extended attributes". */
#include "fs/gate/private.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USERS "user."
#define OURS  "user.bailee."

_Static_assert(GATE_XATTR_ROOM >= IMAGE_XATTR_LIMIT, "any value fits into a buffer");
_Static_assert(IMAGE_XATTR_LIMIT <= DETECT_WINDOW, "a value is one window");

/* Whose attributes are asked for. */
struct subject {
	bool is_file; /* of the image; else it has none */
	unsigned volume;
	uint64_t inode;
	bl_classes classes; /* that are looked for */
	bool extends;	    /* scene_extends */
};

static int subject_of(struct asked *asked, uint64_t node, struct subject *out)
{
	struct scene scene;

	if (node == GATE_ROOT || node == ROOT_NOTICE_NODE)
		return 0;
	int error = asked_node(asked, node);

	if (error)
		return error;
	asked_lock(asked);
	error = asked_visible(asked, asked->entry, &scene);
	if (!error && scene.entry->kind == ENTRY_IMAGE && scene.entry->attr.type == IMAGE_FILE)
		*out = (struct subject){true, scene.entry->volume, scene.entry->inode,
					asked->device->classes, scene_extends(&scene)};
	asked_unlock(asked);
	return error;
}

/* ---- names ------------------------------------------------------------------------------------------- */

static bool is_users(const char *name, size_t length)
{
	static const size_t USERS_LENGTH = sizeof(USERS) - 1, OURS_LENGTH = sizeof(OURS) - 1;

	return length > USERS_LENGTH && memcmp(name, USERS, USERS_LENGTH) == 0 &&
	       (length < OURS_LENGTH || memcmp(name, OURS, OURS_LENGTH) != 0);
}

/* Has it nothing that would have to be masked? */
static enum bl_status name_is_clean(const struct gate_device *device, const char *name,
				    size_t length, bool *out_is_clean)
{
	struct detect_spans spans = {0};
	enum bl_status status = detect_scan_name(device->scanner, name + sizeof(USERS) - 1,
						 length - (sizeof(USERS) - 1), &spans);

	*out_is_clean = status == BL_OK && spans.count == 0;
	detect_spans_free(&spans);
	return status;
}

struct listed_names {
	const struct gate_device *device;
	uint8_t *buffer;
	size_t used, count;
	enum bl_status status;
};

static bool list_name(void *context, const struct image_xattr *xattr)
{
	struct listed_names *listed = context;
	bool is_clean;

	if (!is_users(xattr->name, xattr->name_length))
		return true;
	listed->status = name_is_clean(listed->device, xattr->name, xattr->name_length, &is_clean);
	if (listed->status != BL_OK || !is_clean)
		return listed->status == BL_OK;
	if (xattr->name_length + 1 > GATE_XATTR_ROOM - listed->used) {
		listed->status = BL_TOO_LARGE;
		return false;
	}
	memcpy(listed->buffer + listed->used, xattr->name, xattr->name_length);
	listed->used += xattr->name_length;
	listed->buffer[listed->used++] = 0;
	listed->count++;
	return true;
}

static int list_names(struct asked *asked, const struct subject *subject,
		      struct listed_names *listed)
{
	enum bl_status status = image_xattrs(asked->device->image, subject->volume, subject->inode,
					     list_name, listed, NULL);

	if (status == BL_OK)
		status = listed->status;
	if (status == BL_TOO_LARGE)
		return E2BIG;
	return status == BL_OK ? 0 : asked_failed(asked, status);
}

void gate_xattrs(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		 uint8_t *buffer, struct gate_reply *reply)
{
	struct listed_names listed = {.buffer = buffer, .used = sizeof(GATE_WHY)};
	struct subject subject = {0};
	struct asked asked;

	if (!asked_begin(&asked, view, caller, AUDIT_LIST, reply))
		return;
	memcpy(buffer, GATE_WHY, sizeof(GATE_WHY));
	int error = subject_of(&asked, node, &subject);

	listed.device = asked.device;
	if (!error && subject.is_file)
		error = list_names(&asked, &subject, &listed);
	if (!error) {
		reply->bytes = buffer;
		reply->length = listed.used;
		asked.event.bytes = listed.count;
		asked.is_look = subject.extends;
	}
	snprintf(asked.event.detail, sizeof(asked.event.detail), "names of extended attributes");
	if (error || listed.count)
		asked_finish(&asked, error);
	else
		asked_untold(&asked, 0);
}

/* ---- values ------------------------------------------------------------------------------------------ */

struct sought {
	const char *name;
	size_t name_length;
	uint8_t *value; /* GATE_XATTR_ROOM bytes */
	size_t length;
	bool is_there;
};

static bool take_value(void *context, const struct image_xattr *xattr)
{
	struct sought *sought = context;

	if (xattr->name_length != sought->name_length ||
	    memcmp(xattr->name, sought->name, sought->name_length) != 0)
		return true;
	memcpy(sought->value, xattr->value, xattr->length);
	sought->length = xattr->length;
	sought->is_there = true;
	return false;
}

/* 0, ENODATA, or what failed. */
static int fetch_value(struct asked *asked, const struct subject *subject, struct sought *sought)
{
	bool is_clean;
	enum bl_status status =
		name_is_clean(asked->device, sought->name, sought->name_length, &is_clean);

	if (status == BL_OK && is_clean)
		status = image_xattrs(asked->device->image, subject->volume, subject->inode,
				      take_value, sought, NULL);
	if (status != BL_OK)
		return asked_failed(asked, status);
	return sought->is_there ? 0 : ENODATA;
}

/* The name says what stands there: all of it is that. */
static enum bl_status add_field(const struct sought *sought, bl_classes classes,
				struct detect_spans *spans)
{
	unsigned class = detect_field_class(sought->name + sizeof(USERS) - 1,
					    sought->name_length - (sizeof(USERS) - 1));

	if (class == CLASS_COUNT || !(classes & CLASS_BIT(class)) || sought->length == 0)
		return BL_OK;
	struct detect_span *grown = realloc(spans->items, (spans->count + 1) * sizeof(*grown));

	if (!grown)
		return BL_NO_MEMORY;
	memmove(grown + 1, grown, spans->count * sizeof(*grown));
	grown[0] =
		(struct detect_span){.length = (uint32_t)sought->length, .class = (uint8_t) class};
	spans->items = grown;
	spans->room = ++spans->count;
	return BL_OK;
}

/* In place. BL_OK, BL_WITHHELD (nobody can look into it), BL_NO_MEMORY */
static enum bl_status mask_value(const struct gate_device *device, const struct subject *subject,
				 const struct mask *mask, struct sought *sought)
{
	struct detect_profile profile;
	struct detect_spans spans = {0};
	const struct detect_window window = {.bytes = sought->value, .core = sought->length};

	detect_profile(sought->value, sought->length, sought->length, NULL, &profile);
	if (!profile.is_text || profile.charset != CHARSET_UTF8 || profile.format != DETECT_PLAIN)
		return BL_WITHHELD;
	enum bl_status status = detect_scan(device->scanner, &window, &spans);

	if (status == BL_OK)
		status = add_field(sought, subject->classes, &spans);
	if (status == BL_OK)
		mask_window(mask, sought->value, 0, sought->length, 0, 0, &spans);
	detect_spans_free(&spans);
	return status == BL_UNSUPPORTED ? BL_WITHHELD : status;
}

static void give_back(struct gate_view *view, size_t bytes)
{
	usage_refund(view->usage, UNIT_BYTES, bytes);
	usage_refund(view->usage, UNIT_FILES, 1);
}

/*
 * Judged as an open of its file; what is given is counted as one file and its bytes. When a limit was reached meanwhile, by
 * anybody, it is judged again.
 */
static int admit(struct asked *asked, size_t bytes, bool is_given, struct mask *out_mask)
{
	struct gate_view *view = asked->view;

	for (;;) {
		int error = contents_admit(asked, is_given, out_mask);

		if (error || !is_given)
			return error;
		if (!usage_reserve(view, UNIT_BYTES, bytes)) {
			usage_refund(view->usage, UNIT_FILES, 1);
			usage_stepped(view);
			continue;
		}
		if (gate_view_epoch(view) == asked->reply->epoch)
			return 0;
		give_back(view, bytes);
	}
}

static int give_value(struct asked *asked, const struct subject *subject, struct sought *sought,
		      bool is_given)
{
	struct mask mask;
	int error = admit(asked, sought->length, is_given, &mask);

	if (error)
		return error;
	enum bl_status status = mask_value(asked->device, subject, &mask, sought);

	sodium_memzero(&mask, sizeof(mask));
	if (status != BL_OK && is_given)
		give_back(asked->view, sought->length);
	if (status == BL_WITHHELD) {
		asked->event.verdict = AUDIT_WITHHELD;
		asked_rule(asked, RULE_UNSCANNED);
		return bl_status_errno(status);
	}
	if (status != BL_OK)
		return asked_failed(asked, status);
	if (usage_is_stepped(asked->view))
		usage_stepped(asked->view);
	return 0;
}

static void value_of(struct asked *asked, const struct subject *subject, struct sought *sought,
		     size_t size)
{
	struct gate_reply *reply = asked->reply;
	int error = fetch_value(asked, subject, sought);
	/* What is told of an empty one is its length. */
	bool is_given = sought->length && size >= sought->length;

	asked->is_attribute = true;
	if (!error)
		error = give_value(asked, subject, sought, is_given);
	if (error || !is_given)
		sodium_memzero(sought->value, GATE_XATTR_ROOM);
	reply->bytes = !error && size >= sought->length ? sought->value : NULL;
	reply->length = error ? 0 : sought->length;
	asked->event.bytes = !error && is_given ? sought->length : 0;
	asked->is_look &= is_given;
	if (!asked->event.detail[0])
		snprintf(asked->event.detail, sizeof(asked->event.detail), "an extended attribute");
	asked_finish(asked, error);
}

void gate_xattr(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		const char *name, uint8_t *buffer, size_t size, struct gate_reply *reply)
{
	struct sought sought = {.name = name, .name_length = strlen(name), .value = buffer};
	struct subject subject = {0};
	struct asked asked;

	if (strcmp(name, GATE_WHY) == 0) {
		gate_why(view, caller, node, buffer, GATE_XATTR_ROOM, reply);
		return;
	}
	/* Asked for at every turn, for labels, rights and lists: decided by nobody, the same everywhere. */
	if (!is_users(name, sought.name_length)) {
		reply->epoch = gate_view_epoch(view);
		reply->error = ENODATA;
		reply->done(reply);
		return;
	}
	if (!asked_begin(&asked, view, caller, AUDIT_READ, reply))
		return;
	int error = subject_of(&asked, node, &subject);

	if (error)
		asked_finish(&asked, error);
	else if (!subject.is_file)
		asked_untold(&asked, ENODATA);
	else
		value_of(&asked, &subject, &sought, size);
}
