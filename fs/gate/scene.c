#include "fs/gate/private.h"

#include <string.h>
#include <sys/stat.h>

/* ---- places ---------------------------------------------------------------------------------------- */

static enum bl_status places_ready(struct gate_device *device)
{
	struct gate *gate = device->gate;

	if (device->places && device->places_generation == gate->generation)
		return BL_OK;
	struct rules_device asked = {.id = device->id, .kind = (int)device->kind};

	/* Many states take long to free: whoever set the policy does that, unless they were overtaken. */
	if (device->old_places)
		rules_places_free(device->places);
	else
		device->old_places = device->places;
	device->places = NULL;
	enum bl_status status =
		gate->policy ? rules_places_new(gate->policy, &asked, &device->places, NULL)
			     : BL_FORBIDDEN;

	if (status == BL_OK)
		device->places_generation = gate->generation;
	return status;
}

/* The place of an entry: climb to what is known under this policy, then step down again. */
static enum bl_status entry_place(struct gate_device *device, struct entry *entry,
				  rules_place *out_place)
{
	uint32_t way[GATE_DEPTH + 1];
	size_t depth = 0;
	rules_place place = rules_places_root(device->places);

	for (; entry->kind == ENTRY_IMAGE; entry = tree_entry(device->tree, entry->parent)) {
		if (entry->place_generation == device->places_generation) {
			place = entry->place;
			break;
		}
		if (depth == BL_COUNT(way))
			return BL_TOO_LARGE;
		way[depth++] = entry->id;
	}
	while (depth > 0) {
		struct entry *step = tree_entry(device->tree, way[--depth]);
		enum bl_status status =
			rules_places_step(device->places, place, step->name, step->length, &place);

		if (status != BL_OK)
			return status;
		step->place = place;
		step->place_generation = device->places_generation;
	}
	*out_place = place;
	return BL_OK;
}

static bool add_other(struct scene *scene, rules_place place)
{
	if (place == scene->facts.place)
		return true;
	for (size_t i = 0; i < scene->facts.other_count; i++) {
		if (scene->others[i] == place)
			return true;
	}
	if (scene->facts.other_count == GATE_LINKS)
		return false;
	scene->others[scene->facts.other_count++] = place;
	return true;
}

/* The places of the entry's other known paths. False: there are too many to judge. */
static bool gather_links(struct scene *scene, struct entry *entry)
{
	struct gate_device *device = scene->device;
	uint32_t seen = 0;

	if (entry->kind != ENTRY_IMAGE)
		return true;
	for (struct entry *link = tree_entry(device->tree, entry->next_link); link != entry;
	     link = tree_entry(device->tree, link->next_link)) {
		rules_place place;

		if (++seen > GATE_LINKS_SEEN)
			return false;
		enum bl_status status = entry_place(device, link, &place);

		scene->is_unknown = status == BL_NO_MEMORY;
		if (status != BL_OK || !add_other(scene, place))
			return false;
	}
	return true;
}

/* ---- approvals ------------------------------------------------------------------------------------ */

/* Does the view show the entry by this name? A masked name is known by its mark, whatever the styles around it. */
static bool is_named(const struct gate_device *device, const struct entry *entry, const char *name)
{
	if (!entry->find)
		return strcmp(entry->name, name) == 0;
	const char *mark = mask_name_mark(name, strlen(name));
	char own[MASK_MARK + 1];

	if (!mark || !device->keys)
		return false;
	mask_mark(device->keys->mask, entry->find->node_id, own);
	return memcmp(mark, own, MASK_MARK) == 0;
}

/* Is the entry what the request was about, or below it? */
static bool is_covered(const struct gate_device *device, const struct entry *entry,
		       const struct gate_grant *grant)
{
	if (entry->depth < grant->depth)
		return false;
	while (entry->depth > grant->depth)
		entry = tree_entry(device->tree, entry->parent);
	for (size_t i = grant->depth; i > 0; entry = tree_entry(device->tree, entry->parent))
		if (!is_named(device, entry, grant->parts[--i]))
			return false;
	return true;
}

static void gather_approvals(struct scene *scene)
{
	const struct gate_facts *facts = scene->device->facts;

	for (size_t i = 0; facts && i < facts->grant_count; i++) {
		const struct gate_grant *grant = &facts->grants[i];

		if (grant->request->by == scene->view->uid &&
		    is_covered(scene->device, scene->entry, grant))
			scene->facts.approval_count += grant_approvals(
				scene->view, grant, scene->approvals + scene->facts.approval_count);
	}
}

/* ---- facts ------------------------------------------------------------------------------------------ */

static void gather_facts(struct scene *scene)
{
	const struct gate_view *view = scene->view;
	const struct gate_facts *facts = scene->device->facts;
	const struct device_facts *record = facts ? facts->record : NULL;
	int64_t until;

	usage_read(view->usage, &scene->used);
	gather_approvals(scene);
	if (!record)
		return;
	if (view->purpose && record->consent_count)
		scene->facts.consent = device_consent_of(record, view->purpose);
	if (record->check_count)
		scene->facts.caller_check =
			device_check_of(record, view->uid, view->now_unix, &until);
}

static void begin(struct scene *scene, struct gate_view *view, struct gate_device *device,
		  struct entry *entry, int kind)
{
	bool is_directory = entry->attr.type == IMAGE_DIR;

	scene->view = view;
	scene->device = device;
	scene->entry = entry;
	scene->closed = NULL;
	scene->is_unknown = false;
	scene->blind = 0;
	scene->facts = (struct rules_facts){
		.other_places = scene->others,
		.kind = kind,
		.size_bytes = is_directory || entry->attr.size_bytes > INT64_MAX
				      ? -1
				      : (int64_t)entry->attr.size_bytes,
		.state = (int)device->state,
		.is_log_writable = audit_is_writable(device->gate->config.audit),
		.is_directory = is_directory,
		.used = &scene->used,
		.approvals = scene->approvals,
	};
	gather_facts(scene);
}

void scene_device(struct scene *scene, struct gate_view *view, struct gate_device *device)
{
	begin(scene, view, device, tree_entry(device->tree, 0), -1);
}

/* Without a detector for a class nobody knows whether it is there, however much was looked through. */
static bl_classes blind_classes(const struct policy *policy)
{
	bl_classes built_in = CLASS_BIT(CLASS_COUNT) - 1;

	return policy_detects(policy) & built_in & ~detect_supported();
}

void scene_look(struct scene *scene, const struct gate_file *file)
{
	scene->facts.is_whole_known = atomic_load(&file->is_whole);
	scene->facts.has = atomic_load(&file->found);
	scene->blind = blind_classes(scene->view->gate->policy);
}

void scene_set(struct scene *scene, struct gate_view *view, struct gate_device *device,
	       struct entry *entry, int kind)
{
	begin(scene, view, device, entry, kind);
	bool is_open = view->subject && view_shows(view, device) && !device->is_dropped &&
		       device->facts && device->facts->status == BL_OK;
	enum bl_status status = is_open ? places_ready(device) : BL_FORBIDDEN;

	if (status == BL_OK)
		status = entry_place(device, entry, &scene->facts.place);
	if (status != BL_OK) {
		scene->closed = RULE_GATE;
		scene->is_unknown = status == BL_NO_MEMORY;
		return;
	}
	scene->facts.places = device->places;
	if (entry->file)
		scene_look(scene, entry->file);
	if (!gather_links(scene, entry))
		scene->closed = RULE_LINKS;
}

/* ---- deciding --------------------------------------------------------------------------------------- */

/*
 * A permit that a class nobody can look for would undo is none: what is permitted with all such classes and without any of
 * them is permitted with some, since more of them make no forbid or withhold false, and fewer make no permit true.
 */
static void decide_blind(const struct scene *scene, enum bl_action action, unsigned class,
			 struct rules_decision *out_decision)
{
	struct rules_facts facts = scene->facts;

	facts.has |= scene->blind;
	rules_decide(scene->view->subject, &facts, action, class, out_decision);
}

void scene_decide_class(const struct scene *scene, enum bl_action action, unsigned class,
			struct rules_decision *out_decision)
{
	if (scene->closed) {
		*out_decision = (struct rules_decision){
			.outcome = RULES_FORBID, .by = RULES_BY_GATE, .rule = scene->closed};
		return;
	}
	rules_decide(scene->view->subject, &scene->facts, action, class, out_decision);
	if (out_decision->outcome == RULES_PERMIT && scene->facts.is_whole_known && scene->blind)
		decide_blind(scene, action, class, out_decision);
}

void scene_decide(const struct scene *scene, enum bl_action action,
		  struct rules_decision *out_decision)
{
	scene_decide_class(scene, action, 0, out_decision);
}

bool scene_is_visible(const struct scene *scene, struct rules_decision *out_decision)
{
	scene_decide(scene, ACTION_LIST, out_decision);
	if (out_decision->outcome == RULES_PERMIT)
		return true;
	if (scene->closed || out_decision->by == RULES_BY_GATE)
		return false;
	struct rules_facts facts = scene->facts;

	/* A notice lies in a directory of ours, and goes with it. */
	facts.is_directory |= scene->entry->kind == ENTRY_NOTICE;
	if (!facts.is_directory || !rules_may_walk(scene->view->subject, &facts))
		return false;
	*out_decision = (struct rules_decision){
		.outcome = RULES_PERMIT, .by = RULES_BY_BASELINE, .rule = RULE_WALK};
	return true;
}

void scene_mask(const struct scene *scene, struct mask *out_mask)
{
	memset(out_mask, 0, sizeof(*out_mask)); /* all STYLE_FILL */
	if (!scene->closed)
		rules_styles(scene->view->subject, &scene->facts, out_mask->styles);
	memcpy(out_mask->key, scene->device->keys->mask, sizeof(out_mask->key));
}

bl_classes scene_mask_contents(const struct scene *scene, struct mask *out_mask)
{
	bl_classes originals = 0;

	scene_mask(scene, out_mask);
	if (scene->closed)
		return 0;
	rules_shows(scene->view->subject, &scene->facts, view_contents(scene->view),
		    out_mask->styles);
	for (unsigned class = 0; class < CLASS_LIMIT; class ++)
		if (out_mask->styles[class] == STYLE_ORIGINAL)
			originals |= CLASS_BIT(class);
	/* What nobody looks for is not found, and neither masked nor shown as anything. */
	return originals & policy_detects(scene->view->gate->policy);
}

void scene_name(const struct scene *scene, char out[MASK_NAME_SIZE])
{
	const struct entry *entry = scene->entry;

	if (!entry->find) {
		memcpy(out, entry->name, (size_t)entry->length + 1);
		return;
	}
	struct mask mask;

	scene_mask(scene, &mask);
	mask_name(&mask, entry->name, entry->length, &entry->find->spans, entry->find->node_id,
		  out);
}

void scene_token(const struct scene *scene, const char *child, uint8_t out[AUDIT_TOKEN])
{
	char path[GATE_PATH];
	size_t length;

	memset(out, 0, AUDIT_TOKEN);
	if (scene->device->keys && (scene->entry->id != 0 || child) &&
	    tree_path(scene->device->tree, scene->entry, child, path, &length))
		audit_token(scene->device->keys->names, path, length, out);
}

/* ---- attributes --------------------------------------------------------------------------------------- */

static uint32_t mode_of(const struct image_attr *attr)
{
	uint32_t bits = attr->mode & 0555;

	switch (attr->type) {
	case IMAGE_FILE:
		return S_IFREG | bits | 0400;
	case IMAGE_DIR:
		return S_IFDIR | bits | 0500;
	case IMAGE_LINK:
		return S_IFLNK | 0777;
	case IMAGE_OTHER:
		break;
	}
	uint32_t format = attr->mode & S_IFMT;
	bool is_known =
		format == S_IFIFO || format == S_IFCHR || format == S_IFBLK || format == S_IFSOCK;

	return (is_known ? format : S_IFSOCK) | bits; /* a socket: what cannot be opened */
}

/* One number per file of the view: the image's own where volume and slot fit beside it. */
static uint64_t inode_of(const struct gate_device *device, const struct entry *entry)
{
	uint64_t base = (uint64_t)device->slot << 52 ^ (uint64_t)(entry->volume + 1u) << 42;

	if (entry->kind == ENTRY_DEVICE)
		return (uint64_t)device->slot << 52 | 1;
	if (entry->kind == ENTRY_NOTICE)
		return base ^ 1;
	uint64_t folded = entry->inode ^ (entry->inode >> 40) * UINT64_C(0x9e3779b97f4a7c15);

	return base ^ (folded & ((UINT64_C(1) << 42) - 1)) ^ 2;
}

void scene_attr(const struct scene *scene, struct gate_attr *out_attr)
{
	const struct entry *entry = scene->entry;
	const struct gate_view *view = scene->view;
	struct rules_decision list, stat;
	bool is_own = entry->kind != ENTRY_IMAGE;

	scene_decide(scene, ACTION_LIST, &list);
	scene_decide(scene, ACTION_STAT, &stat);
	bool is_walked = list.outcome != RULES_PERMIT && entry->attr.type == IMAGE_DIR;

	*out_attr = (struct gate_attr){
		.node = (uint64_t)scene->device->slot << 32 | entry->id,
		.inode = inode_of(scene->device, entry),
		.has_stat = is_own || is_walked || stat.outcome == RULES_PERMIT,
		.attr = {.type = entry->attr.type, .nlink = 1},
	};
	if (is_own || stat.outcome == RULES_PERMIT)
		out_attr->attr = entry->attr;
	if (is_own) {
		int64_t since_ns = scene->device->since_unix * INT64_C(1000000000);

		out_attr->attr.mtime_ns = out_attr->attr.atime_ns = out_attr->attr.ctime_ns =
			since_ns;
	}
	if (entry->kind == ENTRY_NOTICE) {
		char text[512];

		out_attr->attr.size_bytes = notice_text(scene->device, entry, text, sizeof(text));
	}
	out_attr->attr.mode =
		is_own || stat.outcome == RULES_PERMIT
			? mode_of(&entry->attr)
			: mode_of(&(struct image_attr){.type = entry->attr.type,
						       .mode = entry->attr.mode & S_IFMT});
	out_attr->attr.uid = view_owner_uid(view);
	out_attr->attr.gid = view_owner_gid(view);
}
